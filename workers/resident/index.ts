// The Worker that is asked: the HTTP API, pictures and tokens; the model is in
// other Workers behind service bindings.

import { serveHost } from "../edge/serve-host.ts";
import { createResidentHost, type ResidentEnv } from "./resident-host.ts";

export default serveHost<ResidentEnv>(createResidentHost);
