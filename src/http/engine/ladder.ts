// Chooses who answers: the cheapest engine that can, and the next where that
// one is not to be had. The answer says who was tried, and why.

import {
  FlorenceError,
  isFlorenceError,
  type ErrorCode,
} from "../../shared/errors.ts";
import type { Envelope } from "../../shared/schema/analysis.ts";
import { withCircuitBreaker, type CircuitOptions } from "./circuit-breaker.ts";
import type {
  Engine,
  EngineAnswer,
  EngineName,
  EngineRequest,
} from "./engine.ts";
import { createEstimate, type Estimate } from "./estimates.ts";
import { modelFor, planLadder, type Rung } from "./plan-ladder.ts";
import { tellOnce } from "./tell-once.ts";

/** Errors that mean "not here": the next engine may answer. */
const MOVES_ON: readonly ErrorCode[] = [
  "engine_unavailable",
  "warming_up",
  "unsupported_task",
];

export type Attempt = Envelope["engine"]["attempts"][number];

/** All engines of a host as one. */
export interface Ladder extends Engine {
  /** The engines, each with its circuit in its status. */
  readonly engines: readonly Engine[];
  /** Who would be tried first, as far as that is known without asking. */
  firstFor(request: Pick<EngineRequest, "options">): EngineName;
}

export interface LadderOptions extends CircuitOptions {
  /** The cheapest first. */
  readonly engines: readonly [Engine, ...Engine[]];
}

export function createLadder(options: LadderOptions): Ladder {
  const { now } = options;
  const rungs = options.engines.map(
    (engine): Rung & { estimate: Estimate } => ({
      engine: withCircuitBreaker(engine, options),
      estimate: createEstimate(engine.name),
    }),
  );
  const [first] = rungs;
  if (first === undefined) throw new Error("internal: a host without engines");

  /** One engine's answer, its attempts not yet written down. */
  const ask = async (
    { engine, estimate }: Rung & { estimate: Estimate },
    request: EngineRequest,
    listeners: ReturnType<ReturnType<typeof tellOnce>>,
  ): Promise<EngineAnswer> => {
    const startMs = now();
    const { seen } = request;
    const model = modelFor(engine, request);
    const answer = await engine.analyze(
      // Another model's features are nothing to it.
      {
        ...request,
        seen: seen?.modelRevision === model?.revision ? seen : null,
      },
      listeners,
    );
    estimate.learn(answer.envelope, now() - startMs);
    return answer;
  };

  return {
    name: first.engine.name,
    engines: rungs.map(({ engine }) => engine),
    get models() {
      const all = rungs.flatMap(({ engine }) => engine.models);
      return all.filter(
        ({ id }, index) => all.findIndex((one) => one.id === id) === index,
      );
    },
    status: () => first.engine.status(),
    warm: () => first.engine.warm(),
    firstFor: ({ options: { engine } }) =>
      rungs.find((rung) => rung.engine.name === engine)?.engine.name ??
      first.engine.name,

    async analyze(request, events = {}) {
      const { order, skipped } = await planLadder(rungs, request, now());
      const attempts: Attempt[] = [...skipped];
      const nextListeners = tellOnce(events);
      let last: FlorenceError | null = null;
      for (const rung of order) {
        const { name } = rung.engine;
        try {
          const { envelope, seen } = await ask(rung, request, nextListeners());
          attempts.push({ engine: name, outcome: "ok" });
          const engine = { used: name, attempts };
          return { envelope: { ...envelope, engine }, seen };
        } catch (error) {
          if (!isFlorenceError(error) || !MOVES_ON.includes(error.code)) {
            throw error;
          }
          attempts.push({
            engine: name,
            outcome: "failed",
            reason: error.code,
          });
          last = error;
        }
        if (!request.options.allow_fallback) break;
      }
      throw nobodyAnswered(last, attempts, request);
    },
  };
}

/** The last "not here", with who was tried. */
function nobodyAnswered(
  last: FlorenceError | null,
  attempts: readonly Attempt[],
  { options }: EngineRequest,
): FlorenceError {
  // With one engine, its own words say it all.
  if (last !== null && attempts.length === 1) return last;
  const tried = attempts
    .map(({ engine, outcome, reason }) => `${engine} ${outcome} (${reason!})`)
    .join(", ");
  const { allow_fallback: mayFallBack, engine } = options;
  const hint =
    mayFallBack || engine === "auto"
      ? ""
      : " options.allow_fallback is false; without it another engine may answer.";
  return new FlorenceError(
    last?.code ?? "engine_unavailable",
    `${last?.message ?? "No engine here can answer this."} Tried: ${tried}.${hint}`,
    {
      cause: last,
      errors: last?.errors ?? [],
      retryable: last?.retryable ?? true,
      ...(last !== null &&
        last.retryAfterSeconds !== null && {
          retryAfterSeconds: last.retryAfterSeconds,
        }),
    },
  );
}
