// Whether scores are chances: the reliability diagram and its error (Guo et al.
// 2017, arXiv 1706.04599).

/** A score, and whether what it was given to is right. */
export interface ScoredOutcome {
  readonly score: number;
  readonly isRight: boolean;
}

/** Outcomes of nearly the same score. */
export interface ReliabilityBin {
  /** Scores from `from` up to `to`; the last bin has its end too. */
  readonly from: number;
  readonly to: number;
  readonly n: number;
  /** Mean score and share that is right; null in an empty bin. */
  readonly score: number | null;
  readonly right: number | null;
}

/** Bins of equal width, as the paper's 15. */
export const RELIABILITY_BINS = 15;

/** Outcomes by score, in bins of equal width from 0 to 1. */
export function reliability(
  outcomes: readonly ScoredOutcome[],
  bins = RELIABILITY_BINS,
): ReliabilityBin[] {
  const groups = Array.from({ length: bins }, (): ScoredOutcome[] => []);
  for (const outcome of outcomes) {
    const bin = Math.min(bins - 1, Math.floor(outcome.score * bins));
    groups[Math.max(0, bin)]!.push(outcome);
  }
  return groups.map((group, at) => {
    const n = group.length;
    const scores = group.reduce((sum, { score }) => sum + score, 0);
    const rights = group.filter(({ isRight }) => isRight).length;
    return {
      from: at / bins,
      to: (at + 1) / bins,
      n,
      score: n === 0 ? null : scores / n,
      right: n === 0 ? null : rights / n,
    };
  });
}

/**
 * Expected calibration error: how far score and share that is right lie apart,
 * bin by bin, weighted by what is in it.
 *
 * @returns 0 to 1; null without outcomes.
 */
export function expectedCalibrationError(
  outcomes: readonly ScoredOutcome[],
  bins = RELIABILITY_BINS,
): number | null {
  if (outcomes.length === 0) return null;
  return reliability(outcomes, bins).reduce(
    (sum, { n, score, right }) =>
      score === null || right === null
        ? sum
        : sum + (n / outcomes.length) * Math.abs(score - right),
    0,
  );
}
