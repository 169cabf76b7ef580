// Problem documents (RFC 9457): what every error looks like on the wire, as an
// answer of its own or beside the results of tasks that went well.

import * as v from "valibot";
import { ERROR_CODES, FlorenceError, type ErrorCode } from "../errors.ts";

/** Title and HTTP status of every code. */
export const PROBLEMS = {
  invalid_json: { status: 400, title: "Body is not JSON" },
  idempotency_key_invalid: { status: 400, title: "Idempotency key invalid" },
  unauthenticated: { status: 401, title: "Not authenticated" },
  forbidden: { status: 403, title: "Forbidden" },
  url_forbidden: { status: 403, title: "Address not allowed" },
  signature_invalid: { status: 403, title: "Signature invalid" },
  not_found: { status: 404, title: "Not found" },
  method_not_allowed: { status: 405, title: "Method not allowed" },
  idempotency_in_progress: { status: 409, title: "Request still in progress" },
  job_not_cancellable: { status: 409, title: "Job not cancellable" },
  expired: { status: 410, title: "Expired" },
  image_too_large: { status: 413, title: "Image too large" },
  body_too_large: { status: 413, title: "Body too large" },
  unsupported_media_type: { status: 415, title: "Media type not supported" },
  invalid_request: { status: 422, title: "Request invalid" },
  image_too_small: { status: 422, title: "Image too small" },
  image_undecodable: { status: 422, title: "Image not decodable" },
  unknown_task: { status: 422, title: "Task unknown" },
  missing_task_input: { status: 422, title: "Task input missing" },
  unsupported_task: { status: 422, title: "Task not supported" },
  region_out_of_bounds: { status: 422, title: "Region out of bounds" },
  idempotency_mismatch: { status: 422, title: "Idempotency key reused" },
  url_fetch_failed: { status: 422, title: "Address not readable" },
  rate_limited: { status: 429, title: "Too many requests" },
  quota_exceeded: { status: 429, title: "Quota exceeded" },
  internal: { status: 500, title: "Internal error" },
  engine_bad_output: { status: 502, title: "Engine gave a bad answer" },
  engine_unavailable: { status: 503, title: "Engine not available" },
  warming_up: { status: 503, title: "Warming up" },
  bundle_invalid: { status: 503, title: "Model bundle invalid" },
  bundle_too_new: { status: 503, title: "Model bundle too new" },
  deadline_exceeded: { status: 504, title: "Deadline exceeded" },
} as const satisfies Record<ErrorCode, { status: number; title: string }>;

/** Codes worth another try without a change of the request. */
const RETRYABLE: readonly ErrorCode[] = [
  "rate_limited",
  "engine_unavailable",
  "warming_up",
  "deadline_exceeded",
  "idempotency_in_progress",
];

/** Where problem types are documented; the code follows, in kebab-case. */
const TYPE_BASE = "https://docs.example/problems/";

/** Schema of a problem document. */
export const ProblemSchema = v.object({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  detail: v.string(),
  code: v.picklist(ERROR_CODES),
  retryable: v.boolean(),
  /** Path of the request; absent in a result. */
  instance: v.exactOptional(v.string()),
  request_id: v.exactOptional(v.string()),
  errors: v.exactOptional(
    v.array(v.object({ pointer: v.string(), detail: v.string() })),
  ),
});

export type Problem = v.InferOutput<typeof ProblemSchema>;

/** The problem document of an error; inside a result it needs no `where`. */
export function toProblem(
  error: FlorenceError,
  where: { readonly instance?: string; readonly requestId?: string } = {},
): Problem {
  const { code, errors } = error;
  return {
    type: TYPE_BASE + code.replaceAll("_", "-"),
    ...PROBLEMS[code],
    detail: error.message,
    code,
    retryable: error.retryable || RETRYABLE.includes(code),
    ...(where.instance !== undefined && { instance: where.instance }),
    ...(where.requestId !== undefined && { request_id: where.requestId }),
    ...(errors.length > 0 && { errors: errors.map((one) => ({ ...one })) }),
  };
}

/** The error a problem document was made of, on the other side of a wall. */
export function problemError(problem: Problem): FlorenceError {
  const { code, detail, errors = [], retryable } = problem;
  return new FlorenceError(code, detail, { errors, retryable });
}
