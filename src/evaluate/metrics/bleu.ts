// BLEU-1 to BLEU-4 (Papineni, Roukos, Ward, Zhu 2002) as `pycocoevalcap` has it:
// over the whole set, against the reference of the closest length.

import { countNgrams, LONGEST_NGRAM, ngramLength } from "./count-ngrams.ts";

/** Keep a score without any match from being a division of 0 by 0. */
const SMALL = 1e-9;
const TINY = 1e-15;

/** What one answer adds to the sums that BLEU is a function of. */
export interface BleuCounts {
  /** Words of the answer, and of the reference nearest in length. */
  readonly answerLength: number;
  readonly referenceLength: number;
  /** n-grams of the answer, for n from 1. */
  readonly guessed: readonly number[]; // [4]
  /** Those of them that a reference has, each as often as it has it. */
  readonly correct: readonly number[]; // [4]
}

/**
 * Counts one answer against its references.
 *
 * @param references at least one; words as `ptbTokenize` gives them.
 */
export function countBleu(
  candidate: readonly string[],
  references: readonly (readonly string[])[],
): BleuCounts {
  const most = new Map<string, number>(); // n-gram -> most in one reference
  for (const reference of references) {
    for (const [ngram, count] of countNgrams(reference)) {
      most.set(ngram, Math.max(most.get(ngram) ?? 0, count));
    }
  }
  const correct = new Array<number>(LONGEST_NGRAM).fill(0);
  for (const [ngram, count] of countNgrams(candidate)) {
    const n = ngramLength(ngram) - 1;
    correct[n] = correct[n]! + Math.min(count, most.get(ngram) ?? 0);
  }
  const answerLength = candidate.length;
  return {
    answerLength,
    referenceLength: closest(
      references.map(({ length }) => length),
      answerLength,
    ),
    guessed: correct.map((_, n) => Math.max(0, answerLength - n)),
    correct,
  };
}

/**
 * BLEU-1 to BLEU-4 of a set.
 *
 * @param counts of each answer.
 * @param weights how often each answer counts; once if left out.
 * @returns [4], 0 to 1.
 */
export function bleu(
  counts: readonly BleuCounts[],
  weights?: readonly number[],
): readonly number[] {
  let answerLength = 0;
  let referenceLength = 0;
  const guessed = new Array<number>(LONGEST_NGRAM).fill(0);
  const correct = new Array<number>(LONGEST_NGRAM).fill(0);
  for (const [at, one] of counts.entries()) {
    const weight = weights?.[at] ?? 1;
    answerLength += weight * one.answerLength;
    referenceLength += weight * one.referenceLength;
    for (let n = 0; n < LONGEST_NGRAM; n += 1) {
      guessed[n] = guessed[n]! + weight * one.guessed[n]!;
      correct[n] = correct[n]! + weight * one.correct[n]!;
    }
  }
  const ratio = (answerLength + TINY) / (referenceLength + SMALL);
  const brevity = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1;
  let product = 1;
  return guessed.map((all, n) => {
    product *= (correct[n]! + TINY) / (all + SMALL);
    return product ** (1 / (n + 1)) * brevity;
  });
}

/** The length nearest to `wanted`; the shorter of two as near. */
function closest(lengths: readonly number[], wanted: number): number {
  return lengths.reduce((best, length) => {
    const [nearer, near] = [Math.abs(length - wanted), Math.abs(best - wanted)];
    return nearer < near || (nearer === near && length < best) ? length : best;
  });
}
