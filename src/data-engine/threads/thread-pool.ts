// Threads of one script that take jobs one after the other.

import { Worker } from "node:worker_threads";
import { FlorenceError, type ErrorCode } from "../../shared/errors.ts";

/** What a thread says: ready, one job done, or that it cannot go on. */
export type Reply<Ready, Done> =
  | { readonly kind: "ready"; readonly ready: Ready }
  | { readonly kind: "done"; readonly done: Done }
  | {
      readonly kind: "failed";
      /** Null for a bug of ours. */
      readonly code: ErrorCode | null;
      readonly message: string;
    };

/** Threads at work; their opener closes them. */
export interface ThreadPool<Ready, Job, Done> {
  /** What each said when it was ready. */
  readonly ready: readonly Ready[];

  /**
   * Has jobs done, as many at a time as there are threads.
   *
   * @param done is told of each job; its thread waits for it.
   * @param signal stops the handing out; jobs at work are finished.
   * @throws what the first job that failed failed with, after those at work.
   */
  run(
    jobs: Iterable<Job>,
    done: (result: Done) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts threads and waits until all are ready.
 *
 * @param script serves with `serveJobs`.
 * @param settings each thread's `workerData`.
 * @throws what a thread failed with.
 */
export async function openThreadPool<Ready, Job, Done>(
  script: URL,
  settings: object,
  count: number,
): Promise<ThreadPool<Ready, Job, Done>> {
  const threads = Array.from({ length: count }, () =>
    startThread<Ready, Job, Done>(script, settings),
  );
  const close = async (): Promise<void> => {
    await Promise.all(threads.map((thread) => thread.end()));
  };
  try {
    const ready = await Promise.all(threads.map((thread) => thread.ready));
    return {
      ready,
      close,
      async run(jobs, done, signal) {
        const queue = jobs[Symbol.iterator]();
        const failures: unknown[] = [];
        const isStopped = (): boolean => failures.length > 0 || signal.aborted;
        await Promise.all(
          threads.map(async (thread) => {
            while (!isStopped()) {
              const next = queue.next();
              if (next.done === true) return;
              try {
                await done(await thread.work(next.value));
              } catch (error) {
                failures.push(error);
              }
            }
          }),
        );
        if (failures.length > 0) throw failures[0];
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Thread<Ready, Job, Done> {
  readonly ready: Promise<Ready>;
  work(job: Job): Promise<Done>;
  end(): Promise<void>;
}

function startThread<Ready, Job, Done>(
  script: URL,
  settings: object,
): Thread<Ready, Job, Done> {
  const worker = new Worker(script, { workerData: settings });
  const reply = (): Promise<Reply<Ready, Done>> =>
    new Promise((resolve, reject) => {
      const onExit = (): void => {
        reject(new Error("internal: a thread ended by itself"));
      };
      worker.once("exit", onExit);
      worker.once("error", reject);
      worker.once("message", (message: Reply<Ready, Done>) => {
        worker.off("exit", onExit);
        worker.off("error", reject);
        resolve(message);
      });
    });
  const ready = reply().then((message) => {
    if (message.kind === "ready") return message.ready;
    throw failureOf(message);
  });
  // Whoever waits for all threads hears of the first that fails.
  ready.catch(() => undefined);
  return {
    ready,
    async work(job) {
      const answer = reply();
      worker.postMessage(job);
      const message = await answer;
      if (message.kind === "done") return message.done;
      throw failureOf(message);
    },
    async end() {
      await worker.terminate();
    },
  };
}

function failureOf(message: Reply<unknown, unknown>): Error {
  if (message.kind !== "failed")
    return new Error(`internal: a thread said ${message.kind} out of turn`);
  return message.code === null
    ? new Error(message.message)
    : new FlorenceError(message.code, message.message);
}
