import assert from "node:assert/strict";
import { test } from "node:test";
import { phraseWords } from "../../../src/shared/generate/phrase-words.ts";
import type { GenerationSpec } from "../../../src/shared/model/manifest.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";

const { firstLocation, eos } = tokenizer.special;
const SPEC = { no_repeat_ngram_size: 0 } as GenerationSpec;
const BOX = [1, 2, 3, 4].map((bin) => firstLocation + bin);
const text = (words: string): number[] => tokenizer.encodePlain(words);

/** What may come after an answer: characters, `place`, `end`; null for any. */
function next(
  phrase: string,
  answer: readonly number[],
  spec = SPEC,
): string[] | null {
  const ids = phraseWords(phrase, tokenizer, spec)([2, 0, ...answer]);
  if (ids === null) return null;
  const kinds = ids.map((id) => {
    if (id === eos) return "end";
    return tokenizer.locationBin(id) === undefined
      ? tokenizer.decode([id])
      : "place";
  });
  return [...new Set(kinds)].sort();
}

test("an answer begins with a word of the phrase, or ends", () => {
  assert.deepEqual(next("a man, red bikes", []), ["a", "b", "end", "m", "r"]);
});

test("goes on as the phrase does, and has places and an end after a word", () => {
  const phrase = "a man, a mat";
  assert.deepEqual(next(phrase, text("a m")), ["a"]);
  assert.deepEqual(next(phrase, text("a ma")), ["n", "t"]);
  assert.deepEqual(next(phrase, text("a man")), [",", "end", "place"]);
  assert.deepEqual(next(phrase, text("a mat")), ["end", "place"]);
});

test("no part begins with a word that joins, but has them inside", () => {
  assert.deepEqual(next("cat and dog", []), ["c", "d", "end"]);
  assert.deepEqual(next("cat and dog", text("cat ")), ["a"]);
});

test("names each part once, in any order, and may box it again", () => {
  const phrase = "a cat and a dog";
  const after = [...text("a dog"), ...BOX];
  assert.deepEqual(next(phrase, after), ["a", "c", "end", "place"]);
  // Not into what is named already.
  assert.deepEqual(next(phrase, [...after, ...text("a cat and ")]), ["end"]);
  assert.deepEqual(next(phrase, [...after, ...text("a cat"), ...BOX]), ["end", "place"]); // prettier-ignore
});

test("says nothing of places within a box", () => {
  assert.equal(next("a cat", [...text("a cat"), ...BOX.slice(0, 2)]), null);
});

test("takes letters of any script for words, and an apostrophe into them", () => {
  assert.deepEqual(next("d’été ñu", text("d’été")), [" ", "end", "place"]);
  const begun = next("d’été ñu", []);
  assert.equal(begun!.length, 3); // d, the first byte of ñ, the end
});

test("ends where every word that may follow would repeat itself", () => {
  const spec = { no_repeat_ngram_size: 3 } as GenerationSpec;
  const named = [...text("abc"), ...BOX];
  assert.deepEqual(next("abc abc", [...named, ...text("ab")], spec), ["end"]);
});

test("an empty phrase leaves the end alone", () => {
  assert.deepEqual(next("", []), ["end"]);
});
