// In which order engines are tried for a request, and which are not at all.

import { FlorenceError } from "../../shared/errors.ts";
import { sniffImage } from "../../shared/image/sniff-image.ts";
import type { Envelope } from "../../shared/schema/analysis.ts";
import { taskOf } from "../../shared/tasks/index.ts";
import type { Engine, EngineModel, EngineRequest } from "./engine.ts";
import type { Estimate } from "./estimates.ts";

/** An engine as the ladder knows it. */
export interface Rung {
  readonly engine: Engine;
  readonly estimate: Estimate;
}

type Attempt = Envelope["engine"]["attempts"][number];

export interface Plan<R extends Rung> {
  /** To be tried one after another; may be empty. */
  readonly order: readonly R[];
  /** Passed over, with the reason. */
  readonly skipped: readonly Attempt[];
}

/** How long an engine elsewhere may take to say which models it has. */
const REFRESH_MS = 5000;

/**
 * Plans a request: the engine it names, or the cheapest that can answer. Passed
 * over are engines without the model or the features it names, that are left
 * alone after failures, that do not know its tasks or take no image of its size
 * where another does, and that would miss its deadline where another would not.
 *
 * @param rungs the cheapest first.
 * @param nowMs the host's clock.
 * @throws FlorenceError `invalid_request` for a model that no engine has.
 */
export async function planLadder<R extends Rung>(
  rungs: readonly R[],
  request: EngineRequest,
  nowMs: number,
): Promise<Plan<R>> {
  const { engine: wanted, allow_fallback: mayFallBack } = request.options;
  const skipped: Attempt[] = [];
  let named = rungs.filter(({ engine }) => engine.name === wanted);
  let others = rungs.filter(({ engine }) => engine.name !== wanted);

  if (wanted !== "auto") {
    if (named.length === 0) {
      skipped.push(skip(wanted, "not_configured"));
    }
    if (!mayFallBack) others = [];
  }
  // Only who might be asked is asked which models it has.
  const isNeeded = needsModels(named.length > 0 ? named : others, request);
  const unknown = isNeeded ? await refreshAll([...named, ...others]) : [];
  skipped.push(...unknown);
  refuseUnknownModel(rungs, request, unknown.length > 0);

  const pass = (
    from: readonly R[],
    reason: string,
    isOut: (rung: R) => boolean,
  ): R[] => {
    const kept: R[] = [];
    for (const rung of from) {
      if (!isOut(rung)) kept.push(rung);
      else skipped.push(skip(rung.engine.name, reason));
    }
    return kept;
  };
  /** As `pass`, but never passes over all. */
  const prefer = (
    from: R[],
    reason: string,
    isOut: (rung: R) => boolean,
  ): R[] =>
    named.length === 0 && from.every(isOut) ? from : pass(from, reason, isOut);

  const isUnknown = ({ engine }: R): boolean =>
    unknown.some((attempt) => attempt.engine === engine.name);
  named = named.filter((rung) => !isUnknown(rung));
  others = others.filter((rung) => !isUnknown(rung));

  for (const [reason, isOut] of [
    ["model", (rung: R) => lacksModel(rung.engine, request)],
    ["features", (rung: R) => lacksFeatures(rung.engine, request)],
  ] as const) {
    named = pass(named, reason, isOut);
    others = pass(others, reason, isOut);
  }
  others = pass(others, "circuit_open", ({ engine }) => {
    const { circuit, status } = engine.status();
    return circuit === "open" || status === "unavailable";
  });
  others = prefer(others, "unsupported_task", ({ engine }) =>
    lacksTask(engine, request),
  );
  others = prefer(others, "image_size", ({ engine }) =>
    isTooLarge(engine, request),
  );
  const leftMs = (request.deadlineAtMs ?? Number.POSITIVE_INFINITY) - nowMs;
  const isLate = ({ estimate }: R): boolean => estimate.of(request) > leftMs;
  const fastest = others.toSorted(
    (a, b) => a.estimate.of(request) - b.estimate.of(request),
  )[0];
  // Where all would be late, the fastest gets furthest.
  others = pass(others, "deadline", (rung) => rung !== fastest && isLate(rung));
  return { order: [...named, ...others], skipped };
}

/** The model of an engine that a request asks, its default if it names none. */
export function modelFor(
  { models }: Engine,
  { options, seen, bytes }: Pick<EngineRequest, "options" | "seen" | "bytes">,
): EngineModel | undefined {
  if (options.model !== undefined) {
    return models.find(({ id }) => id === options.model);
  }
  if (bytes !== null) return models[0];
  return models.find(({ revision }) => revision === seen?.modelRevision);
}

/** Whether the first in line cannot answer for sure without asking others. */
function needsModels(
  [first]: readonly Rung[],
  request: EngineRequest,
): boolean {
  if (first === undefined) return true;
  const { engine } = first;
  return (
    engine.models.length === 0 ||
    request.options.model !== undefined ||
    request.deadlineAtMs !== undefined ||
    lacksTask(engine, request) ||
    isTooLarge(engine, request) ||
    engine.status().status === "unavailable"
  );
}

/** @returns those that did not say which models they have. */
async function refreshAll(rungs: readonly Rung[]): Promise<readonly Attempt[]> {
  const outcomes = await Promise.all(
    rungs.map(async ({ engine }) => {
      try {
        await engine.refresh?.(AbortSignal.timeout(REFRESH_MS));
        return null;
      } catch {
        // Why, its own answer would say; here it only is not to be had.
        return skip(engine.name, "unreachable");
      }
    }),
  );
  return outcomes.filter((outcome) => outcome !== null);
}

function refuseUnknownModel(
  rungs: readonly Rung[],
  request: EngineRequest,
  isAnyUnknown: boolean,
): void {
  const { model } = request.options;
  if (model === undefined || isAnyUnknown) return;
  if (rungs.some(({ engine }) => !lacksModel(engine, request))) return;
  const ids = [
    ...new Set(
      rungs.flatMap(({ engine }) => engine.models.map(({ id }) => id)),
    ),
  ].join(", ");
  throw new FlorenceError(
    "invalid_request",
    `There is no model "${model.slice(0, 80)}" here. There is: ${ids}.`,
    { errors: [{ pointer: "/options/model", detail: `one of: ${ids}` }] },
  );
}

function lacksModel(engine: Engine, { options }: EngineRequest): boolean {
  const { model } = options;
  return model !== undefined && engine.models.every(({ id }) => id !== model);
}

/** Whether it would need the picture, which is not at hand. */
function lacksFeatures(engine: Engine, request: EngineRequest): boolean {
  if (request.bytes !== null) return false;
  return modelFor(engine, request)?.revision !== request.seen?.modelRevision;
}

/** An engine elsewhere that nobody had to ask yet is given the chance. */
function lacksTask(engine: Engine, request: EngineRequest): boolean {
  if (engine.models.length === 0) return false;
  const model = modelFor(engine, request);
  return request.tasks.some(
    (task) => model?.tasks.includes(taskOf(task).spelling) !== true,
  );
}

function isTooLarge(engine: Engine, { bytes }: EngineRequest): boolean {
  if (bytes === null || engine.maxPixels === undefined) return false;
  const header = sniffImage(bytes);
  return header.width * header.height > engine.maxPixels(header);
}

function skip(engine: Attempt["engine"], reason: string): Attempt {
  return { engine, outcome: "skipped", reason };
}
