import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cornersOf,
  findLines,
} from "../../../../src/shared/model/towers/find-lines.ts";
import type { ReaderSpec } from "../../../../src/shared/model/manifest.ts";

const SPEC: ReaderSpec["detector"] = {
  graph: "reader.detector",
  long_side: 960,
  multiple: 32,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  pixel_threshold: 0.3,
  line_threshold: 0.6,
  grow: 0,
  least_side: 2,
  max: 10,
};

/** A map whose pixels are as sure as `valueOf` says. */
function mapOf(
  width: number,
  height: number,
  valueOf: (x: number, y: number) => number,
): Float32Array {
  return Float32Array.from({ length: width * height }, (_, at) =>
    valueOf(at % width, Math.floor(at / width)),
  );
}

function isIn(
  x: number,
  y: number,
  [left, top, right, bottom]: readonly [number, number, number, number],
): boolean {
  return x >= left && x < right && y >= top && y < bottom;
}

test("finds upright lines with their exact corners, row by row", () => {
  const boxes = [
    [30, 20, 60, 26],
    [5, 4, 40, 10],
    [4, 21, 24, 27],
  ] as const;
  const map = mapOf(64, 32, (x, y) =>
    boxes.some((box) => isIn(x, y, box)) ? 0.9 : 0.1,
  );
  const corners = findLines(map, 64, SPEC).map(({ rectangle }) =>
    cornersOf(rectangle).flat(),
  );
  assert.deepEqual(corners, [
    [5, 4, 40, 4, 40, 10, 5, 10],
    [4, 21, 24, 21, 24, 27, 4, 27],
    [30, 20, 60, 20, 60, 26, 30, 26],
  ]);
});

test("leaves out what is unsure, and what is too thin", () => {
  const map = mapOf(64, 32, (x, y) =>
    isIn(x, y, [2, 2, 30, 8]) ? 0.5 : isIn(x, y, [2, 20, 40, 21]) ? 0.9 : 0,
  );
  assert.deepEqual(findLines(map, 64, SPEC), []);
});

test("grows a line by its area over its perimeter", () => {
  const map = mapOf(64, 32, (x, y) => (isIn(x, y, [10, 10, 40, 20]) ? 1 : 0));
  const [line] = findLines(map, 64, { ...SPEC, grow: 1.6 });
  // 30 x 10: each side moves by 300 * 1.6 / (2 * 40) = 6.
  assert.deepEqual(cornersOf(line!.rectangle)[0], [4, 4]);
  assert.deepEqual(cornersOf(line!.rectangle)[2], [46, 26]);
});

test("follows a line that runs uphill", () => {
  const angle = Math.PI / 6;
  const [ux, uy] = [Math.cos(angle), -Math.sin(angle)];
  const map = mapOf(96, 96, (x, y) => {
    const [dx, dy] = [x + 0.5 - 48, y + 0.5 - 48];
    const along = dx * ux + dy * uy;
    const across = dy * ux - dx * uy;
    return Math.abs(along) < 30 && Math.abs(across) < 5 ? 1 : 0;
  });
  const [{ rectangle }] = findLines(map, 96, SPEC) as [
    ReturnType<typeof findLines>[0],
  ];
  assert.ok(Math.abs(Math.atan2(rectangle.uy, rectangle.ux) + angle) < 0.05);
  assert.ok(Math.abs(rectangle.width - 60) < 4);
  assert.ok(Math.abs(rectangle.height - 10) < 4);
});

test("reads a line that stands from its top downwards", () => {
  const map = mapOf(32, 64, (x, y) => (isIn(x, y, [10, 5, 16, 55]) ? 1 : 0));
  const [line] = findLines(map, 32, SPEC);
  const [first, second] = cornersOf(line!.rectangle);
  assert.deepEqual(first, [16, 5]);
  assert.deepEqual(second, [16, 55]);
});
