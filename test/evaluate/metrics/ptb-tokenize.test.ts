import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ptbTokenize } from "../../../src/evaluate/metrics/ptb-tokenize.ts";

const vectors = JSON.parse(
  readFileSync(new URL("../vectors/ptb.json", import.meta.url), "utf8"),
) as readonly (readonly [caption: string, words: readonly string[]])[];

test("gives the words that pycocoevalcap compares, on real and odd captions", () => {
  assert.ok(vectors.length >= 700);
  for (const [caption, words] of vectors) {
    assert.deepEqual(ptbTokenize(caption), words, JSON.stringify(caption));
  }
});

test("answers any text without failing", () => {
  assert.deepEqual(ptbTokenize(""), []);
  assert.deepEqual(ptbTokenize(" \n\t"), []);
  assert.doesNotThrow(() => ptbTokenize("\ud800 lone \udc00 \u0000"));
});
