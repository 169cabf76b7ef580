// Against `training/near.py`, `matches`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { markMatches } from "../../../../src/shared/model/towers/mark-matches.ts";
import {
  countMatches,
  type WordRules,
} from "../../../../src/shared/model/towers/match-words.ts";
import { loadTokenizer } from "../../../../src/shared/tokenizer/tokenizer.ts";

const FILE = new URL(
  "../../../../models/box/checkpoint/tokenizer.json",
  import.meta.url,
);
const tokenizer = await loadTokenizer({
  "tokenizer.json": JSON.parse(readFileSync(FILE, "utf8")) as object,
});
const RULES: WordRules = {
  colors: ["red"],
  idle: ["the", "on", "in"],
  same: { leftmost: "left", upper: "top" },
  relative: ["left", "top"],
};

test("counts words, not letters, numbers or places alone", () => {
  for (const [text, phrase, count] of [
    [" dog left", "person<and>dogs on the leftmost", 2],
    [" dog left", "the Dog, left!", 2],
    [" person top", "the upper bird", 0],
    [" cup red left", "the red dog on the left", 0],
    [" bus", "the bus", 1],
    [" constructor", "the constructor", 1],
    ["", "the bus", 0],
    [" bus", "", 0],
    [" a b c d e f g h i j", "j i h g f e d c b a", 9],
  ] as const)
    assert.equal(countMatches(text, phrase, RULES), count, `${text}|${phrase}`);
});

const idOf = (token: string): number => tokenizer.encode(token)[1]!;
const box = (words: string, score: number): number[] => [
  ...tokenizer.encodePlain(words),
  ...[1, 2, 3, 4].map((bin) => idOf(`<loc_${bin}>`)),
  idOf(`<score_${score}>`),
];

test("marks how many words of the prompt a box has", () => {
  const tags = [
    idOf("<cap>"),
    ...tokenizer.encodePlain("cup"),
    idOf("<score_7>"),
    idOf("</cap>"),
    idOf("<od>"),
  ];
  const cup = box(" cup red left leftmost", 8);
  const dog = box(" dog left", 1);
  const prompt = tokenizer.encode(
    "Locate the phrases in the caption: the red cup on the left",
  );
  const hints = [...tags, ...cup, ...dog, idOf("</od>")];
  assert.deepEqual(markMatches(hints, prompt, tokenizer, RULES), [
    ...[...tags, ...cup, idOf("<score_3>")],
    ...[...dog, idOf("<score_0>"), idOf("</od>")],
  ]);
  const none = [idOf("<cap>"), idOf("</cap>"), idOf("<od>"), idOf("</od>")];
  assert.deepEqual(markMatches(none, prompt, tokenizer, RULES), none);
});
