// Scores as chances: a map from the model's own scores to how often an item of
// such a score is right, kept in the bundle.

import type { TaskPayload } from "./table.ts";

/**
 * A rising line through points: `scores` ascending, `chances` at them, not
 * falling. Before the first and after the last point it is level.
 */
export interface ScoreMap {
  readonly scores: readonly number[];
  readonly chances: readonly number[];
}

/** The chance of a score; NaN stays NaN. */
export function chanceOf({ scores, chances }: ScoreMap, score: number): number {
  return interpolate(scores, chances, score);
}

/**
 * The lowest score whose chance is at least `chance`: a limit in the one unit as
 * a limit in the other. Infinity where no score has such a chance.
 */
export function scoreOf({ scores, chances }: ScoreMap, chance: number): number {
  if (chance <= chances[0]!) return -Infinity;
  const at = chances.findIndex((one) => one >= chance);
  if (at < 0) return Infinity;
  const [before, after] = [chances[at - 1]!, chances[at]!];
  const share = (chance - before) / (after - before);
  return scores[at - 1]! + share * (scores[at]! - scores[at - 1]!);
}

/**
 * Puts chances in the place of the scores of a result and its items. Scores of
 * parts (`label_score`, `box_score`) stay the model's own; so does a choice
 * among the caller's labels, whose scores are shares of one another.
 */
export function calibrateInto(result: TaskPayload, map: ScoreMap): void {
  if (result.task === "classify_regions" && result.regions.some((region) => region.scores !== undefined)) return; // prettier-ignore
  const head: { score_kind: ResultHeadKind } = result;
  head.score_kind = "calibrated";
  for (const item of scoredItems(result)) item.score = chanceOf(map, item.score); // prettier-ignore
  if (result.task !== "detect_open") return;
  for (const label of result.labels) {
    // A label that was not found has the score of a word, not of an object.
    if (label.found && label.score !== null)
      label.score = chanceOf(map, label.score);
  }
}

type ResultHeadKind = TaskPayload["score_kind"];

interface Scored {
  score: number;
}

/** Everything in a result whose score is its item's as a whole. */
function scoredItems(result: TaskPayload): Scored[] {
  const items: Scored[] = [];
  if ("score" in result) items.push(result);
  if ("objects" in result) items.push(...result.objects);
  if ("lines" in result) items.push(...result.lines);
  if ("segments" in result) items.push(...result.segments);
  if (!("regions" in result)) return items;
  for (const region of result.regions) {
    if ("segments" in region) items.push(...region.segments);
    else items.push(region);
  }
  return items;
}

function interpolate(
  from: readonly number[],
  to: readonly number[],
  value: number,
): number {
  if (Number.isNaN(value)) return value;
  const at = from.findIndex((one) => one >= value);
  if (at === 0) return to[0]!;
  if (at < 0) return to[to.length - 1]!;
  const [before, after] = [from[at - 1]!, from[at]!];
  const share = (value - before) / (after - before);
  return to[at - 1]! + share * (to[at]! - to[at - 1]!);
}
