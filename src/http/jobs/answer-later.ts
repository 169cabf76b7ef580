// The answer to whoever asked for a job, or preferred one (`Prefer`).

import { FlorenceError } from "../../shared/errors.ts";
import type { Envelope } from "../../shared/schema/analysis.ts";
import type { AnalyzerRequest } from "../analyze/analyzer.ts";
import type { Host } from "../host.ts";
import type { AppContext } from "../operation.ts";
import { dedupeKeyOf } from "./dedupe-key.ts";
import type { Job, NewJob } from "./job.ts";
import { hasEnded, type Jobs } from "./jobs.ts";
import { preferenceHeaders, preferOf } from "./prefer.ts";
import { DEFAULT_LIMIT, readJobPage, readResults } from "./read-job.ts";

/** What a door that makes jobs needs. */
export interface JobDoor {
  readonly host: Host;
  readonly jobs: Jobs;
}

/** A job as a door was asked for it. */
export type AskedJob = Pick<NewJob, "images" | "request" | "callback">;

/**
 * Makes a job of a request and waits for it as long as the request prefers.
 *
 * @throws FlorenceError as `Jobs.create`.
 */
export async function beginJob(
  { host, jobs }: JobDoor,
  context: AppContext,
  asked: AskedJob,
): Promise<Job> {
  const request = context.req.raw;
  const { waitSeconds } = preferOf(request);
  return await jobs.begin(
    {
      ...asked,
      principal: context.get("principal"),
      source: "api",
      dedupeKey: await dedupeKeyOf(host, request, asked),
      traceparent: context.get("traceparent"),
    },
    {
      waitSeconds: waitSeconds ?? 0,
      keepAlive: (work) => host.keepAlive?.(work, context),
    },
  );
}

/** A job has no deadline; one that is asked for is not ignored. */
export function refuseDeadline(context: AppContext): void {
  if (context.req.header("Deadline-Ms") === undefined) return;
  throw new FlorenceError(
    "invalid_request",
    "Deadline-Ms is given, but this is answered as a job, and a job has no deadline. Leave out Deadline-Ms, or Prefer and callback.",
  );
}

/** 202: the job, and where to ask for it. */
export function acceptedResponse(context: AppContext, job: Job): Response {
  return context.json(job, 202, {
    Location: `/v1/jobs/${job.id}`,
    ...preferenceHeaders(preferOf(context.req.raw)),
  });
}

/** 200: a job that has ended in time, with its first results. */
export async function endedResponse(
  host: Host,
  context: AppContext,
  { id }: Job,
): Promise<Response> {
  const page = { after: -1, limit: DEFAULT_LIMIT };
  return context.json(
    await readJobPage(host, id, context.get("principal"), page),
    200,
    preferenceHeaders(preferOf(context.req.raw)),
  );
}

/**
 * Answers an analysis as a job if its request prefers that: the envelope if it
 * is there in time, else 202.
 *
 * @returns null where nothing is preferred: it is to be answered at once.
 * @throws FlorenceError as `Jobs.create`, and the problem of an analysis that
 *   failed in time.
 */
export async function answerAsPreferred(
  door: JobDoor,
  context: AppContext,
  { image, ...request }: AnalyzerRequest,
): Promise<Response | null> {
  const preference = preferOf(context.req.raw);
  if (preference.waitSeconds === null && !preference.isAsync) return null;
  refuseDeadline(context);
  const job = await beginJob(door, context, { images: [image], request });
  if (!hasEnded(job)) return acceptedResponse(context, job);
  return context.json(
    await onlyAnalysis(door.host, job),
    200,
    preferenceHeaders(preference),
  );
}

async function onlyAnalysis(host: Host, job: Job): Promise<Envelope> {
  const [result] = await readResults(host, job.id, { after: -1, limit: 1 });
  const { analysis, problem } = result ?? {};
  if (analysis !== undefined) return analysis;
  if (problem === undefined) {
    throw new FlorenceError(
      "job_not_cancellable",
      `Job ${job.id} was cancelled before it was answered.`,
    );
  }
  const { code, detail, errors = [], retryable } = problem;
  throw new FlorenceError(code, detail, { errors, retryable });
}
