// End-to-end reading (ICDAR 2015 robust reading, task 4): a line is right if it
// is where it should be and reads as it should.

import type { Point } from "../../shared/geometry.ts";
import { polygonArea, polygonIntersection } from "./polygon-areas.ts";

/** A line of text and the corners around it. */
export interface TextLine {
  readonly text: string;
  readonly quad: readonly Point[];
}

export interface TrueTextLine extends TextLine {
  /** Unreadable: nothing found there counts either way ("###"). */
  readonly isIgnored: boolean;
}

/** What one image adds to precision and recall. */
export interface SpottingCounts {
  readonly right: number;
  /** Lines that count, of the answer and of the truth. */
  readonly answers: number;
  readonly truths: number;
  /** For each answer, whether it is right; null where it does not count. */
  readonly outcomes: readonly (boolean | null)[];
}

/** Overlap above which a line is where it should be. */
const LEAST_OVERLAP = 0.5;
/** Share of an answer in an ignored line above which it does not count. */
const IGNORED_SHARE = 0.5;
/** May be missing at either end of what is read. */
const LOOSE_MARKS = `!?.:,*"()·[]/'`;

/**
 * Compares the lines of one image. Pairs are formed greedily in the order of
 * truth and answer; case does not count.
 *
 * @param readAs `end-to-end`: place and text; `detection`: place alone.
 * Source: the evaluation script of the ICDAR 2015 challenge, end to end without
 *   a lexicon.
 */
export function countSpotting(
  answers: readonly TextLine[],
  truths: readonly TrueTextLine[],
  readAs: "end-to-end" | "detection" = "end-to-end",
): SpottingCounts {
  const isIgnored = answers.map(({ quad }) => {
    const area = polygonArea(quad);
    return truths.some(
      (truth) =>
        truth.isIgnored &&
        area > 0 &&
        polygonIntersection(quad, truth.quad) / area > IGNORED_SHARE,
    );
  });
  const outcomes = isIgnored.map((ignored): boolean | null =>
    ignored ? null : false,
  );
  const taken = new Set<number>();
  let right = 0;
  for (const truth of truths) {
    if (truth.isIgnored) continue;
    const at = answers.findIndex(
      ({ quad }, index) =>
        !taken.has(index) &&
        isIgnored[index] === false &&
        overlap(quad, truth.quad) > LEAST_OVERLAP,
    );
    if (at < 0) continue;
    taken.add(at);
    if (readAs === "detection" || isSameText(answers[at]!.text, truth.text)) {
      right += 1;
      outcomes[at] = true;
    }
  }
  return {
    right,
    answers: isIgnored.filter((ignored) => !ignored).length,
    truths: truths.filter((truth) => !truth.isIgnored).length,
    outcomes,
  };
}

/** Harmonic mean of precision and recall of a set, 0 to 1. */
export function hmean(
  counts: readonly SpottingCounts[],
  weights?: readonly number[],
): {
  readonly precision: number;
  readonly recall: number;
  readonly hmean: number;
} {
  let [right, answers, truths] = [0, 0, 0];
  for (const [at, one] of counts.entries()) {
    const weight = weights?.[at] ?? 1;
    right += weight * one.right;
    answers += weight * one.answers;
    truths += weight * one.truths;
  }
  const precision = answers === 0 ? 0 : right / answers;
  const recall = truths === 0 ? 0 : right / truths;
  const sum = precision + recall;
  return {
    precision,
    recall,
    hmean: sum === 0 ? 0 : (2 * precision * recall) / sum,
  };
}

function overlap(a: readonly Point[], b: readonly Point[]): number {
  const both = polygonIntersection(a, b);
  return both === 0 ? 0 : both / (polygonArea(a) + polygonArea(b) - both);
}

/** Whether a text is the truth, or the truth less a loose mark at its ends. */
function isSameText(read: string, truth: string): boolean {
  const answer = read.toUpperCase();
  const wanted = truth.toUpperCase();
  if (wanted === "") return answer === "";
  const isLooseFirst = LOOSE_MARKS.includes(wanted[0]!);
  const isLooseLast = LOOSE_MARKS.includes(wanted[wanted.length - 1]!);
  return (
    answer === wanted ||
    (isLooseFirst && answer === wanted.slice(1)) ||
    (isLooseLast && answer === wanted.slice(0, -1)) ||
    (isLooseFirst && isLooseLast && answer === wanted.slice(1, -1))
  );
}
