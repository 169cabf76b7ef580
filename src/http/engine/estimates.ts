// How long an engine will take, from how long it took.

import type { Envelope } from "../../shared/schema/analysis.ts";
import type { EngineName, EngineRequest } from "./engine.ts";

/** Milliseconds of the parts of an answer. */
interface Pace {
  /** One look at an image. */
  readonly vision: number;
  /** One task's text. */
  readonly task: number;
  /** Everything around: waiting for a turn, the network, decoding. */
  readonly around: number;
}

/**
 * Before anything was measured: the model in the box in one isolate, the
 * 0.23 B model on a few cores, the same on a graphics card.
 */
const PRIORS: Readonly<Record<EngineName, Pace>> = {
  edge: { vision: 500, task: 700, around: 100 },
  container: { vision: 1500, task: 600, around: 300 },
  gpu: { vision: 80, task: 150, around: 300 },
};

/** Weight of the newest measurement in the moving mean. */
const NEWEST = 0.2;

/**
 * A deployed Worker's clock stands still while it computes, so that its own
 * work may measure as nothing: what was assumed is never left by more.
 */
const LEAST_SHARE_OF_PRIOR = 0.25;

/** Remembers how fast an engine is. */
export interface Estimate {
  /** Expected milliseconds of an answer. */
  of(request: Pick<EngineRequest, "tasks" | "seen">): number;
  /** Learns from an answer that took `elapsedMs` in all. */
  learn(envelope: Envelope, elapsedMs: number): void;
}

export function createEstimate(name: EngineName): Estimate {
  const prior = PRIORS[name];
  let pace = prior;
  const mixed = (part: keyof Pace, measured: number): number =>
    Math.max(
      pace[part] + NEWEST * (measured - pace[part]),
      LEAST_SHARE_OF_PRIOR * prior[part],
    );
  return {
    of: ({ tasks, seen }) =>
      (seen === null ? pace.vision : 0) +
      tasks.length * pace.task +
      pace.around,
    learn({ results, timings_ms: timings, usage }, elapsedMs) {
      const passes = usage.vision_passes;
      pace = {
        vision:
          passes === 0 ? pace.vision : mixed("vision", timings.vision / passes),
        task: mixed("task", timings.text / Math.max(1, results.length)),
        around: mixed(
          "around",
          Math.max(0, elapsedMs - timings.vision - timings.text),
        ),
      };
    },
  };
}
