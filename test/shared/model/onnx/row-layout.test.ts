import assert from "node:assert/strict";
import { test } from "node:test";
import { layOutRows } from "../../../../src/shared/model/onnx/row-layout.ts";

const row = (prompt: number, parent: number, tokenId: number) => ({
  ...{ prompt, parent, tokenId, best: 1 },
});

test("gives every prompt as many slots as the one with the most rows", () => {
  const rows = [row(4, -1, 10), row(7, -1, 11), row(7, -1, 12)];
  assert.deepEqual(layOutRows([4, 7], rows, null, 1), {
    width: 2,
    slotOfRow: [0, 2, 3],
    tokenIds: [10, 1, 11, 12],
    parents: [0, 0, 0, 0],
  });
});

test("follows parents through the slots of the step before", () => {
  const previous = new Map([
    [0, 0],
    [1, 2],
    [2, 3],
  ]);
  const rows = [row(7, 2, 20), row(7, 1, 21), row(4, 0, 22)];
  const layout = layOutRows([4, 7], rows, previous, 1);
  assert.deepEqual(layout.slotOfRow, [2, 3, 0]);
  assert.deepEqual(layout.parents, [0, 0, 3, 2]);
});

test("leaves free slots to a prompt without a row", () => {
  const layout = layOutRows([0, 1], [row(1, -1, 9)], null, 1);
  assert.deepEqual(layout.tokenIds, [1, 9]);
});

test("takes a row of a finished prompt for a bug", () => {
  assert.throws(() => layOutRows([1], [row(0, -1, 9)], null, 1), /internal/u);
});
