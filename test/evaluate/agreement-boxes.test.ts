import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import {
  addBoxes,
  compareBoxes,
  meanOfAll,
  meanOfPairs,
  NO_BOXES,
} from "../../src/evaluate/agreement-boxes.ts";
import type { LabeledBox } from "../../src/evaluate/photo-set.ts";

/** A box of one unit's height. */
function box(label: string, from: number, to: number): LabeledBox {
  return { label, box: { x_min: from, y_min: 0, x_max: to, y_max: 1 } };
}

test("boxes that are the same agree wholly, in any order", () => {
  const boxes = [box("dog", 0, 2), box("cat", 1, 3), box("dog", 5, 6)];
  const same = compareBoxes(boxes, boxes.toReversed());
  deepEqual(same, { pairs: 3, reference: 3, own: 3, overlap: 3 });
  equal(meanOfAll(same), 1);
});

test("of two boxes the one that overlaps more becomes the partner", () => {
  const far = box("dog", 1, 3); // 1 of 3
  const near = box("dog", 0, 1.5); // 1.5 of 2
  const compared = compareBoxes([box("dog", 0, 2)], [far, near]);
  deepEqual(compared, { pairs: 1, reference: 1, own: 2, overlap: 0.75 });
  equal(meanOfPairs(compared), 0.75);
  // The other is without a partner.
  equal(meanOfAll(compared), 0.375);
});

test("boxes of other labels are no partners", () => {
  const compared = compareBoxes([box("dog", 0, 2)], [box("cat", 0, 2)]);
  equal(compared.pairs, 0);
  equal(meanOfAll(compared), 0);
});

test("photos without boxes take nothing away", () => {
  const one = compareBoxes([box("dog", 0, 1)], [box("dog", 0, 1)]);
  const both = addBoxes(one, compareBoxes([], []));
  deepEqual(both, one);
  ok(meanOfAll(NO_BOXES) === 1 && meanOfPairs(NO_BOXES) === 1);
});
