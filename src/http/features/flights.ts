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
  /**
   * Begins the pass `id`; null if another makes it already.
   *
   * @param signal of its maker: whoever waits does not wait beyond its abort.
   */
  begin(id: string, signal: AbortSignal): Flight | null;
  /**
   * Waits for the pass that another makes.
   *
   * @returns what came of it; null if nobody makes it, too many wait, or it
   *   takes too long.
   * @throws FlorenceError `deadline_exceeded` if aborted while waiting.
   */
  wait(id: string, signal: AbortSignal): Promise<FlightOutcome | null>;
}

/** Each holds its picture while it waits. */
const MAX_FOLLOWERS = 16;

/** Of a maker that may never come back; one pass too many is no harm. */
const MAX_WAIT_MS = 30_000;

interface Flying {
  readonly ended: Promise<FlightOutcome>;
  followers: number;
}

/** Passes of one service, by feature id: no tenant shares another's. */
export function createFlights(): Flights {
  const flying = new Map<string, Flying>();
  return {
    begin(id, signal) {
      if (flying.has(id)) return null;
      const { promise, resolve } = Promise.withResolvers<FlightOutcome>();
      const own: Flying = { ended: promise, followers: 0 };
      flying.set(id, own);
      const end = (outcome: FlightOutcome): void => {
        if (flying.get(id) === own) flying.delete(id);
        signal.removeEventListener("abort", fail);
        resolve(outcome);
      };
      const fail = (): void => {
        end("failed");
      };
      signal.addEventListener("abort", fail);
      return { end };
    },
    async wait(id, signal) {
      throwIfAborted(signal);
      const flight = flying.get(id);
      if (flight === undefined || flight.followers >= MAX_FOLLOWERS) {
        return null;
      }
      flight.followers += 1;
      try {
        return await waitFor(flight.ended, signal);
      } finally {
        flight.followers -= 1;
      }
    },
  };
}

/** @returns null after `MAX_WAIT_MS`. @throws as `Flights.wait`. */
async function waitFor(
  ended: Promise<FlightOutcome>,
  signal: AbortSignal,
): Promise<FlightOutcome | null> {
  const { promise, resolve, reject } = Promise.withResolvers<null>();
  const abort = (): void => {
    reject(
      new FlorenceError(
        "deadline_exceeded",
        "The request was aborted while another looked at the same picture. Give it more time.",
        { cause: signal.reason, retryable: true },
      ),
    );
  };
  signal.addEventListener("abort", abort);
  const timer = setTimeout(() => {
    resolve(null);
  }, MAX_WAIT_MS);
  try {
    return await outlast(Promise.race([ended, promise]));
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
