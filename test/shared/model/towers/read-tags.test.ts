import assert from "node:assert/strict";
import { test } from "node:test";
import { readTags } from "../../../../src/shared/model/towers/read-tags.ts";
import type { TowerSpec } from "../../../../src/shared/model/manifest.ts";

const TOWER: Extract<TowerSpec, { kind: "classifier" }> = {
  kind: "classifier",
  name: "toy",
  graph: "tower.toy",
  input: {
    size: 8,
    resize: "stretch",
    order: "rgb",
    mean: [0, 0, 0],
    std: [1, 1, 1],
  },
  heads: [
    {
      output: "a",
      activation: "softmax",
      labels: ["cat", "dog", "cow"],
      threshold: 0.2,
      max: 2,
    },
    {
      output: "b",
      activation: "sigmoid",
      labels: ["dog", "mat"],
      threshold: 0.5,
      max: 2,
    },
  ],
  features: false,
};

test("merges heads best first, keeps the better score of a repeated name", () => {
  const logits: Record<string, Float32Array> = {
    a: Float32Array.of(Math.log(6), Math.log(3), Math.log(1)),
    b: Float32Array.of(3, 0),
  };
  const tags = readTags(TOWER, (output) => logits[output]!);
  assert.deepEqual(
    tags.map(({ name, score }) => [name, Math.round(score * 100)]),
    [
      ["dog", 95],
      ["cat", 60],
      ["mat", 50],
    ],
  );
});

test("names nothing when it is sure of nothing", () => {
  const logits: Record<string, Float32Array> = {
    a: Float32Array.of(0, 0, 0),
    b: Float32Array.of(-4, -4),
  };
  const strict = {
    ...TOWER,
    heads: TOWER.heads.map((head) => ({ ...head, threshold: 0.6 })),
  };
  assert.deepEqual(
    readTags(strict, (output) => logits[output]!),
    [],
  );
});
