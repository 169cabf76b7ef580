// Who may do what: runs before every handler whose operation asks for it.

import type { Host } from "../host.ts";
import type { AppContext, Operation } from "../operation.ts";
import { OPEN_PRINCIPAL, type Principal } from "../principal.ts";

/**
 * Finds out who asks and whether they may.
 *
 * @throws FlorenceError `unauthenticated`, `forbidden`, `rate_limited`.
 */
export type Guard = (
  context: AppContext,
  operation: Operation,
) => Promise<Principal>;

// eslint-disable-next-line @typescript-eslint/no-unused-vars
export function createGuard(_host: Host): Guard {
  return () => Promise.resolve(OPEN_PRINCIPAL);
}
