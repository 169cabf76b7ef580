// Who asks: from the `Authorization` header to a principal. Whoever is nobody
// costs no write to the database.

import { FlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import { OPEN_PRINCIPAL, type Principal } from "../principal.ts";
import { findAdmin } from "./admin-key.ts";
import { findApiKey, type ApiKey } from "./api-keys.ts";
import { createTokenVerifier, looksLikeJwt } from "./tokens.ts";

/** Longer ones are no keys, and no tokens that a sane issuer makes. */
const MAX_TOKEN_LENGTH = 8192;

/** `Bearer` and a token68 (RFC 6750, section 2.1). */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*)$/iu;

/** @throws FlorenceError `unauthenticated`, `rate_limited`, `engine_unavailable` */
export type Authenticate = (request: Request) => Promise<Principal>;

export function createAuthenticator(host: Host): Authenticate {
  const { config } = host;
  const verifyToken =
    config.jwt === undefined ? null : createTokenVerifier(host, config.jwt);
  return async (request) => {
    const header = request.headers.get("Authorization");
    if (header === null) {
      if (config.open_mode) return OPEN_PRINCIPAL;
      throw unauthenticated(
        "The request has no API key. Send Authorization: Bearer fk_...",
      );
    }
    const token = bearerOf(header);
    const admin = await findAdmin(host, token);
    if (admin !== null) return admin;
    if (verifyToken !== null && looksLikeJwt(token)) {
      return await verifyToken(token);
    }
    const key = await findApiKey(host, token);
    if (key === null) {
      const hint = config.open_mode
        ? " This service is open: without the header it asks for none."
        : "";
      throw unauthenticated(
        `The API key is none of this service's.${hint} Check that it was copied whole: fk_, an id, _ and 43 characters.`,
      );
    }
    return principalOf(key, host.platform.now());
  };
}

function bearerOf(header: string): string {
  if (header.length > MAX_TOKEN_LENGTH) {
    throw unauthenticated(
      `The Authorization header has ${header.length} characters, which is no key; at most ${MAX_TOKEN_LENGTH} are read.`,
    );
  }
  const [, token] = BEARER.exec(header) ?? [];
  if (token !== undefined) return token;
  throw unauthenticated(
    "The Authorization header is not Bearer, one space and a key. Send Authorization: Bearer fk_...",
  );
}

function principalOf(key: ApiKey, nowMs: number): Principal {
  const { id, tenant, scopes, ratePerMinute, imagesPerMonth } = key;
  if (key.revokedMs !== null) {
    throw unauthenticated(`The API key ${id} was revoked. Ask for another.`);
  }
  if (key.expiresMs !== null && key.expiresMs <= nowMs) {
    throw unauthenticated(
      `The API key ${id} expired on ${new Date(key.expiresMs).toISOString()}. Ask for another.`,
    );
  }
  return {
    id,
    tenant,
    scopes,
    ...(ratePerMinute !== null && { ratePerMinute }),
    ...(imagesPerMonth !== null && { imagesPerMonth }),
  };
}

function unauthenticated(message: string): FlorenceError {
  return new FlorenceError("unauthenticated", message);
}
