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

/** The answer that carries a problem. `headers` join the ones it needs. */
export function problemResponse(
  problem: Problem,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const isTransient = problem.status === 429 || problem.status === 503;
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      "Content-Type": "application/problem+json",
      ...(isTransient && problem.retryable
        ? { "Retry-After": String(RETRY_AFTER_SECONDS) }
        : {}),
      ...headers,
    },
  });
}
