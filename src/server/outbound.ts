// Requests to addresses outside, on Node: each over a connection of its own,
// made to an address that was checked before. Node's `fetch` looks a name up
// once more when it connects, and may be told something else.

import { lookup } from "node:dns/promises";
import http from "node:http";
import https from "node:https";
import { isIPv6, type LookupFunction } from "node:net";
import { Readable } from "node:stream";
import type { ReadableStream as NodeStream } from "node:stream/web";
import type { Outbound } from "../http/ports/outbound.ts";

/** Statuses whose answers have no body (Fetch, section 2.2.3). */
const BODILESS = [204, 205, 304];

export const NODE_OUTBOUND: Outbound = {
  async fetch(request, addresses) {
    const body = new Uint8Array(await request.arrayBuffer());
    return await send(request, body, addresses);
  },
  async resolve(hostname) {
    const found = await lookup(hostname, { all: true });
    return found.map(({ address }) => address);
  },
};

function send(
  request: Request,
  body: Uint8Array,
  addresses: readonly string[] | undefined,
): Promise<Response> {
  const url = new URL(request.url);
  const { request: open } = url.protocol === "https:" ? https : http;
  return new Promise((resolve, reject) => {
    const outgoing = open(url, {
      method: request.method,
      headers: Object.fromEntries(request.headers),
      signal: request.signal,
      // No pool: a connection serves the one request it was checked for.
      agent: false,
      ...(addresses !== undefined && { lookup: onlyThese(addresses) }),
    });
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      try {
        resolve(toResponse(incoming));
      } catch (error) {
        incoming.destroy();
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    outgoing.end(body);
  });
}

/** A look-up whose answer is known: whatever the name, these addresses. */
function onlyThese(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({
    address,
    family: isIPv6(address) ? 6 : 4,
  }));
  return (_hostname, options, callback) => {
    const [first] = found;
    if (first === undefined) {
      callback(new Error("No address to connect to."), "");
    } else if (options.all === true) {
      callback(null, found);
    } else {
      callback(null, first.address, first.family);
    }
  };
}

function toResponse(incoming: http.IncomingMessage): Response {
  const { rawHeaders, statusCode = 0 } = incoming;
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at]!, rawHeaders[at + 1]!);
  }
  if (BODILESS.includes(statusCode)) {
    incoming.resume();
    return new Response(null, { status: statusCode, headers });
  }
  // Node's own stream class is the global one; its types are two.
  const stream = Readable.toWeb(incoming) as NodeStream<Uint8Array>;
  return new Response(stream as unknown as BodyInit, {
    status: statusCode,
    headers,
  });
}
