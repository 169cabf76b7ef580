// Requests to addresses outside. A Worker cannot see what a name resolves to;
// Cloudflare's own network does not route to private addresses.

import type { Outbound } from "../../src/http/ports/outbound.ts";

export const WORKER_OUTBOUND: Outbound = {
  fetch: (request) => fetch(request, { redirect: "manual" }),
};
