// One request for one picture: at once, or as a job whose end is waited for.

import {
  NodeOperationError,
  type IDataObject,
  type IExecuteFunctions,
} from "n8n-workflow";
import { isObject, objectsOf, type Json } from "../shared/json.ts";
import type { Answer } from "../shared/problem.ts";
import { problemText } from "../shared/problem.ts";
import { callFlorence, pause, signalOf } from "../shared/transport.ts";
import type { ItemImage } from "./read-image.ts";

/** How an answer is asked for. */
export interface Asking {
  readonly itemIndex: number;
  readonly timeoutMs: number;
  readonly retries: number;
  /** `no`: the answer itself. `wait`: of a job. `start`: the job alone. */
  readonly asJob: "no" | "wait" | "start";
}

/** An analysis, or the job that was started. */
export type Analyzed =
  | { readonly kind: "analysis"; readonly envelope: Json }
  | { readonly kind: "job"; readonly job: Json };

/** The service answers in time with what is finished; this much is for the way. */
const MARGIN_MS = 5000;

/** What the service takes as a deadline. */
const LONGEST_DEADLINE_MS = 300_000;

const FIRST_POLL_MS = 500;
const LONGEST_POLL_MS = 5000;

const UNDER_WAY = ["queued", "running"];

/** Asks tasks of a picture. */
export async function analyze(
  context: IExecuteFunctions,
  image: ItemImage["image"],
  request: Json,
  asking: Asking,
): Promise<Analyzed> {
  const { asJob, itemIndex, retries, timeoutMs } = asking;
  const answer = await callFlorence(context, {
    method: "POST",
    path: asJob === "no" ? "/v1/analyze" : "/v1/jobs",
    body: bodyOf(image, request),
    timeoutMs: timeoutMs + MARGIN_MS,
    retries,
    itemIndex,
    ...(asJob === "no" && {
      headers: { "Deadline-Ms": Math.min(timeoutMs, LONGEST_DEADLINE_MS) },
    }),
  });
  if (asJob === "no") {
    return {
      kind: "analysis",
      envelope: envelopeOf(context, answer.body, itemIndex),
    };
  }
  const job = jobOf(context, answer, itemIndex);
  return asJob === "start"
    ? { kind: "job", job }
    : { kind: "analysis", envelope: await waitForJob(context, job, asking) };
}

/** Multipart where there are bytes: a third less than base64, and no JSON limit. */
function bodyOf(
  image: ItemImage["image"],
  request: Json,
): FormData | IDataObject {
  const bytes: unknown = image["bytes"];
  if (!Buffer.isBuffer(bytes)) return { image, ...request } as IDataObject;
  const form = new FormData();
  const type = String(image["mediaType"]);
  form.append(
    "image",
    new Blob([new Uint8Array(bytes)], { type }),
    String(image["fileName"]),
  );
  form.append("request", JSON.stringify(request));
  return form;
}

async function waitForJob(
  context: IExecuteFunctions,
  started: Json,
  { itemIndex, timeoutMs, retries }: Asking,
): Promise<Json> {
  const id = String(started["id"]);
  const end = Date.now() + timeoutMs;
  const signal = signalOf(context);
  let waitMs = FIRST_POLL_MS;
  let job = started;
  while (UNDER_WAY.includes(String(job["status"]))) {
    if (Date.now() > end || signal?.aborted === true) {
      throw new NodeOperationError(
        context.getNode(),
        `The job ${id} is still ${String(job["status"])} after ${timeoutMs / 1000} s`,
        {
          itemIndex,
          description:
            "It goes on. Raise Timeout in Options, or let a Florence Trigger tell when it is done.",
        },
      );
    }
    await pause(waitMs, signal);
    waitMs = Math.min(waitMs * 1.5, LONGEST_POLL_MS);
    const answer = await callFlorence(context, {
      method: "GET",
      path: `/v1/jobs/${encodeURIComponent(id)}`,
      retries,
      itemIndex,
    });
    job = jobOf(context, answer, itemIndex);
  }
  const [result] = objectsOf(job["results"]);
  if (isObject(result?.["analysis"])) {
    return envelopeOf(context, result["analysis"], itemIndex);
  }
  throw new NodeOperationError(
    context.getNode(),
    isObject(result?.["problem"])
      ? problemText(result["problem"])
      : `The job ${id} ended as ${String(job["status"])}, without an answer`,
    { itemIndex, description: `Job ${id}` },
  );
}

function envelopeOf(
  context: IExecuteFunctions,
  body: unknown,
  itemIndex: number,
): Json {
  if (
    isObject(body) &&
    body["object"] === "analysis" &&
    Array.isArray(body["results"])
  ) {
    return body;
  }
  throw notOurs(context, "an analysis", itemIndex);
}

function jobOf(
  context: IExecuteFunctions,
  { body }: Answer,
  itemIndex: number,
): Json {
  if (
    isObject(body) &&
    body["object"] === "job" &&
    typeof body["id"] === "string"
  ) {
    return body;
  }
  throw notOurs(context, "a job", itemIndex);
}

function notOurs(
  context: IExecuteFunctions,
  wanted: string,
  itemIndex: number,
): NodeOperationError {
  return new NodeOperationError(
    context.getNode(),
    `The service answered with something else than ${wanted}`,
    {
      itemIndex,
      description:
        "It is older than this node needs, or no Florence service. Check the Base URL of the credential, or update the service.",
    },
  );
}
