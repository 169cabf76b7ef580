// The one way to an address that came from outside: image URLs, callbacks,
// webhook endpoints. Every hop is checked, its connection kept to the addresses
// that were checked, its answer cut at a size and a time.
//
// On Cloudflare a name's addresses cannot be seen (`Outbound.resolve` is left
// out): there the rules judge the name alone, and what keeps private addresses
// out of reach is Cloudflare's network, which has no route to any.

import { FlorenceError, throwIfAborted } from "../../shared/errors.ts";
import { outlast } from "../outlast.ts";
import type { Outbound } from "../ports/outbound.ts";
import {
  checkAddress,
  forbidden,
  isExempt,
  isPublicAddress,
  literalAddress,
  shown,
  type AddressConfig,
} from "./address-rules.ts";
import { startTimeLimit, type TimeLimit } from "./time-limit.ts";

/** What is needed of a host. */
export interface UntrustedHost {
  readonly outbound: Outbound;
  readonly config: AddressConfig;
}

export interface UntrustedRequest {
  /** `GET` if left out. */
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** For all of it: looking up, connecting, redirects, the whole body. */
  readonly timeoutMs: number;
  /** Bytes of the answer's body. */
  readonly maxBytes: number;
  /**
   * Makes the error for a body beyond `maxBytes` (stated in its header, or null
   * where it grew beyond); left out, the body is cut there instead.
   */
  readonly tooLarge?: (statedBytes: number | null) => Error;
  /**
   * Redirects that are followed; 3 if left out. With 0, and for a POST, a
   * redirect is an answer like any other.
   */
  readonly redirects?: number;
  readonly signal?: AbortSignal;
  /** Where the address stands in the request, for problems. */
  readonly pointer?: string;
}

export interface UntrustedAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Not encoded; at most `maxBytes` of them. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** After redirects. */
  readonly finalUrl: string;
}

const MAX_REDIRECTS = 3;

/** Of all the time, at most this much until an answer's headers are here. */
const HEADERS_TIMEOUT_MS = 10_000;

const REDIRECTS = [301, 302, 303, 307, 308];

/** Not taken along when a redirect leads elsewhere. */
const CREDENTIALS = ["authorization", "cookie", "proxy-authorization"];

/** One exchange under way. */
interface Exchange {
  readonly host: UntrustedHost;
  readonly request: UntrustedRequest;
  readonly limit: TimeLimit;
}

/**
 * Asks an address that came from outside.
 *
 * @returns whatever was answered, of any status.
 * @throws FlorenceError `url_forbidden` if the address or one it redirects to
 *   breaks the rules; `url_fetch_failed` if nothing usable was answered in
 *   time; `deadline_exceeded` if the signal was aborted; what `tooLarge` makes.
 */
export async function fetchUntrusted(
  host: UntrustedHost,
  address: string | URL,
  request: UntrustedRequest,
): Promise<UntrustedAnswer> {
  throwIfAborted(request.signal);
  const { pointer, signal } = request;
  const url = checkAddress(address, host.config, pointer);
  const limit = startTimeLimit({
    headersMs: HEADERS_TIMEOUT_MS,
    wholeMs: request.timeoutMs,
    signal,
    expired: (ms) => failed(url, `it took more than ${ms / 1000} s`, pointer),
    aborted: () => abortError(url, signal),
  });
  try {
    return await outlast(follow(url, { host, request, limit }));
  } finally {
    limit.stop();
  }
}

/** Follows redirects by hand. */
async function follow(
  first: URL,
  exchange: Exchange,
): Promise<UntrustedAnswer> {
  const { host, request } = exchange;
  const { method = "GET", redirects = MAX_REDIRECTS, pointer } = request;
  const mostHops = method === "GET" ? redirects : 0;
  const headers = new Headers(request.headers);
  headers.set("Accept-Encoding", "identity");
  let url = first;
  for (let hop = 0; ; hop += 1) {
    const response = await ask(url, headers, exchange);
    if (mostHops === 0 || !REDIRECTS.includes(response.status)) {
      return await readAnswer(response, url, exchange);
    }
    discard(response);
    if (hop === mostHops) {
      throw failed(first, `it redirects more than ${mostHops} times`, pointer);
    }
    const next = nextAddress(response, url, host.config, pointer);
    if (next.origin !== url.origin) {
      for (const name of CREDENTIALS) headers.delete(name);
    }
    url = next;
  }
}

/** One hop: looks its name up, and connects to nothing but what was found. */
async function ask(
  url: URL,
  headers: Headers,
  { host: { outbound, config }, request, limit }: Exchange,
): Promise<Response> {
  const { method = "GET", body, pointer } = request;
  const addresses = isExempt(url, config)
    ? undefined
    : await limit.race(publicAddresses(outbound, url, pointer));
  const sent = new Request(url, {
    method,
    headers,
    redirect: "manual",
    signal: limit.signal,
    ...(body !== undefined && { body }),
  });
  return await limit.race(
    outbound.fetch(sent, addresses).catch((cause: unknown) => {
      throw failed(url, "it cannot be connected to", pointer, cause);
    }),
  );
}

/** The addresses of a name, all of them public; undefined where unseen. */
async function publicAddresses(
  { resolve }: Outbound,
  url: URL,
  pointer: string | undefined,
): Promise<readonly string[] | undefined> {
  const literal = literalAddress(url);
  if (literal !== null) return [literal];
  if (resolve === undefined) return undefined;
  let addresses: readonly string[] = [];
  let cause: unknown;
  try {
    addresses = await resolve(url.hostname);
  } catch (error) {
    cause = error;
  }
  if (addresses.length === 0) {
    throw failed(url, "its host name is not known", pointer, cause);
  }
  // One private address among them is enough: the connection might take it.
  if (!addresses.every(isPublicAddress)) {
    throw forbidden(url, "its host name leads into a private network", pointer);
  }
  return addresses;
}

/** Where a redirect leads, checked like the first address. */
function nextAddress(
  response: Response,
  from: URL,
  config: AddressConfig,
  pointer: string | undefined,
): URL {
  const location = response.headers.get("Location");
  if (location === null || !URL.canParse(location, from.href)) {
    throw failed(from, "it redirects without saying where to", pointer);
  }
  const next = new URL(location, from);
  next.hash = "";
  if (from.protocol === "https:" && next.protocol === "http:") {
    const fault = `it redirects from https to http (${shown(next)})`;
    throw forbidden(from, fault, pointer);
  }
  return checkAddress(next, config, pointer);
}

async function readAnswer(
  response: Response,
  url: URL,
  exchange: Exchange,
): Promise<UntrustedAnswer> {
  exchange.limit.headersCame();
  const { headers, status } = response;
  const encoding = headers.get("Content-Encoding") ?? "identity";
  if (encoding !== "identity") {
    discard(response);
    const why = `it answers compressed (${encoding.slice(0, 40)}) although it was asked not to`;
    throw failed(url, why, exchange.request.pointer);
  }
  const bytes = await readCapped(response, url, exchange);
  return { status, headers, bytes, finalUrl: url.href };
}

/** Stops reading, and gives the connection up, at the limit. */
async function readCapped(
  response: Response,
  url: URL,
  { request: { maxBytes, tooLarge, pointer }, limit }: Exchange,
): Promise<Uint8Array<ArrayBuffer>> {
  const stated = Number(response.headers.get("Content-Length") ?? Number.NaN);
  if (tooLarge !== undefined && stated > maxBytes) {
    discard(response);
    throw tooLarge(stated);
  }
  if (response.body === null) return new Uint8Array(0);
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>; // prettier-ignore
  const readNext = () =>
    reader.read().catch((cause: unknown) => {
      throw failed(url, "its answer breaks off", pointer, cause);
    });
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    while (length <= maxBytes) {
      const { done, value } = await limit.race(readNext());
      if (done) return joined(chunks, length);
      chunks.push(value);
      length += value.byteLength;
    }
    if (tooLarge !== undefined) throw tooLarge(null);
    return joined(chunks, length).subarray(0, maxBytes);
  } finally {
    // A stream that is at its end or broken has nothing to cancel.
    reader.cancel().catch(() => undefined);
  }
}

/** Gives up a body that nobody reads; one that is broken is no matter. */
function discard(response: Response): void {
  response.body?.cancel().catch(() => undefined);
}

function joined(
  chunks: readonly Uint8Array[],
  length: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

function failed(
  url: URL,
  why: string,
  pointer: string | undefined,
  cause?: unknown,
): FlorenceError {
  return new FlorenceError(
    "url_fetch_failed",
    `${shown(url)} could not be read: ${why}. See that it answers from anywhere on the internet.`,
    {
      cause,
      ...(pointer !== undefined && { errors: [{ pointer, detail: why }] }),
    },
  );
}

function abortError(url: URL, signal: AbortSignal | undefined): FlorenceError {
  return new FlorenceError(
    "deadline_exceeded",
    `The request was aborted while ${shown(url)} was being read. Give it more time, or use a faster host.`,
    { cause: signal?.reason, retryable: true },
  );
}
