// Analyses that are answered later.

import type { AnalyzeRequest } from "./client.ts";
import { imageBody } from "./request-body.ts";
import { readEvents } from "./read-events.ts";
import type { Callback, Job, JobResult, JobWithResults } from "./schemas.ts";
import { pause, type CallOptions, type Transport } from "./transport.ts";

/** One thing that happened to a job. `index` of its data is the image's. */
export interface JobEvent {
  /** Give it as `lastEventId` to go on from here. */
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface JobRequest extends AnalyzeRequest {
  readonly callback?: Callback;
}

export interface Jobs {
  /** Makes a job. Repeated under the same key, it is made once. */
  create(
    request: JobRequest,
    options?: CallOptions & { readonly idempotencyKey?: string },
  ): Promise<Job>;

  /** A job and all its results so far. */
  get(id: string, options?: CallOptions): Promise<JobWithResults>;

  cancel(id: string, options?: CallOptions): Promise<Job>;

  /** Asks now and then until the job has ended. */
  wait(id: string, options?: CallOptions): Promise<JobWithResults>;

  /** What happens to a job until its end; a stream that breaks is resumed. */
  events(
    id: string,
    options?: CallOptions & { readonly lastEventId?: string },
  ): AsyncGenerator<JobEvent, void, undefined>;
}

const ENDED: readonly Job["status"][] = [
  "completed",
  "partial",
  "failed",
  "cancelled",
  "expired",
];

const FIRST_PAUSE_SECONDS = 0.25;
const MAX_PAUSE_SECONDS = 5;

export function createJobs(transport: Transport): Jobs {
  const jobs: Jobs = {
    async create({ image, ...asked }, options = {}) {
      const { signal, idempotencyKey = crypto.randomUUID() } = options;
      const response = await transport.send("/v1/jobs", {
        method: "POST",
        headers: { "Idempotency-Key": idempotencyKey },
        ...imageBody(image, asked),
        ...(signal !== undefined && { signal }),
      });
      return (await response.json()) as Job;
    },

    async get(id, options = {}) {
      const path = `/v1/jobs/${encodeURIComponent(id)}`;
      const results: JobResult[] = [];
      let query = "";
      for (;;) {
        const response = await transport.send(path + query, options);
        const { next_after: after, ...page } =
          (await response.json()) as JobWithResults;
        results.push(...page.results);
        if (after === undefined) return { ...page, results };
        query = `?after=${after}`;
      }
    },

    async cancel(id, options = {}) {
      const path = `/v1/jobs/${encodeURIComponent(id)}`;
      const response = await transport.send(path, {
        ...options,
        method: "DELETE",
      });
      return (await response.json()) as Job;
    },

    async wait(id, options = {}) {
      let seconds = FIRST_PAUSE_SECONDS;
      for (;;) {
        const job = await jobs.get(id, options);
        if (ENDED.includes(job.status)) return job;
        await pause(seconds, options.signal);
        seconds = Math.min(MAX_PAUSE_SECONDS, seconds * 1.5);
      }
    },

    async *events(id, { signal, lastEventId } = {}) {
      const path = `/v1/jobs/${encodeURIComponent(id)}/events`;
      let lastId = lastEventId;
      for (;;) {
        const response = await transport.send(path, {
          headers: {
            Accept: "text/event-stream",
            ...(lastId !== undefined && { "Last-Event-ID": lastId }),
          },
          ...(signal !== undefined && { signal }),
        });
        try {
          for await (const { id: eventId, event, data } of readEvents(
            response,
          )) {
            if (eventId !== "") lastId = eventId;
            yield {
              id: eventId,
              event,
              data: JSON.parse(data) as JobEvent["data"],
            };
            if (event === "done") return;
          }
        } catch (error) {
          signal?.throwIfAborted();
          // The connection broke: the stream goes on where it was cut.
          if (!(error instanceof TypeError)) throw error;
        }
        await pause(1, signal);
      }
    },
  };
  return jobs;
}
