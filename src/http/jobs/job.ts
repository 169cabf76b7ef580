// What a job is: its states, its document as callers see it, and where its
// images are found.

import * as v from "valibot";
import { EnvelopeSchema } from "../../shared/schema/analysis.ts";
import type { AnalyzeRequest } from "../../shared/schema/analysis.ts";
import { ProblemSchema } from "../../shared/schema/problem.ts";
import type { ImageReference } from "../analyze/image-reference.ts";
import type { Principal } from "../principal.ts";
import type { Callback } from "../webhooks/callback.ts";

/** Images of one job. */
export const MAX_JOB_IMAGES = 1000;

export const JOB_STATES = [
  "queued",
  "running",
  "completed",
  "partial",
  "failed",
  "cancelled",
  "expired",
] as const;

export type JobState = (typeof JOB_STATES)[number];

/** An image of a job as it is kept: bytes lie in the store by then. */
export type JobImage =
  | Exclude<ImageReference, { readonly kind: "bytes" }>
  | { readonly kind: "blob"; readonly key: string };

/** What a job is made of. */
export interface NewJob {
  /** On whose behalf; its images count against this key. */
  readonly principal: Principal;
  /** 1 to `MAX_JOB_IMAGES`. */
  readonly images: readonly ImageReference[];
  /** Asked of each of them. */
  readonly request: AnalyzeRequest;
  readonly callback?: Callback | undefined;
  /** `api`, `upload`, `r2` or a hook's name. */
  readonly source: string;
  /** Within the tenant; given twice, the job is made once. */
  readonly dedupeKey?: string | undefined;
  readonly traceparent?: string | undefined;
}

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** Images by what became of them. */
const Progress = v.object({
  queued: Count,
  running: Count,
  completed: Count,
  partial: Count,
  failed: Count,
  cancelled: Count,
});

export type Progress = v.InferOutput<typeof Progress>;

const jobFields = {
  id: v.string(),
  object: v.literal("job"),
  status: v.picklist(JOB_STATES),
  created: v.string(),
  started: v.exactOptional(v.string()),
  finished: v.exactOptional(v.string()),
  /** When its results are deleted. */
  expires: v.string(),
  /** How many images it has. */
  images: Count,
  progress: Progress,
  metadata: v.record(v.string(), v.unknown()),
  /** Where it can be asked for. */
  url: v.string(),
};

/** A job without its results. */
export const JobSchema = v.object(jobFields);

export type Job = v.InferOutput<typeof JobSchema>;

/** What became of one image: `analysis`, or the `problem` it failed with. */
export const JobResultSchema = v.object({
  /** Number of the image within the job, from 0. */
  index: Count,
  status: v.picklist(["completed", "partial", "failed"]),
  analysis: v.exactOptional(EnvelopeSchema),
  problem: v.exactOptional(ProblemSchema),
});

export type JobResult = v.InferOutput<typeof JobResultSchema>;

/** A job with the results that are there, or a page of them. */
export const JobWithResultsSchema = v.object({
  ...jobFields,
  results: v.array(JobResultSchema),
  /** Given if there are more: the `after` of the next page. */
  next_after: v.exactOptional(Count),
});

export type JobWithResults = v.InferOutput<typeof JobWithResultsSchema>;
