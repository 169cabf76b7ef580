// The edge Worker: the HTTP API over the model in the box, its queues and its
// clock.

import { createEdgeHost } from "./edge-host.ts";
import type { Env } from "./env.ts";
import { serveHost } from "./serve-host.ts";

export default serveHost<Env>(createEdgeHost);
