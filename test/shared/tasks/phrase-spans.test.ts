import assert from "node:assert/strict";
import { test } from "node:test";
import { phraseSpans } from "../../../src/shared/tasks/phrase-spans.ts";

test("a phrase named twice is found at its first and its second place", () => {
  const spans = phraseSpans("a cup beside a cup", ["a cup", "a cup"]);
  assert.deepEqual(spans, [
    [0, 5],
    [13, 18],
  ]);
});

test("a phrase out of order is found nevertheless", () => {
  const spans = phraseSpans("a dog and a cat", ["a cat", "a dog"]);
  assert.deepEqual(spans, [
    [10, 15],
    [0, 5],
  ]);
});

test("case and blanks may differ", () => {
  assert.deepEqual(phraseSpans("A  big\ndog", ["a big dog"]), [[0, 10]]);
});

test("a phrase inside a word comes last", () => {
  assert.deepEqual(phraseSpans("a cart and a car", ["a car"]), [[11, 16]]);
  assert.deepEqual(phraseSpans("a cart", ["a car"]), [[0, 5]]);
});

test("a phrase that is not there has no span", () => {
  assert.deepEqual(phraseSpans("a dog", ["a cat", "", "(.*"]), [
    null,
    null,
    null,
  ]);
});

test("spans count UTF-16 units", () => {
  assert.deepEqual(phraseSpans("😀 a dog", ["a dog"]), [[3, 8]]);
});
