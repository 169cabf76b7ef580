// What becomes of an image whose attempt failed: another attempt later, or the
// end of it.

import { isFlorenceError, type ErrorCode } from "../../shared/errors.ts";
import { toProblem } from "../../shared/schema/problem.ts";

/** Attempts an image may fail by itself, not counting "not here, not now". */
export const MAX_FAILURES = 3;

/** Times a process may die over an image before it is taken for the reason. */
export const MAX_CRASHES = 5;

const FIRST_DELAY_MS = 5000;
const MAX_DELAY_MS = 300_000;

/** Codes that say nothing of the image: tried until the job expires. */
const NOT_NOW: readonly ErrorCode[] = [
  "engine_unavailable",
  "warming_up",
  "rate_limited",
];

export interface Attempt {
  /** Attempts so far, this one with it. */
  readonly attempts: number;
  /** Those that failed by themselves, without this one. */
  readonly failures: number;
  readonly nowMs: number;
  /** When the job expires: nothing is tried after. */
  readonly expiresMs: number;
}

export interface Retry {
  readonly dueMs: number;
  /** Whether the attempt counts among those that failed by themselves. */
  readonly isFailure: boolean;
}

/** When to try again, or null: the error is the answer. */
export function retryOf(error: unknown, attempt: Attempt): Retry | null {
  const { attempts, failures, nowMs, expiresMs } = attempt;
  const isNotNow = isFlorenceError(error) && NOT_NOW.includes(error.code);
  const isTransient =
    !isFlorenceError(error) ||
    error.code === "internal" ||
    toProblem(error).retryable;
  if (!isTransient) return null;
  if (!isNotNow && failures + 1 >= MAX_FAILURES) return null;
  const statedMs =
    isFlorenceError(error) && error.retryAfterSeconds !== null
      ? error.retryAfterSeconds * 1000
      : 0;
  const backoffMs = Math.min(
    FIRST_DELAY_MS * 2 ** Math.max(0, attempts - 1),
    MAX_DELAY_MS,
  );
  const dueMs = nowMs + Math.max(backoffMs, statedMs);
  return dueMs >= expiresMs ? null : { dueMs, isFailure: !isNotNow };
}
