// How long a request may take: until its own deadline, or until its sender is
// gone.

import { FlorenceError } from "../../shared/errors.ts";
import type { Parameter } from "../operation.ts";

const MAX_DEADLINE_MS = 300_000;

/** `Deadline-Ms` as every operation that answers at once describes it. */
export const DEADLINE: Parameter = {
  name: "Deadline-Ms",
  in: "header",
  description:
    "What is finished after so many milliseconds is the answer; each other task is a problem in it.",
  schema: { type: "integer", minimum: 1, maximum: MAX_DEADLINE_MS },
};

/**
 * A signal that aborts at `Deadline-Ms`, counted from now, or when the client
 * disconnects.
 *
 * @throws FlorenceError `invalid_request` for a header that is no whole number
 *   of milliseconds from 1 to 300,000.
 */
export function deadlineSignal(request: Request): AbortSignal {
  const deadlineMs = deadlineOf(request);
  if (deadlineMs === null) return request.signal;
  return AbortSignal.any([request.signal, AbortSignal.timeout(deadlineMs)]);
}

/** `Deadline-Ms`, null if there is none. @throws as `deadlineSignal`. */
export function deadlineOf(request: Request): number | null {
  const header = request.headers.get("Deadline-Ms");
  if (header === null) return null;
  const deadlineMs = /^\d{1,6}$/u.test(header.trim()) ? Number(header) : 0;
  if (deadlineMs < 1 || deadlineMs > MAX_DEADLINE_MS) {
    throw new FlorenceError(
      "invalid_request",
      `Deadline-Ms is "${header.slice(0, 40)}"; it takes a whole number of milliseconds from 1 to ${MAX_DEADLINE_MS}.`,
    );
  }
  return deadlineMs;
}
