// One vision pass for all who ask of the same picture at once: the first makes
// it, the others wait for it.

import { FlorenceError, throwIfAborted } from "../../shared/errors.ts";
import { outlast } from "../outlast.ts";

/**
 * What came of a pass: `seen`, it is kept for those who waited; `unseen`, its
 * maker was answered without one that can be kept; `failed`, its maker was not
 * answered.
 */
export type FlightOutcome = "seen" | "unseen" | "failed";

/** A pass in the making; its maker ends it, whatever comes of it. */
export interface Flight {
  /** The first call counts. */
  end(outcome: FlightOutcome): void;
}

export interface Flights {
  /** Begins the pass `id`; null if another makes it already. */
  begin(id: string): Flight | null;
  /**
   * Waits for the pass that another makes.
   *
   * @returns what came of it; null if nobody makes it, or too many wait.
   * @throws FlorenceError `deadline_exceeded` if aborted while waiting.
   */
  wait(id: string, signal: AbortSignal): Promise<FlightOutcome | null>;
}

/** Each holds its picture while it waits. */
const MAX_FOLLOWERS = 16;

/** Passes of one service, by feature id: no tenant shares another's. */
export function createFlights(): Flights {
  const flying = new Map<
    string,
    { readonly ended: Promise<FlightOutcome>; followers: number }
  >();
  return {
    begin(id) {
      if (flying.has(id)) return null;
      const { promise, resolve } = Promise.withResolvers<FlightOutcome>();
      const own = { ended: promise, followers: 0 };
      flying.set(id, own);
      return {
        end(outcome) {
          if (flying.get(id) === own) flying.delete(id);
          resolve(outcome);
        },
      };
    },
    async wait(id, signal) {
      throwIfAborted(signal);
      const flight = flying.get(id);
      if (flight === undefined || flight.followers >= MAX_FOLLOWERS)
        return null;
      flight.followers += 1;
      const left = new AbortController();
      try {
        return await outlast(
          Promise.race([flight.ended, aborted(signal, left.signal)]),
        );
      } finally {
        flight.followers -= 1;
        left.abort();
      }
    },
  };
}

/** Rejects when `signal` aborts; listens until `left` does. */
function aborted(signal: AbortSignal, left: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener(
      "abort",
      () => {
        reject(
          new FlorenceError(
            "deadline_exceeded",
            "The request was aborted while another looked at the same picture. Give it more time.",
            { cause: signal.reason, retryable: true },
          ),
        );
      },
      { signal: left },
    );
  });
}
