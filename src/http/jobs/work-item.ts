// Answers one image of a job: lease, analysis, outcome.

import { FlorenceError, isFlorenceError } from "../../shared/errors.ts";
import type { Envelope } from "../../shared/schema/analysis.ts";
import type { Analyzer } from "../analyze/analyzer.ts";
import type { ImageReference } from "../analyze/image-reference.ts";
import type { Host } from "../host.ts";
import type { WorkMessage } from "../ports/work-queue.ts";
import type { JobImage } from "./job.ts";
import { createLiveEvents, type LiveEvents } from "./live-events.ts";
import type { JobEvent } from "./job-statements.ts";
import { returnLease, takeLease, type LeasedItem } from "./lease.ts";
import { MAX_CRASHES, retryOf } from "./retry.ts";
import { writeOutcome } from "./write-outcome.ts";

/** What is at work in this process, so that a cancelled job can be aborted. */
export type RunningJobs = Map<string, Set<AbortController>>;

/**
 * Does what a message hints at, if it is due and nobody else is at it. May be
 * called any number of times, in any order.
 */
export async function workItem(
  host: Host,
  analyzer: Analyzer,
  running: RunningJobs,
  jobId: string,
  index: number,
): Promise<void> {
  const item = await takeLease(host, jobId, index);
  if (item === null) return;
  if (item.crashes >= MAX_CRASHES) {
    const error = new FlorenceError(
      "internal",
      `The work on image ${index} ended abruptly ${item.crashes} times; it was given up. Try another form of the image; if it stays, report job ${jobId}.`,
    );
    await writeOutcome(host, item, { error });
    return;
  }
  const live = createLiveEvents(host, item);
  let analysis: Envelope;
  try {
    analysis = await analyze(host, analyzer, running, item, live);
  } catch (error) {
    await settleFailure(host, item, error, await live.finish());
    return;
  }
  await writeOutcome(host, item, { analysis }, await live.finish());
}

async function analyze(
  { store, config }: Host,
  analyzer: Analyzer,
  running: RunningJobs,
  item: LeasedItem,
  { listeners }: LiveEvents,
): Promise<Envelope> {
  const { jobId, request, tenant, principalId, traceparent } = item;
  const image = await openImage(store, item.image);
  const cancelled = new AbortController();
  const own = running.get(jobId) ?? new Set();
  running.set(jobId, own.add(cancelled));
  try {
    return await analyzer.analyze(
      { ...request, image },
      { tenant, id: principalId, scopes: [] },
      {
        signal: AbortSignal.any([
          cancelled.signal,
          AbortSignal.timeout(config.attempt_seconds * 1000),
        ]),
        ...(traceparent !== null && { traceparent }),
        events: listeners,
      },
    );
  } finally {
    own.delete(cancelled);
    if (own.size === 0) running.delete(jobId);
  }
}

async function openImage(
  store: Host["store"],
  image: JobImage,
): Promise<ImageReference> {
  if (image.kind !== "blob") return image;
  const blob = await store.get(image.key);
  if (blob !== null) return { kind: "bytes", bytes: blob.bytes };
  throw new FlorenceError(
    "expired",
    "The picture that came with the job is not kept any more. Send it again.",
  );
}

/** Another attempt, or the problem as the image's result. */
async function settleFailure(
  host: Host,
  item: LeasedItem,
  error: unknown,
  told: readonly JobEvent[],
): Promise<void> {
  const { jobId, index } = item;
  if (!isFlorenceError(error)) host.onFailure?.(error, jobId);
  const nowMs = host.platform.now();
  const retry = retryOf(error, { ...item, nowMs });
  if (retry === null) {
    const outcome = { error: asFlorenceError(error, jobId) };
    await writeOutcome(host, item, outcome, told);
    return;
  }
  const { dueMs, isFailure } = retry;
  if (!(await returnLease(host, item, dueMs, isFailure))) return;
  const message: WorkMessage = { kind: "job_item", jobId, index };
  await host.queue.send([message], {
    delaySeconds: Math.ceil((dueMs - nowMs) / 1000),
  });
}

/** A bug of ours stays inside, as in any other answer. */
function asFlorenceError(error: unknown, jobId: string): FlorenceError {
  return isFlorenceError(error)
    ? error
    : new FlorenceError(
        "internal",
        `Something failed on our side. Try again; if it stays, report job ${jobId}.`,
      );
}
