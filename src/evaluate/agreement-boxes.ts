// How far two lists of boxes agree. Pairs are made greedily: of all pairs of one
// label, the one that overlaps most comes first, then the next of boxes that are
// still free. A box without a partner counts as an overlap of 0.

import { intersectionOverUnion } from "../shared/geometry.ts";
import type { LabeledBox } from "./photo-set.ts";

/** Sums over photos. */
export interface BoxAgreement {
  /** Boxes of either list that found a partner in the other, by twos. */
  readonly pairs: number;
  /** Boxes of the first list, and of the second. */
  readonly reference: number;
  readonly own: number;
  /** Of the pairs' intersection over union. */
  readonly overlap: number;
}

export const NO_BOXES: BoxAgreement = {
  pairs: 0,
  reference: 0,
  own: 0,
  overlap: 0,
};

/** Matches one photo's boxes. */
export function compareBoxes(
  reference: readonly LabeledBox[],
  own: readonly LabeledBox[],
): BoxAgreement {
  const candidates = reference
    .flatMap((a) =>
      own
        .filter(({ label }) => label === a.label)
        .map((b) => ({ a, b, overlap: intersectionOverUnion(a.box, b.box) })),
    )
    .filter(({ overlap }) => overlap > 0)
    .sort((one, other) => other.overlap - one.overlap);
  const taken = new Set<LabeledBox>();
  let pairs = 0;
  let overlap = 0;
  for (const candidate of candidates) {
    if (taken.has(candidate.a) || taken.has(candidate.b)) continue;
    taken.add(candidate.a).add(candidate.b);
    pairs += 1;
    overlap += candidate.overlap;
  }
  return { pairs, reference: reference.length, own: own.length, overlap };
}

/** Of several photos. */
export function addBoxes(a: BoxAgreement, b: BoxAgreement): BoxAgreement {
  return {
    pairs: a.pairs + b.pairs,
    reference: a.reference + b.reference,
    own: a.own + b.own,
    overlap: a.overlap + b.overlap,
  };
}

/** Mean overlap of pairs; 1 where there are none. */
export function meanOfPairs({ pairs, overlap }: BoxAgreement): number {
  return pairs === 0 ? 1 : overlap / pairs;
}

/** Mean overlap of all boxes, 0 for those without a partner. */
export function meanOfAll(boxes: BoxAgreement): number {
  const all = boxes.reference + boxes.own - boxes.pairs;
  return all === 0 ? 1 : boxes.overlap / all;
}
