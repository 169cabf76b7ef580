// How one host of the service proves to another that it asks for a tenant: a
// token over the request itself, good for a minute, signed with the secret both
// have.

import * as v from "valibot";
import { TenantSchema, type ServiceConfig } from "../config.ts";
import { FlorenceError } from "../../shared/errors.ts";
import type { Platform } from "../../shared/analyze/analyze.ts";
import type { Host } from "../host.ts";
import type { Principal } from "../principal.ts";
import { readBody } from "../read-body.ts";

/** Id of a host that asks for itself, about what there is. */
export const INTERNAL_ID = "internal";

const SCHEME = "Florence-Internal ";

/** A clock may be off by this much, and a request on its way. */
const MAX_AGE_MS = 60_000;

/** The key is the secret's own for this use: no other signature passes for it. */
const PURPOSE = "florence internal token 1";

const Claims = v.strictObject({
  tenant: TenantSchema,
  id: v.string(),
  method: v.string(),
  /** With its query. */
  path: v.string(),
  /** SHA-256 of the body, lower-case hexadecimal. */
  body: v.string(),
  at_ms: v.number(),
});

type Claims = v.InferOutput<typeof Claims>;

/** What must be known to sign or to check. */
export interface TokenContext {
  readonly config: Pick<ServiceConfig, "secret">;
  readonly platform: Platform;
}

/**
 * The `Authorization` header of a request.
 *
 * @param request its method, its path with the query, and its whole body.
 */
export async function signInternal(
  { config, platform }: TokenContext,
  principal: Pick<Principal, "tenant" | "id">,
  request: {
    readonly method: string;
    readonly path: string;
    readonly body: Uint8Array;
  },
): Promise<string> {
  const claims: Claims = {
    tenant: principal.tenant,
    id: principal.id,
    method: request.method,
    path: request.path,
    body: await platform.sha256(request.body),
    at_ms: platform.now(),
  };
  const payload = toBase64Url(encode(JSON.stringify(claims)));
  const key = await keyOf(config.secret);
  const mac = await crypto.subtle.sign("HMAC", key, encode(payload));
  return `${SCHEME}${payload}.${toBase64Url(new Uint8Array(mac))}`;
}

/**
 * Checks a request that another host signed, its body included; the request
 * stays readable.
 *
 * The same request may come again within its minute: it asks the same of the
 * same picture for the same tenant, and changes nothing.
 *
 * @param maxBodyBytes a longer body is refused.
 * @returns on whose behalf it asks, for an analysis only; null if it is not
 *   signed in this way.
 * @throws FlorenceError `unauthenticated` if the signature does not hold, is
 *   for another request, or too old; `body_too_large`.
 */
export async function verifyInternal(
  { config, platform }: TokenContext,
  request: Request,
  maxBodyBytes: number,
): Promise<Principal | null> {
  const header = request.headers.get("Authorization") ?? "";
  if (!header.startsWith(SCHEME)) return null;
  const [payload = "", mac = ""] = header.slice(SCHEME.length).split(".");
  const key = await keyOf(config.secret);
  const isOurs = await crypto.subtle.verify(
    "HMAC",
    key,
    fromBase64Url(mac),
    encode(payload),
  );
  if (!isOurs) {
    throw refused("its signature does not hold. Give both hosts the same FLORENCE_SECRET"); // prettier-ignore
  }
  const claims = v.parse(Claims, JSON.parse(decode(fromBase64Url(payload))));
  if (Math.abs(platform.now() - claims.at_ms) > MAX_AGE_MS) {
    throw refused("it is older than a minute. Set both hosts' clocks right");
  }
  const url = new URL(request.url);
  if (
    claims.method !== request.method ||
    claims.path !== url.pathname + url.search
  ) {
    throw refused("it was signed for another method or path");
  }
  const body = await bodyOf(request, maxBodyBytes);
  if (claims.body !== (await platform.sha256(body))) {
    throw refused("it was signed for another body");
  }
  const { tenant, id } = claims;
  return { tenant, id, scopes: ["analyze"] };
}

/** The longest body that another host sends: an image, and what is asked. */
export function internalBodyLimit({ limits }: Pick<Host, "limits">): number {
  return limits.maxImageBytes + limits.maxJsonBytes + 65_536;
}

async function bodyOf(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array();
  return await readBody(
    request.clone(),
    maxBytes,
    () =>
      new FlorenceError(
        "body_too_large",
        `The body of an internal request is more than ${maxBytes} bytes.`,
      ),
  );
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  // workerd's types want an array that could be written to.
  const usages: ("sign" | "verify")[] = ["sign", "verify"];
  const root = await crypto.subtle.importKey(
    "raw",
    encode(secret),
    algorithm,
    false,
    usages,
  );
  const own = await crypto.subtle.sign("HMAC", root, encode(PURPOSE));
  return await crypto.subtle.importKey("raw", own, algorithm, false, usages);
}

function refused(reason: string): FlorenceError {
  return new FlorenceError(
    "unauthenticated",
    `The internal token is refused: ${reason}.`,
  );
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** What is no base64url becomes no bytes, which no signature fits. */
function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]*$/u.test(text) || text.length % 4 === 1) return new Uint8Array();
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}
