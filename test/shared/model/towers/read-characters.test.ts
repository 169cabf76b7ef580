import assert from "node:assert/strict";
import { test } from "node:test";
import { readCharacters } from "../../../../src/shared/model/towers/read-characters.ts";
import type { ReaderSpec } from "../../../../src/shared/model/manifest.ts";

const SPEC: ReaderSpec["recognizer"] = {
  graph: "reader.recognizer",
  height: 48,
  least_width: 320,
  most_width: 1600,
  multiple: 8,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  threshold: 0.5,
  space: 0.05,
  characters: ["a", "b", " "],
};

/** Steps as [blank, a, b, space]. */
function steps(...rows: readonly (readonly number[])[]): Float32Array {
  return Float32Array.from(rows.flat());
}

const BLANK = [0.9, 0.05, 0.05, 0];
const A = [0.1, 0.8, 0.1, 0];
const B = [0.1, 0.3, 0.6, 0];

test("joins repeats, and tells a doubled letter by the blank in between", () => {
  const { text, score } = readCharacters(steps(A, A, BLANK, A, B), SPEC);
  assert.equal(text, "aab");
  assert.ok(Math.abs(score - (0.8 + 0.8 + 0.6) / 3) < 1e-6);
});

test("sees a space where it is a little likely between two letters", () => {
  const perhaps = [0.9, 0.02, 0.02, 0.06];
  assert.equal(readCharacters(steps(A, perhaps, B), SPEC).text, "a b");
  assert.equal(readCharacters(steps(A, BLANK, B), SPEC).text, "ab");
});

test("has no space at either end, nor two in a row", () => {
  const space = [0.1, 0, 0, 0.9];
  const perhaps = [0.9, 0.02, 0.02, 0.06];
  const read = readCharacters(
    steps(perhaps, space, A, perhaps, space, perhaps, B, perhaps, space),
    SPEC,
  );
  assert.equal(read.text, "a b");
});

test("says nothing of a line without letters", () => {
  assert.deepEqual(readCharacters(steps(BLANK, BLANK), SPEC), {
    text: "",
    score: 0,
  });
});
