// One inference at a time: an isolate shares its memory between requests, and a
// second set of activations would not fit beside the first.

import { FlorenceError, throwIfAborted } from "../shared/errors.ts";

/** A queue in front of the engine. */
export interface Turns {
  /**
   * Runs `work` when all work before it has ended, whatever its outcome.
   *
   * @param signal work that was aborted while it waited is not begun.
   * @throws FlorenceError `engine_unavailable` if too many wait already,
   *   `deadline_exceeded` if aborted while waiting; else what `work` throws.
   */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** @param maxWaiting requests that may wait beside the one at work. */
export function createTurns(maxWaiting: number): Turns {
  let last: Promise<unknown> = Promise.resolve();
  let present = 0;
  return {
    async run(work, signal) {
      if (present > maxWaiting) {
        throw new FlorenceError(
          "engine_unavailable",
          `${present - 1} requests wait for this engine already. Try again in a few seconds.`,
          { retryable: true },
        );
      }
      present += 1;
      const mine = last.then(() => {
        throwIfAborted(signal);
        return work();
      });
      last = mine
        .catch(() => undefined)
        .then(() => {
          present -= 1;
        });
      return await mine;
    },
  };
}
