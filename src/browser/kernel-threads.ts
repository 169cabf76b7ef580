// Threads for the kernels: workers of the worker, over shared memory.

import { FlorenceError } from "../shared/errors.ts";
import type { ThreadHost } from "../shared/model/edge/threads/team.ts";
import { SCRIPTS } from "./built-files.ts";

/** Why a page has one thread; null if it may have more. */
export function whyOneThread(): string | null {
  if (crossOriginIsolated) return null;
  return "The page is not cross-origin isolated. Serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.";
}

/**
 * Workers that help the one that calls this.
 *
 * They end with it, or when the model is disposed of.
 *
 * @param assets the folder of built files, with a slash at its end.
 * @param threads all of them, the caller's own with them.
 */
export function kernelThreads(assets: string, threads: number): ThreadHost {
  return {
    threads,
    start(task) {
      const name = `florence-${task.thread}`;
      const script = new URL(SCRIPTS.thread, assets);
      const worker = new Worker(script, { type: "module", name });
      worker.postMessage(task);
      return new Promise((resolve, reject) => {
        worker.addEventListener("message", () => {
          resolve();
        });
        worker.addEventListener("error", ({ message }) => {
          reject(
            new FlorenceError(
              "engine_unavailable",
              `A thread of the kernels did not start (${script.href}): ${message}`,
            ),
          );
        });
      });
    },
  };
}
