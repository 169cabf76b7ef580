import assert from "node:assert/strict";
import { test } from "node:test";
import {
  linesIn,
  regionOf,
  writeLines,
  writeObjects,
  writeText,
} from "../../../../src/shared/model/towers/write-answers.ts";
import { parseBoxes, parseQuads } from "../../../../src/shared/parse/boxes.ts";
import { byteTokenizer as tokenizer } from "../../tokenizer/byte-tokenizer.ts";

const IMAGE = { width: 200, height: 100 };
const detection = (label: string, score: number, left: number) => ({
  label,
  score,
  box: { x_min: left, y_min: -3, x_max: left + 50, y_max: 40 },
});
const line = (text: string, score: number, top: number) => ({
  text,
  score,
  quad: [
    [10, top],
    [60, top],
    [60, top + 10],
    [10, top + 10],
  ] as [[number, number], [number, number], [number, number], [number, number]],
});

test("writes objects as the box parser reads them, with their scores", () => {
  const { ids, logProbs } = writeObjects(
    [detection("dog", 0.9, 0), detection("dog", 0.8, 100), detection("cat", 0.5, 20)], // prettier-ignore
    IMAGE,
    tokenizer,
    true,
  );
  const { items, dropped } = parseBoxes(ids, tokenizer);
  assert.deepEqual(dropped, []);
  assert.deepEqual(
    items.map(({ label, bins }) => [label, ...bins]),
    [
      ["dog", 0, 0, 250, 400],
      ["dog", 500, 0, 750, 400],
      ["cat", 100, 0, 350, 400],
    ],
  );
  assert.equal(ids.length, logProbs.length);
  assert.ok(Math.abs(Math.exp(logProbs[items[1]!.binsAt[0]!]!) - 0.8) < 1e-9);
});

test("writes boxes alone where no names are asked for", () => {
  const objects = [detection("dog", 0.9, 0), detection("cat", 0.5, 20)];
  const { ids } = writeObjects(objects, IMAGE, tokenizer, false);
  const { items } = parseBoxes(ids, tokenizer);
  assert.deepEqual(
    items.map(({ label }) => label),
    ["", ""],
  );
});

test("writes lines as the quad parser reads them, and text with line breaks", () => {
  const lines = [line("Total: 5", 0.9, 20), line("<loc_3> paid", 0.7, 50)];
  const { ids } = writeLines(lines, IMAGE, tokenizer);
  const { items } = parseQuads(ids, tokenizer);
  assert.deepEqual(
    items.map(({ label }) => label),
    ["Total: 5", "<loc_3> paid"],
  );
  const text = writeText(lines, tokenizer);
  assert.equal(
    tokenizer.decode(text.ids, { skipSpecialTokens: true }),
    "Total: 5\n<loc_3> paid",
  );
});

test("finds the region a prompt names, and the lines whose middle is in it", () => {
  const first = tokenizer.special.firstLocation;
  const bins = [0, 0, 499, 299].map((bin) => first + bin);
  const prompt = [0, ...tokenizer.encodePlain("in "), ...bins, 2];
  const region = regionOf(prompt, IMAGE, tokenizer)!;
  assert.deepEqual(Object.values(region), [0.1, 0.05, 99.9, 29.95]);
  const lines = [line("in", 1, 20), line("out", 1, 30)];
  assert.deepEqual(
    linesIn(lines, region).map(({ text }) => text),
    ["in"],
  );
  assert.equal(regionOf([0, first, 2], IMAGE, tokenizer), null);
});
