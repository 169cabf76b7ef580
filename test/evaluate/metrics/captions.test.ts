import assert from "node:assert/strict";
import { test } from "node:test";
import { bleu, countBleu } from "../../../src/evaluate/metrics/bleu.ts";
import { ptbTokenize } from "../../../src/evaluate/metrics/ptb-tokenize.ts";
import { rougeL } from "../../../src/evaluate/metrics/rouge.ts";
import { isNear, readVectors } from "../read-vectors.ts";

interface Captions {
  readonly name: string;
  readonly items: readonly {
    readonly candidate: string;
    readonly references: readonly string[];
  }[];
}

interface Figures {
  readonly name: string;
  readonly bleu: readonly number[];
  readonly rouge: number;
  readonly rouges: readonly number[];
}

const figures = readVectors("captions.json") as readonly Figures[];

for (const { name, items } of readVectors(
  "cider.json",
) as readonly Captions[]) {
  const wanted = figures.find((one) => one.name === name)!;
  const words = items.map(({ candidate, references }) => ({
    candidate: ptbTokenize(candidate),
    references: references.map((reference) => ptbTokenize(reference)),
  }));

  test(`BLEU is pycocoevalcap's: ${name}`, () => {
    const counts = words.map((one) => countBleu(one.candidate, one.references));
    for (const [n, value] of bleu(counts).entries()) {
      assert.ok(isNear(value, wanted.bleu[n]!), `BLEU-${n + 1}: ${value}`);
    }
  });

  test(`ROUGE-L is pycocoevalcap's: ${name}`, () => {
    const scores = words.map((one) => rougeL(one.candidate, one.references));
    for (const [at, score] of scores.entries()) {
      assert.ok(isNear(score, wanted.rouges[at]!), `item ${at}: ${score}`);
    }
    const sum = scores.reduce((total, score) => total + score, 0);
    assert.ok(isNear(sum / scores.length, wanted.rouge));
  });
}

test("weighted answers count as if they were there as often", () => {
  const one = countBleu(["a", "red", "dog"], [["a", "dog"]]);
  const other = countBleu(["a", "cat"], [["a", "black", "cat"]]);
  assert.deepEqual(bleu([one, other], [2, 1]), bleu([one, one, other]));
});
