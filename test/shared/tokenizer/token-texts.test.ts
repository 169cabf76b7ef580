import assert from "node:assert/strict";
import { test } from "node:test";
import { packTexts } from "../../../src/shared/tokenizer/token-texts.ts";

test("each id has its text back, in whatever order and however written", () => {
  const ids = new Map([
    ["Ġdog", 3],
    ["", 1],
    ["\u{1F600}", 0],
    ["\uD800", 6], // half a character
    ["ab".repeat(100_000), 4],
  ]);
  const { size, textOf } = packTexts(ids);
  assert.equal(size, 7);
  for (const [text, id] of ids) assert.equal(textOf(id), text);
});

test("an id without a token, or none at all, is empty", () => {
  const { textOf } = packTexts(new Map([["a", 2]]));
  for (const id of [0, 1, 3, -1, 0.5]) assert.equal(textOf(id), "");
  assert.equal(packTexts(new Map()).size, 0);
  assert.equal(packTexts(new Map()).textOf(0), "");
});
