// What a model answered to one prompt: ids and how sure it was of each.

/** One answer; the four lists of numbers have one entry per token. */
export interface Answer {
  /**
   * As the model gave them, without the decoder start token: begins with `<s>`,
   * ends with `</s>` if finished.
   */
  readonly ids: readonly number[];
  /** Plain log-softmax of each id, before bans. */
  readonly logProbs: readonly number[];
  /**
   * Standard deviation, in bins, of a location step's distribution over the
   * 1,000 bins; null elsewhere or where it was not measured.
   */
  readonly spreads: readonly (number | null)[];
  /** `length`: the answer was cut at the token limit. */
  readonly finishReason: "stop" | "length";
}

/** An answer of which only the ids are known. */
export function answerOfIds(
  ids: readonly number[],
  finishReason: Answer["finishReason"] = "stop",
): Answer {
  return {
    ids,
    logProbs: ids.map(() => Number.NaN),
    spreads: ids.map(() => null),
    finishReason,
  };
}
