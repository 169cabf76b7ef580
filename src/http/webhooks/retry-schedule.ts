// When a delivery that failed is tried again: soon for a hiccup, then for more
// than a day, so that a receiver may be down for as long.

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Waits between attempts, as Standard Webhooks proposes them: 27.6 hours. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  10 * HOUR_MS,
];

/** Up to so much of a wait is added, so that not all come back at once. */
const JITTER = 0.1;

/** A receiver's own wish is kept up to the longest wait there is. */
const MAX_ASKED_MS = Math.max(...RETRY_DELAYS_MS);

/**
 * How long to wait after so many attempts; null when it was the last one.
 *
 * @param random from 0 to 1.
 * @param askedMs the receiver's `Retry-After`: lengthens a wait, never shortens
 *   it, and makes no attempt more.
 */
export function retryDelayMs(
  attempts: number,
  random: number,
  askedMs = 0,
): number | null {
  const delay = RETRY_DELAYS_MS[attempts - 1];
  if (delay === undefined) return null;
  const ms = Math.max(delay, Math.min(askedMs, MAX_ASKED_MS));
  return Math.round(ms * (1 + JITTER * random));
}
