// A partial answer: the ids so far with their plain log-probabilities.

import type { Answer } from "../parse/answer.ts";
import type { StepResult, TokenChoice } from "../model/model.ts";

/** One answer being written; never changed, only extended. */
export interface Hypothesis {
  /** The decoder's ids, the start token included. */
  readonly ids: readonly number[];
  /** One for each id after the start token. */
  readonly logProbs: readonly number[];
  /** One for each id after the start token; see `Answer.spreads`. */
  readonly spreads: readonly (number | null)[];
}

/** The location tokens of a vocabulary, if their spread is wanted. */
export interface LocationTokens {
  readonly ids: readonly number[]; // [1000], in bin order
  readonly first: number;
}

/** The hypothesis that holds nothing but the start token. */
export function emptyHypothesis(startToken: number): Hypothesis {
  return { ids: [startToken], logProbs: [], spreads: [] };
}

/**
 * Appends a token.
 *
 * @param result the step that chose it, whose `scored` are the location
 *   tokens' log-probabilities if `locations` is given.
 */
export function extend(
  hypothesis: Hypothesis,
  choice: TokenChoice,
  result: StepResult,
  locations: LocationTokens | null,
): Hypothesis {
  const bin = locations === null ? -1 : choice.id - locations.first;
  const isLocation =
    locations !== null && bin >= 0 && bin < locations.ids.length;
  return {
    ids: [...hypothesis.ids, choice.id],
    logProbs: [...hypothesis.logProbs, choice.logProb],
    spreads: [
      ...hypothesis.spreads,
      isLocation ? binSpread(result.scored) : null,
    ],
  };
}

/** The finished answer of a hypothesis. */
export function toAnswer(
  hypothesis: Hypothesis,
  finishReason: Answer["finishReason"],
): Answer {
  return {
    ids: hypothesis.ids.slice(1),
    logProbs: hypothesis.logProbs,
    spreads: hypothesis.spreads,
    finishReason,
  };
}

/**
 * Standard deviation, in bins, of a distribution over the bins of an axis.
 *
 * @param logProbs one for each bin; renormalized here.
 */
export function binSpread(logProbs: Float32Array): number {
  let top = -Infinity;
  // By index: an iterator's results would be most of an answer's garbage.
  for (let bin = 0; bin < logProbs.length; bin += 1) {
    top = Math.max(top, logProbs[bin]!);
  }
  if (top === -Infinity) return 0;
  let mass = 0;
  let mean = 0;
  let square = 0;
  for (let bin = 0; bin < logProbs.length; bin += 1) {
    const weight = Math.exp(logProbs[bin]! - top);
    mass += weight;
    mean += weight * bin;
    square += weight * bin * bin;
  }
  mean /= mass;
  return Math.sqrt(Math.max(0, square / mass - mean * mean));
}
