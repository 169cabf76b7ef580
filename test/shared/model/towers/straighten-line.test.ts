import assert from "node:assert/strict";
import { test } from "node:test";
import { straightenLine } from "../../../../src/shared/model/towers/straighten-line.ts";

/** Red tells the column, green the row. */
function ramp(width: number, height: number) {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      data.set([10 * x, 10 * y, 7], (y * width + x) * 3);
    }
  }
  return { width, height, data };
}

test("takes an upright rectangle of the strip's own size pixel by pixel", () => {
  const rectangle = { cx: 6, cy: 5, ux: 1, uy: 0, width: 4, height: 2 };
  const strip = straightenLine(ramp(12, 10), rectangle, 4, 2);
  assert.deepEqual(
    [...strip],
    [40, 50, 60, 70].flatMap((x) => [x, 40, 7]).concat([40, 50, 60, 70].flatMap((x) => [x, 50, 7])), // prettier-ignore
  );
});

test("means over the rectangle where the strip is smaller", () => {
  const rectangle = { cx: 6, cy: 6, ux: 1, uy: 0, width: 4, height: 4 };
  const strip = straightenLine(ramp(12, 12), rectangle, 2, 2);
  assert.deepEqual([...strip.slice(0, 3)], [45, 45, 7]);
  assert.deepEqual([...strip.slice(9, 12)], [65, 65, 7]);
});

test("turns a standing line so that its top is at the left", () => {
  const rectangle = { cx: 5, cy: 6, ux: 0, uy: 1, width: 4, height: 2 };
  const strip = straightenLine(ramp(12, 12), rectangle, 4, 2);
  // The first pixel is the line's beginning: the upper right corner.
  assert.deepEqual([...strip.slice(0, 3)], [50, 40, 7]);
  assert.deepEqual([...strip.slice(9, 12)], [50, 70, 7]);
});
