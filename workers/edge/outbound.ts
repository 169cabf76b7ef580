// Requests to addresses outside. A Worker cannot see what a name resolves to,
// nor keep a connection to an address: the rules judge the name alone, and
// Cloudflare's network has no route to private addresses. `wrangler dev` runs
// on one's own machine, where a name may well lead into one's own network.

import type { Outbound } from "../../src/http/ports/outbound.ts";

export const WORKER_OUTBOUND: Outbound = {
  async fetch(request) {
    const response = await fetch(request, { redirect: "manual" });
    if (response.body === null || !response.headers.has("Content-Encoding")) {
      return response;
    }
    // The runtime decodes as the body is read, and leaves the header.
    const headers = new Headers(response.headers);
    headers.delete("Content-Encoding");
    headers.delete("Content-Length");
    return new Response(response.body, { status: response.status, headers });
  },
};
