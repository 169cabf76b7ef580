// Isotonic regression by pooling adjacent violators (Ayer et al. 1955; for
// scores Zadrozny and Elkan 2002): chances that never fall as scores rise.

import type { ScoredOutcome } from "./calibration-error.ts";

/** Points of a rising line: scores, and the chance of being right at each. */
export interface IsotonicFit {
  readonly scores: readonly number[];
  readonly chances: readonly number[];
}

interface Block {
  /** Sum of scores, those that are right, and how many there are. */
  scores: number;
  right: number;
  n: number;
}

/**
 * Fits chances to outcomes. Each block of one chance becomes one point, at its
 * mean score: between points the line rises, so that the order of scores stays.
 *
 * @param outcomes at least one.
 */
export function fitIsotonic(outcomes: readonly ScoredOutcome[]): IsotonicFit {
  const sorted = outcomes.toSorted((a, b) => a.score - b.score);
  const blocks: Block[] = [];
  let last: number | null = null;
  for (const { score, isRight } of sorted) {
    const one = { scores: score, right: Number(isRight), n: 1 };
    // Equal scores cannot be told apart.
    if (score === last) addTo(blocks[blocks.length - 1]!, one);
    else blocks.push(one);
    last = score;
  }
  const pooled: Block[] = [];
  for (const block of blocks) {
    pooled.push(block);
    while (pooled.length > 1) {
      const [before, last] = pooled.slice(-2) as [Block, Block];
      if (isHigher(last, before)) break;
      addTo(before, last);
      pooled.pop();
    }
  }
  return {
    scores: pooled.map(({ scores, n }) => scores / n),
    chances: pooled.map(({ right, n }) => right / n),
  };
}

function addTo(block: Block, other: Block): void {
  block.scores += other.scores;
  block.right += other.right;
  block.n += other.n;
}

/** Compared without division: shares of whole numbers are exact so. */
function isHigher(block: Block, before: Block): boolean {
  return block.right * before.n > before.right * block.n;
}
