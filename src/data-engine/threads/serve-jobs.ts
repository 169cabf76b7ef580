// The thread's side of a thread pool.

import { parentPort, workerData } from "node:worker_threads";
import { isFlorenceError } from "../../shared/errors.ts";
import type { Reply } from "./thread-pool.ts";

/**
 * Gets ready, then does jobs until the pool closes.
 *
 * @param start takes the pool's settings, and gives what takes its jobs: the
 *   pool's opener typed both.
 */
export async function serveJobs(
  start: (settings: never) => Promise<{
    readonly ready: unknown;
    readonly work: (job: never) => Promise<unknown>;
  }>,
): Promise<void> {
  if (parentPort === null)
    throw new Error("internal: this file runs as a thread");
  const port = parentPort;
  const say = (reply: Reply<unknown, unknown>): void => {
    port.postMessage(reply);
  };
  const fail = (error: unknown): void => {
    say(failure(error));
  };
  try {
    const { ready, work } = await start(workerData as never);
    port.on("message", (job: unknown) => {
      work(job as never).then((done) => {
        say({ kind: "done", done });
      }, fail);
    });
    say({ kind: "ready", ready });
  } catch (error) {
    fail(error);
  }
}

function failure(error: unknown): Reply<never, never> {
  if (isFlorenceError(error))
    return { kind: "failed", code: error.code, message: error.message };
  const message =
    error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: "failed", code: null, message };
}
