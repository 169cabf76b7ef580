// The service as an object: one method for each thing it does.

import { createJobs, type Jobs } from "./jobs.ts";
import { imageBody, type ImageInput } from "./request-body.ts";
import { readEvents } from "./read-events.ts";
import type {
  Analysis,
  AnalyzeOptions,
  Batch,
  Callback,
  ImageReference,
  Job,
  JobWithResults,
} from "./schemas.ts";
import { streamEvent, type AnalysisEvent } from "./stream-event.ts";
import type { TaskName, TaskRequest, TaskFields } from "./tasks.ts";
import {
  createTransport,
  type CallOptions,
  type ClientOptions,
  type Transport,
} from "./transport.ts";
import { createUploads, type Uploads } from "./uploads.ts";
import { createWebhooks, type Webhooks } from "./webhooks.ts";

/** What is asked of one picture. */
export interface AnalyzeRequest {
  readonly image: ImageInput;
  /** 1 to 16. */
  readonly tasks: readonly TaskRequest[];
  readonly options?: AnalyzeOptions;
  /** Comes back unread. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface AnalyzeCallOptions extends CallOptions {
  /** What is finished by then is the answer. */
  readonly deadlineMs?: number;
}

/** What is asked of each of several pictures. */
export interface BatchRequest extends Omit<AnalyzeRequest, "image"> {
  readonly images: readonly ImageReference[];
  readonly callback?: Callback;
}

export interface FlorenceClient {
  /** Asks up to 16 tasks of one picture. */
  analyze(
    request: AnalyzeRequest,
    options?: AnalyzeCallOptions,
  ): Promise<Analysis>;

  /** Asks one task, such as `caption` or `ocr:lines`. */
  task(
    name: TaskName,
    request: Omit<AnalyzeRequest, "tasks"> & TaskFields,
    options?: AnalyzeCallOptions,
  ): Promise<Analysis>;

  /**
   * As `analyze`, told while it is made. Leaving the loop ends the work.
   *
   * @throws FlorenceApiError in place of the event `error`.
   */
  stream(
    request: AnalyzeRequest,
    options?: AnalyzeCallOptions,
  ): AsyncGenerator<AnalysisEvent, void, undefined>;

  /** Up to 16 pictures at once; more of them, or a callback, make a job. */
  batch(
    request: BatchRequest,
    options?: CallOptions & { readonly idempotencyKey?: string },
  ): Promise<Batch | Job | JobWithResults>;

  readonly jobs: Jobs;
  readonly uploads: Uploads;
  readonly webhooks: Webhooks;

  /** `tasks`, `models` or `engines` of the service, as it describes them. */
  list(
    what: "tasks" | "models" | "engines",
    options?: CallOptions,
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** A client of one service. */
export function createClient(options: ClientOptions): FlorenceClient {
  const transport = createTransport(options);
  return {
    async analyze({ image, ...asked }, call = {}) {
      return await post<Analysis>(transport, "/v1/analyze", image, asked, call);
    },
    async task(name, { image, ...asked }, call = {}) {
      const path = `/v1/tasks/${encodeURIComponent(name)}`;
      return await post<Analysis>(transport, path, image, asked, call);
    },
    async *stream({ image, ...asked }, { signal, deadlineMs } = {}) {
      const response = await transport.send("/v1/analyze", {
        method: "POST",
        headers: {
          Accept: "text/event-stream",
          ...deadlineHeader(deadlineMs),
        },
        ...imageBody(image, asked),
        ...(signal !== undefined && { signal }),
      });
      for await (const event of readEvents(response)) yield streamEvent(event);
    },
    async batch(json, { signal, idempotencyKey = crypto.randomUUID() } = {}) {
      const response = await transport.send("/v1/batches", {
        method: "POST",
        headers: { "Idempotency-Key": idempotencyKey },
        json,
        ...(signal !== undefined && { signal }),
      });
      return (await response.json()) as Batch | Job | JobWithResults;
    },
    jobs: createJobs(transport),
    uploads: createUploads(transport, options.fetch),
    webhooks: createWebhooks(transport),
    async list(what, { signal } = {}) {
      const response = await transport.send(
        `/v1/${what}`,
        signal === undefined ? {} : { signal },
      );
      const { data } = (await response.json()) as {
        readonly data: readonly Readonly<Record<string, unknown>>[];
      };
      return data;
    },
  };
}

async function post<Answer>(
  transport: Transport,
  path: string,
  image: ImageInput,
  asked: object,
  { signal, deadlineMs }: AnalyzeCallOptions,
): Promise<Answer> {
  const response = await transport.send(path, {
    method: "POST",
    headers: { Accept: "application/json", ...deadlineHeader(deadlineMs) },
    ...imageBody(image, asked),
    ...(signal !== undefined && { signal }),
  });
  return (await response.json()) as Answer;
}

function deadlineHeader(
  deadlineMs: number | undefined,
): Readonly<Record<string, string>> {
  return deadlineMs === undefined ? {} : { "Deadline-Ms": String(deadlineMs) };
}
