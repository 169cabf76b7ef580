// Accuracy of answers to questions, VQA's and TextVQA's rule (Antol et al. 2015,
// arXiv 1505.00468): an answer is right as far as people gave it.

import { normalizeAnswer } from "./normalize-answer.ts";

/** People who must agree for an answer to be wholly right. */
const ENOUGH = 3;

/**
 * Accuracy of one answer, 0 to 1: the mean over the people of
 * min(1, how many of the *others* gave it / 3).
 *
 * @param people what people answered, ten in VQA and TextVQA; at least one.
 * Source: `TextVQAAccuracyEvaluator` of facebookresearch/mmf.
 */
export function vqaAccuracy(answer: string, people: readonly string[]): number {
  const given = normalizeAnswer(answer);
  const same = people.map((one) => normalizeAnswer(one) === given);
  const all = same.filter(Boolean).length;
  // Without anyone who gave it there is nothing to agree with.
  if (all === 0) return 0;
  let sum = 0;
  for (const isSame of same) {
    sum += Math.min(1, (all - Number(isSame)) / ENOUGH);
  }
  return sum / people.length;
}
