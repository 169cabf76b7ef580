// Tokens of the configured issuer (JWT, RFC 7519): verified by its public keys,
// taken beside API keys.

import {
  JOSEAlgNotAllowed,
  JOSEError,
  JWTClaimValidationFailed,
  JWTExpired,
} from "jose/errors";
import { createRemoteJWKSet, customFetch } from "jose/jwks/remote";
import { jwtVerify } from "jose/jwt/verify";
import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import { TenantSchema } from "../config.ts";
import type { Host } from "../host.ts";
import { SCOPES, type Principal } from "../principal.ts";
import { ADMIN_TENANT } from "./admin-key.ts";

/**
 * Signatures only the issuer can make. `none` is nobody's, and with HS256
 * whoever verifies could sign.
 */
const ALGORITHMS = ["RS256", "ES256", "EdDSA"];

/** Codes of jose for an issuer that answers with something else than keys. */
const ISSUER_FAULTS: readonly string[] = [
  "ERR_JWKS_TIMEOUT",
  "ERR_JWKS_INVALID",
  "ERR_JOSE_GENERIC",
];

/** How far the issuer's clock may be from ours. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** @throws FlorenceError `unauthenticated`, `engine_unavailable` */
export type VerifyToken = (token: string) => Promise<Principal>;

/** Whether a token has the form of a JWT. */
export function looksLikeJwt(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/u.test(token);
}

/**
 * Verifies tokens by keys that are fetched when they are first needed, and again
 * when a token names one that is not among them.
 */
export function createTokenVerifier(
  { outbound, platform }: Pick<Host, "outbound" | "platform">,
  jwt: NonNullable<Host["config"]["jwt"]>,
): VerifyToken {
  const keys = createRemoteJWKSet(new URL(jwt.jwks_url), {
    [customFetch]: async (url, options) => {
      const request = new Request(url, options);
      try {
        return await outbound.fetch(request);
      } catch (cause) {
        throw issuerUnreachable(cause);
      }
    },
  });
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ALGORITHMS,
        issuer: jwt.issuer,
        audience: jwt.audience,
        requiredClaims: ["exp", "sub"],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(platform.now()),
      });
      return principalOf(payload, jwt.tenant_claim);
    } catch (error) {
      throw error instanceof JOSEError ? refusalOf(error) : error;
    }
  };
}

function principalOf(
  claims: Readonly<Record<string, unknown>>,
  tenantClaim: string,
): Principal {
  const { sub, scope } = claims;
  const tenant = v.safeParse(TenantSchema, claims[tenantClaim]);
  if (!tenant.success || tenant.output === ADMIN_TENANT) {
    throw unauthenticated(
      `The token's ${tenantClaim} names no tenant: 1 to 64 letters, digits, - and _, other than ${ADMIN_TENANT}.`,
    );
  }
  if (typeof sub !== "string" || !/^\S{1,200}$/u.test(sub)) {
    throw unauthenticated(
      "The token's sub names nobody: 1 to 200 characters without spaces.",
    );
  }
  // Scopes of other services stand beside ours (RFC 8693, section 4.2).
  const given = typeof scope === "string" ? scope.split(" ") : [];
  return {
    tenant: tenant.output,
    id: `jwt:${tenant.output}:${sub}`,
    scopes: SCOPES.filter((one) => given.includes(one)),
  };
}

/** What a caller is told: the token is at fault, or its issuer. */
function refusalOf(error: JOSEError): FlorenceError {
  if (error instanceof JWTClaimValidationFailed) {
    return unauthenticated(
      `The token's ${error.claim} is missing or is not what this service takes. Get a token for this service.`,
      error,
    );
  }
  if (error instanceof JWTExpired) {
    return unauthenticated("The token has expired. Get a new one.", error);
  }
  if (error instanceof JOSEAlgNotAllowed) {
    return unauthenticated(
      `The token is signed in a way this service does not take; it takes ${ALGORITHMS.join(", ")}.`,
      error,
    );
  }
  if (ISSUER_FAULTS.includes(error.code)) return issuerUnreachable(error);
  return unauthenticated(
    "The token is none of the configured issuer's: it is cut off or changed, or its key is unknown.",
    error,
  );
}

function unauthenticated(message: string, cause?: unknown): FlorenceError {
  return new FlorenceError("unauthenticated", message, { cause });
}

function issuerUnreachable(cause: unknown): FlorenceError {
  return new FlorenceError(
    "engine_unavailable",
    "The token cannot be checked: its issuer does not show its keys at this time. Try again soon.",
    { cause, retryable: true },
  );
}
