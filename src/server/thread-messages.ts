// What the server's own thread and those of its models say to each other.

import type { EngineAnswer, EngineRequest } from "../http/engine/engine.ts";
import type { AnalyzeEvents } from "../shared/analyze/events.ts";
import type { Manifest } from "../shared/model/manifest.ts";
import type { Problem } from "../shared/schema/problem.ts";

export type EventName = keyof AnalyzeEvents;

/** To a thread. */
export type ThreadOrder =
  | {
      readonly kind: "analyze";
      readonly id: number;
      readonly request: Omit<EngineRequest, "signal">;
      /** Events that somebody listens to. */
      readonly listens: readonly EventName[];
    }
  | { readonly kind: "abort"; readonly id: number };

/** From a thread. */
export type ThreadReport =
  /** Its models are loaded. */
  | {
      readonly kind: "ready";
      readonly models: readonly [Manifest, ...Manifest[]];
    }
  /** They cannot be: the thread ends. */
  | { readonly kind: "unfit"; readonly failure: Failure }
  | {
      readonly kind: "event";
      readonly id: number;
      readonly name: EventName;
      readonly value: unknown;
    }
  | {
      readonly kind: "answer";
      readonly id: number;
      readonly answer: EngineAnswer;
    }
  | {
      readonly kind: "failed";
      readonly id: number;
      readonly failure: Failure;
    };

/** An error on its way: a problem, or the trace of a bug. */
export type Failure =
  { readonly problem: Problem } | { readonly trace: string };
