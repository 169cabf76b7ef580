import assert from "node:assert/strict";
import { test } from "node:test";
import { readDetections } from "../../../../src/shared/model/towers/read-detections.ts";
import type { TowerSpec } from "../../../../src/shared/model/manifest.ts";

const TOWER: Extract<TowerSpec, { kind: "detector" }> = {
  kind: "detector",
  name: "toy",
  graph: "tower.toy",
  input: {
    size: 64,
    resize: "letterbox",
    pad: 114,
    order: "bgr",
    mean: [0, 0, 0],
    std: [1, 1, 1],
  },
  output: "stride_",
  strides: [32],
  labels: ["cat", "dog"],
  score_threshold: 0.1,
  nms_iou: 0.45,
  max: 3,
};

/** Cells of a 2 x 2 grid; each [cx, cy, w, h, objectness, cat, dog]. */
function cells(...rows: readonly (readonly number[])[]): () => Float32Array {
  return () => Float32Array.from(rows.flat());
}

const EMPTY = [0, 0, 0, 0, 0, 0, 0];

test("reads centers from the cell's corner and sizes as exponents, in stride units", () => {
  // Cell 3 is column 1, row 1; the picture is twice the tower's side.
  const found = readDetections(
    TOWER,
    { width: 128, height: 96 },
    cells(EMPTY, EMPTY, EMPTY, [-0.5, -0.25, Math.log(0.5), 0, 0.9, 0.2, 1]),
  );
  assert.equal(found.length, 1);
  const [{ label, score, box }] = found as [(typeof found)[0]];
  assert.equal(label, "dog");
  assert.ok(Math.abs(score - 0.9) < 1e-6);
  const values = [box.x_min, box.y_min, box.x_max, box.y_max];
  // Center (16, 24), size 16 x 32, then scaled by 2.
  for (const [at, expected] of [16, 16, 48, 80].entries()) {
    assert.ok(Math.abs(values[at]! - expected) < 1e-4);
  }
});

test("drops the weaker of two boxes of a class, keeps another class", () => {
  const size = { width: 64, height: 64 };
  const found = readDetections(
    TOWER,
    size,
    cells(
      [0.5, 0.5, 0, 0, 1, 0.5, 0],
      [-0.5, 0.5, 0, 0, 1, 0.9, 0],
      [0.5, -0.5, 0, 0, 1, 0, 0.7],
      [0.5, 0.5, 0, 0, 1, 0.05, 0.05],
    ),
  );
  assert.deepEqual(
    found.map(({ label, score }) => [label, Math.round(score * 100)]),
    [
      ["cat", 90],
      ["dog", 70],
    ],
  );
});

test("keeps at most as many as the tower says, best first", () => {
  const far = (score: number): readonly number[] => [
    ...[0.5, 0.5, -3, -3, 1, score, 0],
  ];
  const found = readDetections(
    TOWER,
    { width: 64, height: 64 },
    cells(far(0.3), far(0.6), far(0.5), far(0.4)),
  );
  assert.deepEqual(
    found.map(({ score }) => Math.round(score * 10)),
    [6, 5, 4],
  );
});
