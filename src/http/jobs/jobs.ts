// Jobs as other parts of the service use them: an upload's tasks, a hook, an
// agent, an analysis that shall be answered later.

import type { Analyzer } from "../analyze/analyzer.ts";
import type { Host } from "../host.ts";
import type { LaterPart } from "../later.ts";
import { outlast } from "../outlast.ts";
import type { Principal } from "../principal.ts";
import { cancelJob } from "./cancel-job.ts";
import { createJob, hintJob } from "./create-job.ts";
import type { Job, NewJob } from "./job.ts";
import { readJob } from "./read-job.ts";
import { sweepJobs } from "./sweep-jobs.ts";
import { workItem, type RunningJobs } from "./work-item.ts";

/** From one look at a job that is waited for to the next: at first, at most. */
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1000;

/** How a job is begun. */
export interface BeginOptions {
  /** Seconds to wait for its end; 0 for none. */
  readonly waitSeconds: number;
  /** Given work that goes on when the waiting is over. */
  readonly keepAlive?: ((work: Promise<unknown>) => void) | undefined;
}

export interface Jobs extends LaterPart {
  /**
   * Makes a job, or finds the one of the same `dedupeKey`; the queue does it.
   *
   * @returns the job as it was made, or found.
   * @throws FlorenceError `quota_exceeded`, `url_forbidden` and `not_found` of
   *   the callback.
   */
  create(job: NewJob): Promise<Job>;

  /**
   * Makes a job and waits for its end. One image is answered by this process,
   * several by the queue.
   *
   * @returns the job as it is when it has ended or the time is over.
   * @throws FlorenceError as `create`.
   */
  begin(job: NewJob, options: BeginOptions): Promise<Job>;

  /** @throws FlorenceError `job_not_cancellable`, `not_found`, `expired`. */
  cancel(id: string, principal: Principal): Promise<Job>;
}

export function createJobs(host: Host, analyzer: Analyzer): Jobs {
  const running: RunningJobs = new Map();
  const work = (id: string, index: number): Promise<void> =>
    workItem(host, analyzer, running, id, index);
  const begin: Jobs["begin"] = async (job, { waitSeconds, keepAlive }) => {
    const { principal, images } = job;
    const { id, isNew } = await createJob(host, job);
    // As it was made: the queue may be fast.
    const made = await readJob(host, id, principal);
    if (waitSeconds > 0 && images.length === 1) {
      const answering = work(id, 0).catch((error: unknown) => {
        // Its row stays due: the sweep sees to it.
        host.onFailure?.(error, id);
      });
      keepAlive?.(answering);
    } else if (isNew) {
      await hintJob(host, id, images.length);
    }
    if (waitSeconds === 0) return made;
    await waitForEnd(host, id, principal, waitSeconds);
    return await readJob(host, id, principal);
  };
  return {
    kind: "job_item",
    async consume(message) {
      if (message.kind !== "job_item") return;
      await work(message.jobId, message.index);
    },
    sweep: () => sweepJobs(host),
    create: (job) => begin(job, { waitSeconds: 0 }),
    begin,
    async cancel(id, principal) {
      const job = await cancelJob(host, id, principal);
      for (const one of running.get(id) ?? []) one.abort();
      return job;
    },
  };
}

/** Whether nothing more will happen to a job. */
export function hasEnded({ status }: Job): boolean {
  return status !== "queued" && status !== "running";
}

async function waitForEnd(
  host: Host,
  id: string,
  principal: Principal,
  seconds: number,
): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  let waitedMs = 0;
  while (waitedMs < seconds * 1000) {
    if (hasEnded(await readJob(host, id, principal))) return;
    const ms = Math.min(pauseMs, seconds * 1000 - waitedMs);
    await outlast(new Promise((resolve) => setTimeout(resolve, ms)));
    waitedMs += ms;
    pauseMs = Math.min(pauseMs * 1.5, MAX_PAUSE_MS);
  }
}
