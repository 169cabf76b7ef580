// Leaves an engine alone that has failed several times in a row, and tries it
// again after a while with one request.

import { FlorenceError, isFlorenceError } from "../../shared/errors.ts";
import type { CircuitState, Engine } from "./engine.ts";

export interface CircuitOptions {
  /** The host's clock, in milliseconds. */
  readonly now: () => number;
  /** Failures in a row that open it. */
  readonly failures?: number;
  /** How long it stays open. */
  readonly openMs?: number;
  /** An answer that takes longer and is given up then counts as a failure. */
  readonly slowMs?: number;
}

/**
 * The engine behind a circuit breaker: its status has `circuit`, and while that
 * is open `analyze` refuses at once with `engine_unavailable`.
 *
 * What counts is that the engine is broken: `engine_unavailable` (unless it
 * only has too much to do), `engine_bad_output`, `bundle_invalid`, and a
 * deadline that a slow engine missed. A caller's mistake or a caller's short
 * deadline does not.
 */
export function withCircuitBreaker(
  engine: Engine,
  options: CircuitOptions,
): Engine {
  const { now, failures = 5, openMs = 30_000, slowMs = 20_000 } = options;
  let failed = 0;
  let openUntilMs = 0;
  let isTrying = false;

  const state = (): CircuitState => {
    if (failed < failures) return "closed";
    return now() < openUntilMs || isTrying ? "open" : "half_open";
  };
  const fail = (): void => {
    failed += 1;
    if (failed >= failures) openUntilMs = now() + openMs;
  };
  const { refresh, maxPixels } = engine;

  return {
    name: engine.name,
    get models() {
      return engine.models;
    },
    status() {
      const circuit = state();
      const own = engine.status();
      return {
        ...own,
        ...(circuit === "open" && { status: "unavailable" as const }),
        circuit,
      };
    },
    ...(maxPixels !== undefined && { maxPixels }),
    ...(refresh !== undefined && { refresh }),
    warm: () => engine.warm(),
    async analyze(request, events) {
      const circuit = state();
      if (circuit === "open") throw openError(engine, openUntilMs - now());
      isTrying = circuit === "half_open";
      const startMs = now();
      try {
        const answer = await engine.analyze(request, events);
        failed = 0;
        return answer;
      } catch (error) {
        if (isBroken(error, now() - startMs >= slowMs)) fail();
        throw error;
      } finally {
        isTrying = false;
      }
    },
  };
}

function isBroken(error: unknown, wasSlow: boolean): boolean {
  if (!isFlorenceError(error)) return false;
  // Who has too much to do says that another try makes sense.
  if (error.code === "engine_unavailable") return !error.retryable;
  if (error.code === "deadline_exceeded") return wasSlow;
  return error.code === "engine_bad_output" || error.code === "bundle_invalid";
}

function openError(engine: Engine, leftMs: number): FlorenceError {
  const retryAfterSeconds = Math.max(1, Math.ceil(leftMs / 1000));
  return new FlorenceError(
    "engine_unavailable",
    `The engine ${engine.name} failed several times in a row and is left alone for now. Try again in ${retryAfterSeconds} s.`,
    { retryable: true, retryAfterSeconds },
  );
}
