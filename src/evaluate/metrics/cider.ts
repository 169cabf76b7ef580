// CIDEr-D (Vedantam, Zitnick, Parikh 2015, arXiv 1411.5726) as `pycocoevalcap`
// computes it: n-grams of 1 to 4 words, sigma 6, document frequency counted
// over the references of the evaluated images, results times 10.

import { countNgrams, LONGEST_NGRAM, ngramLength } from "./count-ngrams.ts";

/** Width of the length penalty, in words. */
const SIGMA = 6;

/** One image: the answer and what people wrote, as words. */
export interface CiderItem {
  readonly candidate: readonly string[];
  /** At least one. */
  readonly references: readonly (readonly string[])[];
}

/** CIDEr-D of each item, and their mean; 0 and more, 10 at most. */
export interface CiderScores {
  readonly mean: number;
  readonly scores: readonly number[];
}

/** g(s): tf-idf weight by n-gram and its length per n, and the words counted. */
interface Vector {
  readonly weights: readonly ReadonlyMap<string, number>[]; // [n]
  readonly norms: readonly number[]; // [n]
  /** Bigrams, as the reference has it: one less than words. */
  readonly length: number;
}

/**
 * Scores answers against references.
 *
 * The figure depends on the whole set: a word that most of *these* references
 * use counts little. With one image every score is 0.
 *
 * @param items the evaluated images; words as `ptbTokenize` gives them.
 */
export function ciderD(items: readonly CiderItem[]): CiderScores {
  const frequency = new Map<string, number>(); // n-gram -> images
  for (const { references } of items) {
    const seen = new Set(references.flatMap((words) => [...countNgrams(words).keys()])); // prettier-ignore
    for (const ngram of seen) {
      frequency.set(ngram, (frequency.get(ngram) ?? 0) + 1);
    }
  }
  const logImages = Math.log(items.length);
  const vector = (words: readonly string[]): Vector =>
    weigh(countNgrams(words), frequency, logImages);

  const scores = items.map(({ candidate, references }) => {
    const answer = vector(candidate);
    let sum = 0;
    for (const words of references) sum += similarity(answer, vector(words));
    return (10 * sum) / references.length;
  });
  const total = scores.reduce((sum, score) => sum + score, 0);
  return { mean: items.length === 0 ? 0 : total / items.length, scores };
}

function weigh(
  counts: ReadonlyMap<string, number>,
  frequency: ReadonlyMap<string, number>,
  logImages: number,
): Vector {
  const weights = Array.from({ length: LONGEST_NGRAM }, () => new Map<string, number>()); // prettier-ignore
  const squares = new Array<number>(LONGEST_NGRAM).fill(0);
  let length = 0;
  for (const [ngram, count] of counts) {
    const n = ngramLength(ngram) - 1;
    const idf = logImages - Math.log(Math.max(1, frequency.get(ngram) ?? 0));
    const weight = count * idf;
    weights[n]?.set(ngram, weight);
    squares[n] = (squares[n] ?? 0) + weight * weight;
    if (n === 1) length += count;
  }
  return { weights, norms: squares.map(Math.sqrt), length };
}

/** Mean over n of the clipped cosine, less the penalty for another length. */
function similarity(answer: Vector, reference: Vector): number {
  const delta = answer.length - reference.length;
  const penalty = Math.exp(-(delta ** 2) / (2 * SIGMA ** 2));
  let sum = 0;
  for (const [n, weights] of answer.weights.entries()) {
    let dot = 0;
    for (const [ngram, weight] of weights) {
      const other = reference.weights[n]?.get(ngram) ?? 0;
      dot += Math.min(weight, other) * other;
    }
    const norm = (answer.norms[n] ?? 0) * (reference.norms[n] ?? 0);
    sum += (norm === 0 ? dot : dot / norm) * penalty;
  }
  return sum / LONGEST_NGRAM;
}
