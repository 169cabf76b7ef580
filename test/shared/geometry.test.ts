import assert from "node:assert/strict";
import { test } from "node:test";
import {
  dequantize,
  intersectionOverUnion,
  quantize,
  ringArea,
  signedRingArea,
  simplifyRing,
} from "../../src/shared/geometry.ts";

test("quantizes and dequantizes as the reference's example", () => {
  const size = [640, 480, 640, 480];
  const bins = [34, 160, 597, 371].map((value, at) =>
    quantize(value, size[at]!),
  );
  assert.deepEqual(bins, [53, 333, 932, 772]);
  const back = bins.map((bin, at) => dequantize(bin, size[at]!));
  for (const [at, expected] of [34.24, 160.08, 596.8, 370.8].entries()) {
    assert.ok(Math.abs(back[at]! - expected) < 1e-9);
  }
});

test("clamps coordinates outside the image to the first and last bin", () => {
  assert.equal(quantize(-5, 640), 0);
  assert.equal(quantize(640, 640), 999);
  assert.equal(quantize(1e9, 640), 999);
});

test("brings every bin back to itself at every size", () => {
  for (const side of [1, 7, 50, 333, 640, 768, 1000, 4032, 16000]) {
    for (let bin = 0; bin < 1000; bin += 1) {
      assert.equal(quantize(dequantize(bin, side), side), bin);
    }
  }
});

test("measures the overlap of boxes, nothing for empty ones", () => {
  const a = { x_min: 0, y_min: 0, x_max: 2, y_max: 2 };
  const b = { x_min: 1, y_min: 0, x_max: 3, y_max: 2 };
  assert.ok(Math.abs(intersectionOverUnion(a, b) - 1 / 3) < 1e-12);
  const inverted = { x_min: 2, y_min: 2, x_max: 0, y_max: 0 };
  assert.equal(intersectionOverUnion(a, inverted), 0);
});

test("simplifies a ring without straying", () => {
  const ring = Array.from({ length: 100 }, (_, at): [number, number] => {
    const angle = (at / 100) * 2 * Math.PI;
    return [50 + 40 * Math.cos(angle), 50 + 40 * Math.sin(angle)];
  });
  const simple = simplifyRing(ring, 1);
  assert.ok(simple.length < 30);
  assert.ok(
    Math.abs(ringArea(simple) - ringArea(ring)) < 0.05 * ringArea(ring),
  );
});

test("says which way a ring runs", () => {
  const clockwise = [
    [0, 0],
    [4, 0],
    [4, 3],
    [0, 3],
  ] as const;
  assert.equal(signedRingArea(clockwise), 12);
  assert.equal(signedRingArea(clockwise.toReversed()), -12);
});
