// `Idempotency-Key`: a request that is sent again gets the answer of the first
// time, and is carried out once (draft-ietf-httpapi-idempotency-key-header).

import { FlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import type { AppContext, Operation } from "../operation.ts";
import { readBody } from "../read-body.ts";
import { wantsStream } from "../streaming/wants-stream.ts";
import { fingerprintOf } from "./fingerprint.ts";
import {
  freePlace,
  keepAnswer,
  leaseMs,
  renewPlace,
  takePlace,
  type AnswerPlace,
  type KeptAnswer,
} from "./kept-answers.ts";

/** Room for what stands around the parts of a multipart body. */
const MULTIPART_OVERHEAD = 16_384;

/** Visible ASCII. */
const KEY = /^[\x21-\x7e]{1,255}$/u;

/** Headers that belong to the answer and not to the request that brought it. */
const KEPT_HEADERS = [
  "Content-Type",
  "Location",
  "Cache-Control",
  "Preference-Applied",
];

const RETRY_AFTER_SECONDS = 2;

/**
 * Answers once.
 *
 * @param answer carries the request out; never rejects, errors are answers.
 * @throws FlorenceError `idempotency_key_invalid`, `idempotency_in_progress`,
 *   `idempotency_mismatch`, `invalid_request`, `body_too_large`.
 */
export type AnswerOnce = (
  context: AppContext,
  operation: Operation,
  answer: () => Promise<Response>,
) => Promise<Response>;

/**
 * Answers to requests with a key are kept for `keep_seconds`, unless they are
 * of status 429 or from 500: those may come out otherwise the next time. Peak
 * memory is twice the body's length, beside what the handler takes.
 */
export function createAnswerOnce(host: Host): AnswerOnce {
  const { maxImageBytes, maxJsonBytes } = host.limits;
  const maxBytes = maxImageBytes + maxJsonBytes + MULTIPART_OVERHEAD;
  return async (context, operation, answer) => {
    const request = context.req.raw;
    const key = request.headers.get("Idempotency-Key");
    if (key === null) return await answer();
    if (operation.isIdempotent !== true) {
      refuseKey(operation);
      return await answer();
    }
    if (!KEY.test(key)) throw invalidKey(key);
    if (wantsStream(request)) throw streamWithKey();

    const bytes = await readBody(request, maxBytes, () =>
      bodyTooLarge(maxBytes),
    );
    context.req.raw = withBody(request, bytes);
    const place = {
      tenant: context.get("principal").tenant,
      key,
      fingerprint: await fingerprintOf(host, request, bytes),
    };
    const found = await takePlace(host, place);
    switch (found.kind) {
      case "other_request":
        throw new FlorenceError(
          "idempotency_mismatch",
          "This Idempotency-Key was sent with another request: its method, address, media type or body differs. Send a new key, or the same request.",
        );
      case "running":
        throw new FlorenceError(
          "idempotency_in_progress",
          "The first request with this Idempotency-Key is still being answered. Send it again in a moment to get its answer.",
          { retryAfterSeconds: RETRY_AFTER_SECONDS },
        );
      case "done":
        return replay(found.answer);
      case "taken": {
        const work = makeAnswer(host, place, found.token, answer);
        // Whoever has gone may come again for the answer.
        host.keepAlive?.(work, context);
        return await work;
      }
    }
  };
}

/** Makes the answer, and keeps it or gives the place up. */
async function makeAnswer(
  host: Host,
  place: AnswerPlace,
  token: string,
  answer: () => Promise<Response>,
): Promise<Response> {
  const report = (error: unknown): void => {
    host.onFailure?.(error, host.platform.id("idem"));
  };
  const renewing = setInterval(
    () => {
      renewPlace(host, place, token).catch(report);
    },
    leaseMs(host) / 4,
  );
  try {
    const response = await answer();
    if (isStream(response)) {
      await response.body?.cancel();
      await freePlace(host, place, token).catch(report);
      throw streamWithKey();
    }
    if (response.status >= 500 || response.status === 429) {
      await freePlace(host, place, token).catch(report);
      return response;
    }
    const made = await readAnswer(response);
    // The caller has the answer even if it cannot be kept.
    await keepAnswer(host, place, token, made).catch(report);
    return new Response(made.body, response);
  } finally {
    clearInterval(renewing);
  }
}

async function readAnswer(response: Response): Promise<KeptAnswer> {
  return {
    status: response.status,
    headers: KEPT_HEADERS.flatMap((name) => {
      const value = response.headers.get(name);
      return value === null ? [] : [[name, value] as const];
    }),
    body:
      response.body === null
        ? null
        : new Uint8Array(await response.arrayBuffer()),
  };
}

function replay({ status, headers, body }: KeptAnswer): Response {
  const again = new Headers({ "Idempotency-Replayed": "true" });
  for (const [name, value] of headers) again.set(name, value);
  return new Response(body, { status, headers: again });
}

/** The same request once more, its body still to be read. */
function withBody(request: Request, bytes: Uint8Array<ArrayBuffer>): Request {
  if (request.body === null) return request;
  // Made from its parts: a host's own class of requests cannot be copied.
  const { url, method, headers, signal } = request;
  return new Request(url, { method, headers, signal, body: bytes });
}

function isStream(response: Response): boolean {
  const type = response.headers.get("Content-Type") ?? "";
  return type.startsWith("text/event-stream");
}

/** A key that would not hold is refused; reading and deleting need none. */
function refuseKey({ method, path, access }: Operation): void {
  if (method !== "POST" || access === "public" || access === "signed") return;
  throw new FlorenceError(
    "idempotency_key_invalid",
    `${method} ${path} takes no Idempotency-Key: its answer is not kept. Leave the header out.`,
  );
}

function invalidKey(key: string): FlorenceError {
  const what =
    key.length > 255
      ? `has ${key.length} characters`
      : "is empty, or has a space or another character outside visible ASCII";
  return new FlorenceError(
    "idempotency_key_invalid",
    `The Idempotency-Key ${what}; it takes 1 to 255 visible ASCII characters, such as a UUID.`,
  );
}

function streamWithKey(): FlorenceError {
  return new FlorenceError(
    "invalid_request",
    "A stream is not kept, so Idempotency-Key cannot be used with it. Ask for JSON (Accept: application/json), or leave the key out.",
  );
}

function bodyTooLarge(maxBytes: number): FlorenceError {
  return new FlorenceError(
    "body_too_large",
    `The body is larger than ${Math.floor(maxBytes / 1e6)} MB, the most that a request with an Idempotency-Key may have. Resize the image, or send less in one request.`,
  );
}
