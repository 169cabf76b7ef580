// `POST /v1/batches`: the same asked of several images, at once or as a job.

import * as v from "valibot";
import { isFlorenceError } from "../../shared/errors.ts";
import type { AnalyzeRequest } from "../../shared/schema/analysis.ts";
import { toProblem } from "../../shared/schema/problem.ts";
import { ANALYSIS_PROBLEMS } from "../analyze/analyze-operations.ts";
import type { Analyzer } from "../analyze/analyzer.ts";
import { callOf } from "../analyze/call-of.ts";
import { DEADLINE, deadlineSignal } from "../analyze/deadline.ts";
import {
  ImageSchema,
  type ImageReference,
} from "../analyze/image-reference.ts";
import { ANALYZE_ENTRIES } from "../analyze/request-bodies.ts";
import { checkQuota, countImages } from "../auth/usage.ts";
import type { Host } from "../host.ts";
import type { AppContext, Operation } from "../operation.ts";
import {
  acceptedResponse,
  beginJob,
  endedResponse,
  refuseDeadline,
} from "./answer-later.ts";
import {
  JobResultSchema,
  JobSchema,
  JobWithResultsSchema,
  MAX_JOB_IMAGES,
  type JobResult,
} from "./job.ts";
import { hasEnded, type Jobs } from "./jobs.ts";
import { PREFER, preferOf } from "./prefer.ts";
import { readBatchRequest, type AskedBatch } from "./read-batch-request.ts";
import { JOB_ENTRIES } from "./read-job-request.ts";

/** Images that are answered at once. */
export const MAX_SYNC_IMAGES = 16;

/** Images of one batch at work at the same time; an engine takes turns. */
const AT_ONCE = 4;

/** What became of images that were answered at once. */
export const BatchSchema = v.object({
  id: v.string(),
  object: v.literal("batch"),
  /** `partial` unless all images came out the same way. */
  status: v.picklist(["completed", "partial", "failed"]),
  created: v.string(),
  /** One for each image, in their order. */
  results: v.array(JobResultSchema),
  metadata: v.record(v.string(), v.unknown()),
});

type Batch = v.InferOutput<typeof BatchSchema>;

/** What a batch needs of the service. */
interface BatchDoor {
  readonly host: Host;
  readonly analyzer: Analyzer;
  readonly jobs: Jobs;
}

export function batchOperations(door: BatchDoor): readonly Operation[] {
  return [
    {
      method: "POST",
      path: "/v1/batches",
      operationId: "analyzeBatch",
      tag: "Jobs",
      summary: `Ask the same of up to ${MAX_JOB_IMAGES} images`,
      description: `Up to ${MAX_SYNC_IMAGES} images are answered at once, each with a status of its own. More of them, a \`callback\` or \`Prefer\` make a job of it. Bytes go along as \`base64\`; the whole body is at most 10 MB, so name larger pictures by \`url\` or \`upload_id\`.`,
      access: "analyze",
      isIdempotent: true,
      parameters: [DEADLINE, PREFER],
      body: {
        isRequired: true,
        content: {
          "application/json": v.strictObject({
            images: v.pipe(
              v.array(ImageSchema),
              v.minLength(1),
              v.maxLength(MAX_JOB_IMAGES),
            ),
            ...ANALYZE_ENTRIES,
            ...JOB_ENTRIES,
          }),
        },
      },
      responses: {
        200: {
          description:
            "What became of each image; with `Prefer: wait`, the job that has ended in time.",
          content: {
            "application/json": v.union([BatchSchema, JobWithResultsSchema]),
          },
        },
        202: {
          description: "The job; `Location` says where to ask for it.",
          content: { "application/json": JobSchema },
        },
      },
      problems: ANALYSIS_PROBLEMS,
      handle: (context) => answerBatch(door, context),
    },
  ];
}

async function answerBatch(
  door: BatchDoor,
  context: AppContext,
): Promise<Response> {
  const signal = deadlineSignal(context.req.raw);
  const asked = await readBatchRequest(context.req.raw, door.host);
  const { waitSeconds, isAsync } = preferOf(context.req.raw);
  const isJob =
    isAsync ||
    waitSeconds !== null ||
    asked.callback !== undefined ||
    asked.images.length > MAX_SYNC_IMAGES;
  if (!isJob) {
    const work = answerAtOnce(door, context, asked, signal);
    door.host.keepAlive?.(work, context);
    return context.json(await work);
  }
  refuseDeadline(context);
  const job = await beginJob(door, context, asked);
  return hasEnded(job) && waitSeconds !== null
    ? await endedResponse(door.host, context, job)
    : acceptedResponse(context, job);
}

async function answerAtOnce(
  { host, analyzer }: BatchDoor,
  context: AppContext,
  { images, request }: AskedBatch,
  signal: AbortSignal,
): Promise<Batch> {
  const { platform } = host;
  const principal = context.get("principal");
  await checkQuota(host, principal, images.length);
  const created = new Date(platform.now()).toISOString();
  const call = callOf(host, context);
  const results: JobResult[] = [];
  const waiting = images.entries();
  const answerSome = async (): Promise<void> => {
    for (const [index, image] of waiting) {
      results[index] = await answerOne(index, () =>
        countImages(host, principal, 1, () =>
          analyzer.analyze(requestFor(request, image), principal, {
            ...call,
            signal,
          }),
        ),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, answerSome));
  const states = new Set(results.map(({ status }) => status));
  const [only] = states;
  return {
    id: platform.id("batch"),
    object: "batch",
    status: states.size === 1 && only !== undefined ? only : "partial",
    created,
    results,
    metadata: request.metadata,
  };
}

function requestFor(request: AnalyzeRequest, image: ImageReference) {
  return { ...request, image };
}

/** An image that fails is a problem among the results. */
async function answerOne(
  index: number,
  answer: () => ReturnType<Analyzer["analyze"]>,
): Promise<JobResult> {
  try {
    const analysis = await answer();
    return { index, status: analysis.status, analysis };
  } catch (error) {
    // A bug of ours is not one image's problem.
    if (!isFlorenceError(error)) throw error;
    return { index, status: "failed", problem: toProblem(error) };
  }
}
