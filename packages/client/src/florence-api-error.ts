// What the service refuses, as an error of the caller's program.

import type { Problem } from "./schemas.ts";

/** An answer that is no success. `code` is one of a closed list. */
export class FlorenceApiError extends Error {
  readonly code: Problem["code"] | "unknown";
  readonly status: number;
  /** Whether the same request may do later. */
  readonly retryable: boolean;
  /** Seconds after which another try makes sense; null if nothing is said. */
  readonly retryAfter: number | null;
  /** The service's problem document; null where something else answered. */
  readonly problem: Problem | null;
  readonly requestId: string | null;

  constructor(
    message: string,
    facts: {
      readonly status: number;
      readonly problem: Problem | null;
      readonly retryAfter: number | null;
      readonly requestId: string | null;
    },
  ) {
    super(message);
    this.name = "FlorenceApiError";
    this.status = facts.status;
    this.problem = facts.problem;
    this.code = facts.problem?.code ?? "unknown";
    this.retryAfter = facts.retryAfter;
    this.retryable =
      facts.problem?.retryable ?? (facts.status === 429 || facts.status >= 502);
    this.requestId = facts.requestId;
  }
}

/** The error of an answer whose status is 400 or above; reads its body. */
export async function apiError(response: Response): Promise<FlorenceApiError> {
  const text = await response.text();
  const problem = parseProblem(text);
  const stated = Number(response.headers.get("Retry-After") ?? Number.NaN);
  return new FlorenceApiError(
    problem === null
      ? `The service answered ${response.status} without a problem document: ${text.slice(0, 200)}`
      : `${problem.code}: ${problem.detail}`,
    {
      status: response.status,
      problem,
      retryAfter: Number.isFinite(stated) ? stated : null,
      requestId: response.headers.get("X-Request-Id"),
    },
  );
}

/** The error of a problem that came as an event or within a result. */
export function problemError(problem: Problem): FlorenceApiError {
  return new FlorenceApiError(`${problem.code}: ${problem.detail}`, {
    status: problem.status,
    problem,
    retryAfter: null,
    requestId: problem.request_id ?? null,
  });
}

function parseProblem(text: string): Problem | null {
  try {
    const value: unknown = JSON.parse(text);
    const isProblem =
      typeof value === "object" &&
      value !== null &&
      "code" in value &&
      "detail" in value;
    return isProblem ? (value as Problem) : null;
  } catch {
    // A proxy's page, or nothing.
    return null;
  }
}
