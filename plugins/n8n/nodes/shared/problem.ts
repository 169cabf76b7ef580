// What the service says when something is wrong (RFC 9457), as n8n's panel shows
// it: title and detail first, then the faulty fields and the request's id.

import { isObject, objectsOf, type Json } from "./json.ts";

/** A fault as the user reads it. */
export interface Fault {
  readonly message: string;
  readonly description: string;
  /** One of the service's codes; null where the answer was no problem document. */
  readonly code: string | null;
}

/** An answer over HTTP. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Parsed where it is JSON. */
  readonly body: unknown;
}

const OLDER =
  "The service is older than this node needs: update it, or leave that out.";

/** What to do about some codes, in n8n's words. */
const HINTS: Readonly<Record<string, string>> = {
  unauthenticated: "Check the API key of the credential.",
  forbidden:
    "Make a key with the scopes analyze, jobs, uploads and webhooks for the credential.",
  unsupported_task:
    "Choose another operation, or in Options a model that knows this task.",
  region_out_of_bounds:
    "Boxes are in pixels of the picture unless Coordinates says otherwise.",
  deadline_exceeded:
    "Raise Timeout in Options, ask for fewer tasks, or set Run As Job.",
};

/** The fault that an answer with a status of 400 or more tells of. */
export function readFault(answer: Answer, url: string): Fault {
  const { body } = answer;
  if (!isProblem(body)) return unknownFault(answer, url);
  const code = typeof body["code"] === "string" ? body["code"] : null;
  return {
    message: `${String(body["title"])}: ${String(body["detail"])}`,
    description: problemLines(body, answer).join("\n"),
    code,
  };
}

/** The fault of one task among others, from its result. */
export function problemText(problem: unknown): string {
  return isProblem(problem)
    ? `${String(problem["title"])}: ${String(problem["detail"])}`
    : "The task failed.";
}

/**
 * How long the service asks to wait, in milliseconds; null if it does not say.
 *
 * @param nowMs for a date in the header.
 */
export function retryAfterMs(
  headers: Answer["headers"],
  nowMs: number,
): number | null {
  const value = headers["retry-after"];
  if (typeof value !== "string" || value === "") return null;
  if (/^\d+$/u.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

function isProblem(body: unknown): body is Json {
  return (
    isObject(body) &&
    typeof body["title"] === "string" &&
    typeof body["detail"] === "string"
  );
}

/** Whether the service lacks what every service of this node's day has. */
function isOlder(problem: Json): boolean {
  switch (problem["code"]) {
    case "unknown_task":
    case "method_not_allowed":
      return true;
    case "not_found": // no such path; else an upload, say, is gone
      return String(problem["detail"]).startsWith("There is nothing at ");
    case "invalid_request":
      return objectsOf(problem["errors"]).some(({ detail }) =>
        String(detail).startsWith("unknown field"),
      );
    default:
      return false;
  }
}

function problemLines(problem: Json, { status, headers }: Answer): string[] {
  const code = String(problem["code"] ?? "");
  const fields = objectsOf(problem["errors"]).map(
    ({ pointer, detail }) => `${String(pointer)}: ${String(detail)}`,
  );
  const hint = isOlder(problem) ? OLDER : HINTS[code];
  const waitMs = retryAfterMs(headers, Date.now());
  const id = problem["request_id"];
  return [
    ...fields,
    ...(hint === undefined ? [] : [hint]),
    ...(waitMs === null
      ? []
      : [`The service asks to wait ${Math.ceil(waitMs / 1000)} s.`]),
    `HTTP ${status}${code === "" ? "" : `, ${code}`}${typeof id === "string" ? `, request ${id}` : ""}`,
  ];
}

function unknownFault({ status, body }: Answer, url: string): Fault {
  const text = typeof body === "string" ? body : JSON.stringify(body ?? "");
  const start = text.replace(/\s+/gu, " ").trim().slice(0, 200);
  return {
    message: `${url} answered with HTTP ${status}, and not as a Florence service does`,
    description: [
      "Check the Base URL of the credential. If it is right, the service is older than this node needs: update it.",
      ...(start === "" || start === '""' ? [] : [`It said: ${start}`]),
    ].join("\n"),
    code: null,
  };
}
