// The edge Worker on ONNX Runtime Web in place of the kernels: a build option,
// and what the kernels are measured against.
//
//   npx wrangler dev workers/onnxruntime/index.ts --assets models/box/bundle

import type { Env } from "../edge/env.ts";
import { serveHost } from "../edge/serve-host.ts";
import { createRuntimeHost } from "./runtime-host.ts";

export default serveHost<Env>(createRuntimeHost);
