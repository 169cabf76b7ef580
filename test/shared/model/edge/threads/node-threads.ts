// Threads of Node for the kernels: what a page's workers are in a browser.

import { Worker } from "node:worker_threads";
import type {
  HelperTask,
  ThreadHost,
} from "../../../../../src/shared/model/edge/threads/team.ts";

/** Threads that are ended by `close`, whatever they do. */
export interface NodeThreads extends ThreadHost {
  /** Resolves once all helpers have ended by themselves. */
  ended(): Promise<void>;
}

/** @param threads with the caller's own. */
export function nodeThreads(threads: number): NodeThreads {
  const ends: Promise<void>[] = [];
  return {
    threads,
    async start(task: HelperTask) {
      const worker = new Worker(new URL("helper-thread.ts", import.meta.url), {
        workerData: task,
      });
      // A test that fails must end, too.
      worker.unref();
      ends.push(
        new Promise((resolve) => {
          worker.once("exit", () => {
            resolve();
          });
        }),
      );
      await new Promise<void>((resolve, reject) => {
        worker.once("message", () => {
          resolve();
        });
        worker.once("error", reject);
      });
    },
    async ended() {
      await Promise.all(ends);
    },
  };
}
