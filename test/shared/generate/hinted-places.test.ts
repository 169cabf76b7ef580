import assert from "node:assert/strict";
import { test } from "node:test";
import {
  hintedPlaces,
  matchingBoxes,
} from "../../../src/shared/generate/hinted-places.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";

const { firstLocation } = tokenizer.special;
const text = (words: string): number[] => tokenizer.encodePlain(words);
const box = (...bins: readonly number[]): number[] =>
  bins.map((bin) => firstLocation + bin);

const A = box(1, 2, 30, 40);
const B = box(1, 5, 60, 70);
const C = box(9, 9, 90, 90);
const HINTS = [...text("dog"), ...A, ...text("dog"), ...B, ...text("cat"), ...C]; // prettier-ignore

/** Bins that may come next. */
function open(ids: readonly number[], hints = HINTS): number[] {
  const banned = new Set(hintedPlaces(hints, tokenizer)(ids));
  return Array.from({ length: 1000 }, (_, bin) => bin).filter(
    (bin) => !banned.has(firstLocation + bin),
  );
}

test("lets an answer begin any box of the hints, and no other", () => {
  assert.deepEqual(open([2, 0, ...text("dog")]), [1, 9]);
});

test("goes on only as a box of the hints does", () => {
  const begun = [2, 0, ...text("dog"), firstLocation + 1];
  assert.deepEqual(open(begun), [2, 5]);
  assert.deepEqual(open([...begun, firstLocation + 5]), [60]);
});

test("names a box once for a label, and again for another", () => {
  const after = [2, 0, ...text("dog"), ...A];
  assert.deepEqual(open(after), [1, 9]);
  assert.deepEqual(open([...after, firstLocation + 1]), [5]);
  assert.deepEqual(open([...after, ...B, ...C]), []);
  assert.deepEqual(open([...after, ...B, ...C, ...text("cat")]), [1, 9]);
});

test("names no place where the hints have none", () => {
  assert.deepEqual(open([2, 0, ...text("dog")], text("dog")), []);
});

test("bans nothing but places", () => {
  const banned = hintedPlaces(HINTS, tokenizer)([2, 0]);
  assert.ok(banned.every((id) => tokenizer.locationBin(id) !== undefined));
});

test("names what has most words of the phrase that was said", () => {
  const prompt = tokenizer.encode("Locate cat in the image with mask");
  const rules = {
    colors: [],
    idle: ["the"],
    same: {},
    relative: ["left"],
  };
  const score = tokenizer.encodePlain(" ");
  const hints = [
    ...[...text(" dog left"), ...A, ...score],
    ...[...text(" dog"), ...B, ...score],
    ...[...text(" cat left"), ...C],
  ];
  const choose = matchingBoxes(prompt, tokenizer, rules);
  const open = (ids: readonly number[]): number[] => {
    const banned = new Set(hintedPlaces(hints, tokenizer, choose)(ids));
    return Array.from({ length: 1000 }, (_, bin) => bin).filter(
      (bin) => !banned.has(firstLocation + bin),
    );
  };
  assert.deepEqual(open([2, 0]), [9], "nothing said: the prompt");
  assert.deepEqual(open([2, 0, ...text("the dog")]), [1]);
  const left = [2, 0, ...text("the left dog"), firstLocation + 1];
  assert.deepEqual(open(left), [2]);
  assert.deepEqual(open([...left, ...A.slice(1), ...text("cat")]), [9]);
  assert.deepEqual(open([2, 0, ...text("zebra")]), [], "no word: nothing");
  assert.deepEqual(open([2, 0, ...text("left")]), [], "a place alone: nothing");
});
