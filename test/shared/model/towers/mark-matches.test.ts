// Against `training/near.py`, `mark_matches`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { markMatches } from "../../../../src/shared/model/towers/mark-matches.ts";
import { loadTokenizer } from "../../../../src/shared/tokenizer/tokenizer.ts";

const FILE = new URL(
  "../../../../models/box/checkpoint/tokenizer.json",
  import.meta.url,
);
const tokenizer = await loadTokenizer({
  "tokenizer.json": JSON.parse(readFileSync(FILE, "utf8")) as unknown,
});
const idOf = (token: string): number => tokenizer.encode(token)[1]!;
const box = (words: string, score: number): number[] => [
  ...tokenizer.encodePlain(words),
  ...[1, 2, 3, 4].map((bin) => idOf(`<loc_${bin}>`)),
  idOf(`<score_${score}>`),
];

test("marks how many tokens of a box's words stand in the prompt", () => {
  const tags = [
    idOf("<cap>"),
    ...tokenizer.encodePlain("cup"),
    idOf("<score_7>"),
    idOf("</cap>"),
    idOf("<od>"),
  ];
  const cup = box(" cup red left left", 8);
  const dog = box(" dog left", 1);
  const bench = box(" bench", 0);
  const prompt = tokenizer.encode(
    "Locate the phrases in the caption: the red cup on the left",
  );
  assert.deepEqual(
    markMatches(
      [...tags, ...cup, ...dog, ...bench, idOf("</od>")],
      prompt,
      tokenizer,
    ),
    [
      ...[...tags, ...cup, idOf("<score_3>")],
      ...[...dog, idOf("<score_1>")],
      ...[...bench, idOf("<score_0>"), idOf("</od>")],
    ],
  );
});

test("counts nine at most, and leaves hints without boxes as they are", () => {
  const words = " one two three four five six seven eight nine ten eleven";
  const prompt = tokenizer.encode(`Locate${words} in the image.`);
  const marked = markMatches(box(words, 4), prompt, tokenizer);
  assert.equal(marked.at(-1), idOf("<score_9>"));
  const none = [idOf("<cap>"), idOf("</cap>"), idOf("<od>"), idOf("</od>")];
  assert.deepEqual(markMatches(none, prompt, tokenizer), none);
});
