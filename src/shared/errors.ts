// The one kind of error a caller can meet: a closed list of codes, a message
// that says what was wrong and what to do. Codes are API.

/** Every code a caller can meet; HTTP status and exit code are keyed by it. */
export const ERROR_CODES = [
  "invalid_json",
  "idempotency_key_invalid",
  "method_not_allowed",
  "unauthenticated",
  "forbidden",
  "url_forbidden",
  "signature_invalid",
  "not_found",
  "expired",
  "idempotency_in_progress",
  "job_not_cancellable",
  "image_too_large",
  "body_too_large",
  "unsupported_media_type",
  "invalid_request",
  "image_too_small",
  "image_undecodable",
  "unknown_task",
  "missing_task_input",
  "unsupported_task",
  "region_out_of_bounds",
  "idempotency_mismatch",
  "url_fetch_failed",
  "rate_limited",
  "quota_exceeded",
  "internal",
  "engine_bad_output",
  "engine_unavailable",
  "warming_up",
  "bundle_invalid",
  "bundle_too_new",
  "deadline_exceeded",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** One faulty field of a request. */
export interface FieldError {
  /** JSON Pointer into the request, e.g. `/tasks/2/labels`. */
  readonly pointer: string;
  readonly detail: string;
}

export interface ErrorOptions {
  readonly cause?: unknown;
  readonly errors?: readonly FieldError[];
  readonly retryable?: boolean;
  /** When another try makes sense, where that is known. */
  readonly retryAfterSeconds?: number;
}

const MARK = Symbol.for("florence.error");

/** A caller's mistake or a broken world. A bug of ours is a plain `Error`. */
export class FlorenceError extends Error {
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[];
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | null;

  /** @param message what was wrong, with the value, and what to do. */
  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = "FlorenceError";
    this.code = code;
    this.errors = options.errors ?? [];
    this.retryable = options.retryable ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
    Object.defineProperty(this, MARK, { value: true });
  }
}

/** Recognizes a `FlorenceError`, also one made by another copy of this file. */
export function isFlorenceError(error: unknown): error is FlorenceError {
  return typeof error === "object" && error !== null && MARK in error;
}

/** Throws `deadline_exceeded` if `signal` was aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new FlorenceError(
    "deadline_exceeded",
    "The request was aborted before it was finished. Give it more time or ask for fewer tasks.",
    { cause: signal.reason, retryable: true },
  );
}
