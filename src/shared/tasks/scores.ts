// How sure the model was, token by token, as one number per item.

import { BINS, type ImageSize } from "../geometry.ts";
import type { Answer } from "../parse/answer.ts";
import type { ResultBox } from "./result-fields.ts";

/**
 * `exp(mean log-prob)` of some tokens of an answer, aligned by position.
 *
 * @returns 0 to 1; 0 for no tokens, NaN where log-probs are not known.
 */
export function sequenceScore(answer: Answer, at: readonly number[]): number {
  if (at.length === 0) return 0;
  let sum = 0;
  for (const index of at) sum += answer.logProbs[index] ?? Number.NaN;
  return Math.exp(sum / at.length);
}

/**
 * Standard deviation of each corner of a box, in the unit of `scale`; null
 * where a step was not measured.
 *
 * @param at positions of the location tokens of x_min, y_min, x_max, y_max.
 */
export function boxSpread(
  answer: Answer,
  at: readonly [number, number, number, number],
  scale: ImageSize,
): ResultBox | null {
  const [xMin, yMin, xMax, yMax] = at.map((index) => answer.spreads[index]);
  if (xMin == null || yMin == null || xMax == null || yMax == null) return null;
  const unitX = scale.width / BINS;
  const unitY = scale.height / BINS;
  return {
    x_min: xMin * unitX,
    y_min: yMin * unitY,
    x_max: xMax * unitX,
    y_max: yMax * unitY,
  };
}

/** Softmax of mean log-probs: closed labels against one another. */
export function softmax(values: readonly number[]): number[] {
  const highest = Math.max(...values);
  const weights = values.map((value) => Math.exp(value - highest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
