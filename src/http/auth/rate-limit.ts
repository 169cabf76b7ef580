// How many requests a key may make a minute: one row for each key and minute,
// counted up in one statement, so that no two requests take the same place.

import { FlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import { sql } from "../ports/database.ts";
import type { Principal } from "../principal.ts";

const WINDOW_SECONDS = 60;
const WINDOW_MS = WINDOW_SECONDS * 1000;

/** Where a key stands in its minute. */
export interface RateState {
  readonly limit: number;
  readonly remaining: number;
  readonly resetSeconds: number;
  /** Whether the request had a place. */
  readonly isWithin: boolean;
}

/** Takes a place in the minute; a request that gets none writes nothing. */
export async function takeRequest(
  {
    database,
    platform,
    config,
  }: Pick<Host, "database" | "platform" | "config">,
  principal: Principal,
): Promise<RateState> {
  const limit = principal.ratePerMinute ?? config.rate_per_minute;
  const nowMs = platform.now();
  const startMs = Math.floor(nowMs / WINDOW_MS) * WINDOW_MS;
  const [row] = await database.all(
    sql`INSERT INTO usage_windows (principal, kind, window_start_ms, used)
      VALUES (${principal.id}, 'requests', ${startMs}, 1)
      ON CONFLICT (principal, kind, window_start_ms)
      DO UPDATE SET used = used + 1 WHERE used < ${limit}
      RETURNING used`,
  );
  return {
    limit,
    remaining: row === undefined ? 0 : limit - Number(row["used"]),
    resetSeconds: Math.ceil((startMs + WINDOW_MS - nowMs) / 1000),
    isWithin: row !== undefined,
  };
}

/** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers). */
export function rateHeaders({
  limit,
  remaining,
  resetSeconds,
}: RateState): readonly (readonly [string, string])[] {
  return [
    ["RateLimit", `"default";r=${remaining};t=${resetSeconds}`],
    ["RateLimit-Policy", `"default";q=${limit};w=${WINDOW_SECONDS}`],
  ];
}

/** What is said to a request that got no place. */
export function rateLimited({ limit, resetSeconds }: RateState): FlorenceError {
  return new FlorenceError(
    "rate_limited",
    `This key may make ${limit} requests a minute and has made them. Try again in ${resetSeconds} s, or ask for a higher rate_per_minute.`,
    { retryAfterSeconds: resetSeconds },
  );
}
