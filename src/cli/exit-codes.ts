// What the process says when it ends, keyed by error code. Scripts rely on it.

import { isFlorenceError, type ErrorCode } from "../shared/errors.ts";

/** Every exit code and what it means, as `--help` prints it. */
export const EXIT_CODES = {
  ok: [0, "everything went well"],
  some: [1, "some images or some tasks failed; the rest was done"],
  usage: [2, "the command or the request is wrong"],
  image: [3, "an image or file cannot be found, read or written"],
  network: [4, "a download failed"],
  model: [5, "the model cannot be opened, or failed"],
  bug: [70, "a bug of ours"],
  interrupted: [130, "interrupted with Ctrl-C"],
} as const satisfies Record<string, readonly [number, string]>;

type Meaning = keyof typeof EXIT_CODES;

const MEANINGS: Readonly<Record<ErrorCode, Meaning>> = {
  invalid_json: "usage",
  invalid_request: "usage",
  unknown_task: "usage",
  missing_task_input: "usage",
  unsupported_task: "usage",
  region_out_of_bounds: "usage",
  idempotency_key_invalid: "usage",
  idempotency_mismatch: "usage",
  method_not_allowed: "usage",
  body_too_large: "usage",
  not_found: "image",
  image_too_large: "image",
  image_too_small: "image",
  image_undecodable: "image",
  unsupported_media_type: "image",
  url_fetch_failed: "network",
  url_forbidden: "network",
  unauthenticated: "network",
  forbidden: "network",
  signature_invalid: "network",
  expired: "network",
  idempotency_in_progress: "network",
  job_not_cancellable: "network",
  rate_limited: "network",
  quota_exceeded: "network",
  bundle_invalid: "model",
  bundle_too_new: "model",
  engine_bad_output: "model",
  engine_unavailable: "model",
  warming_up: "model",
  deadline_exceeded: "interrupted",
  internal: "bug",
};

/** The number of a meaning. */
export function exitCode(meaning: Meaning): number {
  return EXIT_CODES[meaning][0];
}

/** The exit code of an error that ended the command. */
export function exitCodeOf(error: unknown): number {
  return exitCode(isFlorenceError(error) ? MEANINGS[error.code] : "bug");
}
