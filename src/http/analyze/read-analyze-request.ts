// From an HTTP request to an image and the tasks asked of it.

import { FlorenceError } from "../../shared/errors.ts";
import {
  parseAnalyzeRequest,
  type AnalyzeRequest,
} from "../../shared/schema/analysis.ts";
import { parseTaskList } from "../../shared/tasks/index.ts";
import type { ImageReference } from "./image-reference.ts";
import { mediaTypeOf, readImage, type BodyLimits } from "./read-image.ts";

/** A request as the core takes it, and the image it names. */
export type ReceivedRequest = AnalyzeRequest & {
  readonly image: ImageReference;
};

/** An image and what is asked of it, as sent: nothing but its form is checked. */
export interface SentRequest {
  readonly image: ImageReference;
  /** `tasks`, `options`, `metadata`, and whatever else the body has. */
  readonly asked: Readonly<Record<string, unknown>>;
}

/**
 * Reads `POST /v1/analyze`. What can be refused without the body is refused
 * before a byte of it is read.
 *
 * @throws FlorenceError with every code of a caller's mistake.
 */
export async function readAnalyzeRequest(
  request: Request,
  limits: BodyLimits,
): Promise<ReceivedRequest> {
  const { image, asked } = await readSentRequest(request, limits);
  return { ...parseAnalyzeRequest(asked), image };
}

/**
 * As `readAnalyzeRequest`, for bodies that have more fields than its own.
 *
 * @throws FlorenceError as above.
 */
export async function readSentRequest(
  request: Request,
  limits: BodyLimits,
): Promise<SentRequest> {
  const hasOwnRequest = ["multipart/form-data", "application/json"].includes(
    mediaTypeOf(request),
  );
  const query = new URL(request.url).searchParams;
  refuseUnknownParameters(query, hasOwnRequest);
  const fromQuery = hasOwnRequest ? null : tasksOf(query);
  if (fromQuery !== null) parseAnalyzeRequest(fromQuery);
  const { image, request: own } = await readImage(request, limits);
  return { image, asked: fromQuery ?? own ?? {} };
}

function refuseUnknownParameters(
  query: URLSearchParams,
  hasOwnRequest: boolean,
): void {
  for (const name of query.keys()) {
    const shown = name.slice(0, 40);
    if (hasOwnRequest) {
      throw new FlorenceError(
        "invalid_request",
        `The query has "${shown}", but the body says what is asked. Move it into the body's tasks and options.`,
      );
    }
    if (name !== "tasks") {
      throw new FlorenceError(
        "invalid_request",
        `The query has "${shown}"; a raw image takes tasks only. Send options, phrases, labels and regions as multipart: -F image=@photo.jpg -F 'request={"tasks":[...],"options":{...}}'.`,
      );
    }
  }
  if (query.getAll("tasks").length > 1) {
    throw new FlorenceError(
      "invalid_request",
      "The query has several tasks parameters. Put all tasks in one: ?tasks=caption,detect.",
    );
  }
}

function tasksOf(query: URLSearchParams): { readonly tasks: unknown } {
  const list = query.get("tasks") ?? "";
  if (list.trim() === "") {
    throw new FlorenceError(
      "invalid_request",
      "No tasks are given. Add them to the address: ?tasks=caption,detect.",
    );
  }
  return { tasks: parseTaskList(list) };
}
