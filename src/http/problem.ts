// How an error leaves as an answer: a problem document (RFC 9457).

import { FlorenceError, isFlorenceError } from "../shared/errors.ts";
import { toProblem, type Problem } from "../shared/schema/problem.ts";

const RETRY_AFTER_SECONDS = 5;

/**
 * The problem document of anything thrown. What is no `FlorenceError` is a bug
 * of ours: its message stays inside.
 *
 * @param instance path of the request.
 */
export function problemOf(
  error: unknown,
  instance: string,
  requestId: string,
): Problem {
  const known = isFlorenceError(error)
    ? error
    : new FlorenceError(
        "internal",
        `Something failed on our side. Try again; if it stays, report request ${requestId}.`,
      );
  return toProblem(known, { instance, requestId });
}

/**
 * When to try again: as the error says, or soon where another try may help.
 * Null where it would not.
 */
export function retryAfterSeconds(
  error: unknown,
  problem: Problem,
): number | null {
  if (isFlorenceError(error) && error.retryAfterSeconds !== null) {
    return error.retryAfterSeconds;
  }
  const isTransient = problem.status === 429 || problem.status === 503;
  return isTransient && problem.retryable ? RETRY_AFTER_SECONDS : null;
}

/** The answer that carries a problem. */
export function problemResponse(
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { "Content-Type": "application/problem+json", ...headers },
  });
}
