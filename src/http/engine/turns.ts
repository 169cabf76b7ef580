// One inference at a time: an isolate shares its memory between requests, and a
// second set of activations would not fit beside the first.

import { FlorenceError, throwIfAborted } from "../../shared/errors.ts";
import { outlast } from "../outlast.ts";

/** A queue in front of the engine. */
export interface Turns {
  /**
   * Runs `work` when it is its turn, and passes the turn on when it ends,
   * whatever its outcome. Its caller must stay alive until then.
   *
   * @param signal one that aborts while waiting leaves the queue at once.
   * @throws FlorenceError `engine_unavailable` if too many wait already,
   *   `deadline_exceeded` if aborted while waiting; else what `work` throws.
   */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** @param maxWaiting requests that may wait beside the one at work. */
export function createTurns(maxWaiting: number): Turns {
  const waiting: ((turn: null) => void)[] = [];
  let isTaken = false;

  /** Resolves when the turn is ours. */
  const take = async (signal: AbortSignal): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<null>();
    const leave = (): void => {
      const at = waiting.indexOf(resolve);
      if (at < 0) return;
      waiting.splice(at, 1);
      reject(abortError(signal));
    };
    waiting.push(resolve);
    signal.addEventListener("abort", leave);
    try {
      await outlast(promise);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  };

  return {
    async run(work, signal) {
      throwIfAborted(signal);
      if (isTaken && waiting.length >= maxWaiting) {
        throw new FlorenceError(
          "engine_unavailable",
          `${waiting.length} requests wait for this engine already. Try again in a few seconds.`,
          { retryable: true },
        );
      }
      if (isTaken) await take(signal);
      isTaken = true;
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) isTaken = false;
        else next(null);
      }
    },
  };
}

function abortError(signal: AbortSignal): FlorenceError {
  return new FlorenceError(
    "deadline_exceeded",
    "The request was aborted while it waited for its turn. Give it more time, or try again when fewer are waiting.",
    { cause: signal.reason, retryable: true },
  );
}
