// Who may do what: runs before every handler whose operation asks for it.

import { FlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import type { AppContext, Operation } from "../operation.ts";
import { OPEN_PRINCIPAL, type Principal } from "../principal.ts";
import { createAuthenticator } from "./authenticate.ts";
import { rateHeaders, rateLimited, takeRequest } from "./rate-limit.ts";

/**
 * Finds out who asks and whether they may, and takes a place in their rate
 * limit; its headers go on the answer.
 *
 * @throws FlorenceError `unauthenticated`, `forbidden`, `rate_limited`.
 */
export type Guard = (
  context: AppContext,
  operation: Operation,
) => Promise<Principal>;

/**
 * The principal of a request that another host of the same service signed; null
 * if it bears no such signature.
 *
 * @throws FlorenceError `unauthenticated` for a signature that does not hold.
 */
export type VerifyInternal = (request: Request) => Promise<Principal | null>;

/**
 * The guard of a host.
 *
 * @param verifyInternal asked first; what it takes is not limited, since the
 *   host that sent it has done so.
 */
export function createGuard(
  host: Host,
  verifyInternal: VerifyInternal = () => Promise.resolve(null),
): Guard {
  const authenticate = createAuthenticator(host);
  return async (context, { access, method, path }) => {
    const request = context.req.raw;
    const internal = await verifyInternal(request);
    const principal = internal ?? (await authenticate(request));
    // In open mode there is nobody to limit but oneself.
    if (internal === null && principal !== OPEN_PRINCIPAL) {
      const state = await takeRequest(host, principal);
      context.set("accessHeaders", rateHeaders(state));
      if (!state.isWithin) throw rateLimited(state);
    }
    if (!mayUse(principal, access)) {
      const has = principal.scopes.join(", ") || "none";
      throw new FlorenceError(
        "forbidden",
        `${method} ${path} needs the scope ${access}; this key has ${has}. Ask for a key with it.`,
      );
    }
    return principal;
  };
}

function mayUse({ scopes }: Principal, access: Operation["access"]): boolean {
  return access === "public" || access === "signed" || scopes.includes(access);
}
