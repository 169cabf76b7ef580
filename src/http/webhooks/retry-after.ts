// What a receiver says of when to come again (RFC 9110, section 10.2.3).

/** Statuses whose `Retry-After` speaks of the receiver's load or rest. */
const STATUSES: readonly number[] = [429, 503];

/**
 * Milliseconds until a receiver wants to be asked again; null where it does not
 * say, or says something that cannot be read.
 *
 * @param nowMs the clock, for answers that name a date.
 */
export function retryAfterMs(
  status: number,
  headers: Headers,
  nowMs: number,
): number | null {
  const value = headers.get("Retry-After")?.trim() ?? "";
  if (!STATUSES.includes(status) || value === "") return null;
  const ms = /^\d+$/u.test(value)
    ? Number(value) * 1000
    : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
