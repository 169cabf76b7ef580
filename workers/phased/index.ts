// The phased Worker: the HTTP API over a Florence-2 larger than an isolate,
// whose parts run one after another in the same memory.

import { serveHost } from "../edge/serve-host.ts";
import { createPhasedHost, type PhasedEnv } from "./phased-host.ts";

export default serveHost<PhasedEnv>(createPhasedHost);
