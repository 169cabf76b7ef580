import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import type { EdgePart } from "../../../src/convert/edge/edge-part.ts";
import { keepFirst } from "../../../src/convert/edge/keep-first.ts";

const read = (): Promise<Float32Array> => Promise.resolve(new Float32Array());
const matrix = (name: string, outputs: number, inputs: number): EdgePart => {
  return { kind: "matrix", name, outputs, inputs, read };
};
const TOWER = "model.vision_tower.tower";
const PARTS: readonly EdgePart[] = [
  matrix(`${TOWER}.one.weight`, 10, 20),
  { kind: "vector", name: `${TOWER}.one.bias`, read },
  { ...matrix(`${TOWER}.two.weight`, 50, 20), keep: "f32" } as EdgePart,
  matrix(`${TOWER}.three.weight`, 10, 30),
  matrix(`${TOWER}.four.weight`, 10, 40),
  matrix(`${TOWER}.five.weight`, 1, 1),
];

/** Last parts of the names of matrices that stay in f32. */
function kept(bytes: number, exact: readonly string[] = []): string[] {
  return keepFirst(
    PARTS,
    bytes,
    ({ keep, name }) => keep === undefined && !exact.includes(name),
  )
    .filter((part) => part.kind === "matrix" && part.keep === "f32")
    .map(({ name }) => name.split(".").at(-2)!);
}

test("keeps matrices in order until one is too large, and none after it", () => {
  deepEqual(kept(3 * (200 + 300)), ["one", "two", "three"]);
  deepEqual(kept(3 * (200 + 300) + 30), ["one", "two", "three"]);
  deepEqual(kept(3 * 200 - 1), ["two"]);
});

test("keeps no more than was kept without it where nothing is spent", () => {
  deepEqual(kept(0), ["two"]);
});

test("spends nothing on what is f32 already", () => {
  const exact = [`${TOWER}.one.weight`];
  deepEqual(kept(3 * 300, exact), ["two", "three"]);
});
