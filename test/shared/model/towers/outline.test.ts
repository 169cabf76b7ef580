import assert from "node:assert/strict";
import { test } from "node:test";
import type { Box } from "../../../../src/shared/geometry.ts";
import { outlineOf } from "../../../../src/shared/model/towers/outline.ts";

const box = (
  x_min: number,
  y_min: number,
  x_max: number,
  y_max: number,
): Box => ({ x_min, y_min, x_max, y_max });

/** Positive inside a disc. */
const disc = (x: number, y: number, cx: number, cy: number, r: number) =>
  r * r - ((x - cx) ** 2 + (y - cy) ** 2);

function mapOf(side: number, value: (x: number, y: number) => number) {
  return Float32Array.from({ length: side * side }, (_, at) =>
    value(at % side, Math.floor(at / side)),
  );
}

test("outlines as the reference does: two parts, a hole, a speck, the crop's border", () => {
  const map = mapOf(17, (x, y) =>
    (x - 5) ** 2 + (y - 6) ** 2 < 2
      ? -1
      : Math.max(
          disc(x, y, 5, 6, 5),
          disc(x, y, 14, 13, 3),
          disc(x, y, 1, 16, 1),
        ),
  );
  const image = { width: 200, height: 150 };
  const outline = outlineOf(
    map,
    box(10, 20, 180, 105),
    box(16, 24, 180, 100),
    image,
  );
  // Made by `outline_of` of training/polygons.py.
  assert.deepEqual(outline.rings, [
    // prettier-ignore
    [325, 183, 375, 187, 425, 198, 475, 216, 525, 250, 552, 283, 569, 316, 575, 350, 569, 383, 552, 416, 525, 450, 475, 483, 425, 501, 375, 512, 325, 516, 275, 512, 225, 501, 175, 483, 125, 450, 97, 416, 80, 383, 80, 316, 97, 283, 125, 250, 175, 216, 225, 198, 275, 187],
    // prettier-ignore
    [775, 483, 825, 490, 875, 510, 900, 516, 900, 650, 875, 656, 825, 666, 725, 666, 675, 656, 665, 650, 635, 616, 625, 583, 635, 550, 665, 516, 675, 510, 725, 490],
  ]);
  // Means of exponentials: two languages differ in the last digits.
  assert.ok(Math.abs(outline.score - 0.9020287702044039) < 1e-9);
});

test("keeps to the region, and tells a full map as its box", () => {
  const map = mapOf(5, (x, y) => (x === 2 && y === 2 ? -1 : 2));
  const outline = outlineOf(map, box(0, 0, 50, 40), box(5, 4, 45, 36), {
    width: 100,
    height: 80,
  });
  assert.deepEqual(outline.rings, [[50, 50, 450, 50, 450, 450, 50, 450]]);
});

test("has no rings where nothing is seen", () => {
  const nothing = mapOf(5, () => -1);
  const whole = box(0, 0, 50, 40);
  assert.deepEqual(
    outlineOf(nothing, whole, whole, { width: 50, height: 40 }),
    { rings: [], score: 0 },
  );
});

test("gives a ring 64 points at most, however ragged it is", () => {
  const map = mapOf(65, (x, y) => {
    const angle = Math.atan2(y - 32, x - 32);
    return 22 + 8 * Math.sin(40 * angle) - Math.hypot(x - 32, y - 32);
  });
  const whole = box(0, 0, 1000, 1000);
  const { rings } = outlineOf(map, whole, whole, { width: 1000, height: 1000 });
  assert.ok(rings.length > 0);
  for (const ring of rings) assert.ok(ring.length <= 128 && ring.length >= 6);
});
