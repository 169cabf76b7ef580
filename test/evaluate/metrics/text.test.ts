import assert from "node:assert/strict";
import { test } from "node:test";
import { isSameCategory } from "../../../src/evaluate/metrics/category-accuracy.ts";
import { normalizeAnswer } from "../../../src/evaluate/metrics/normalize-answer.ts";
import {
  polygonArea,
  polygonIntersection,
} from "../../../src/evaluate/metrics/polygon-areas.ts";
import {
  countCharacterErrors,
  countWordErrors,
  countWordsRead,
  errorRate,
} from "../../../src/evaluate/metrics/text-errors.ts";
import {
  countSpotting,
  hmean,
} from "../../../src/evaluate/metrics/text-spotting.ts";
import { vqaAccuracy } from "../../../src/evaluate/metrics/vqa-accuracy.ts";
import type { Point } from "../../../src/shared/geometry.ts";
import { isNear, readVectors } from "../read-vectors.ts";

interface Vqa {
  readonly normalized: readonly (readonly [string, string])[];
  readonly questions: readonly {
    readonly answer: string;
    readonly people: readonly string[];
    readonly accuracy: number;
  }[];
}

interface Errors {
  readonly pairs: readonly (readonly [string, string])[];
  readonly cer: number;
  readonly wer: number;
  readonly cers: readonly number[];
  readonly wers: readonly number[];
}

interface Spotting {
  readonly images: readonly {
    readonly truths: readonly { quad: readonly Point[]; text: string }[];
    readonly answers: readonly { quad: readonly Point[]; text: string }[];
  }[];
  readonly endToEnd: readonly [number, number, number];
  readonly detection: readonly [number, number, number];
}

test("normalizes answers as TextVQA's evaluator does", () => {
  const [{ normalized } = { normalized: [] }] = readVectors(
    "vqa.json",
  ) as readonly Vqa[];
  assert.ok(normalized.length > 500);
  for (const [answer, wanted] of normalized) {
    assert.equal(normalizeAnswer(answer), wanted, JSON.stringify(answer));
  }
});

test("accuracy of answers is TextVQA's", () => {
  const [{ questions } = { questions: [] }] = readVectors(
    "vqa.json",
  ) as readonly Vqa[];
  for (const { answer, people, accuracy } of questions) {
    assert.ok(isNear(vqaAccuracy(answer, people), accuracy), answer);
  }
});

test("error rates are jiwer's, of each text and of all", () => {
  const [errors] = readVectors("text-errors.json") as readonly Errors[];
  const { pairs, cer, wer, cers, wers } = errors!;
  const characters = pairs.map(([read, truth]) => countCharacterErrors(read, truth)); // prettier-ignore
  const words = pairs.map(([read, truth]) => countWordErrors(read, truth));
  for (const [at, pair] of pairs.entries()) {
    const said = JSON.stringify(pair);
    assert.ok(isNear(errorRate([characters[at]!]), cers[at]!), said);
    assert.ok(isNear(errorRate([words[at]!]), wers[at]!), said);
  }
  assert.ok(isNear(errorRate(characters), cer));
  assert.ok(isNear(errorRate(words), wer));
});

test("counts a word as often as it is written", () => {
  const { found, words } = countWordsRead("total 5 5", "TOTAL 5 total 5 5 5");
  assert.deepEqual([found, words], [3, 6]);
});

test("end-to-end reading is the ICDAR script's, and so is detection", () => {
  const [spotting] = readVectors("text-spotting.json") as readonly Spotting[];
  for (const kind of ["end-to-end", "detection"] as const) {
    const counts = spotting!.images.map(({ truths, answers }) =>
      countSpotting(
        answers,
        truths.map((truth) => ({ ...truth, isIgnored: truth.text === "###" })),
        kind,
      ),
    );
    const figures = hmean(counts);
    const wanted = kind === "detection" ? spotting!.detection : spotting!.endToEnd; // prettier-ignore
    assert.ok(isNear(figures.precision, wanted[0]), `${figures.precision}`);
    assert.ok(isNear(figures.recall, wanted[1]), `${figures.recall}`);
    assert.ok(isNear(figures.hmean, wanted[2]), `${figures.hmean}`);
  }
});

test("knows what two quads share", () => {
  const square = (x: number, y: number): Point[] => [[x, y], [x + 4, y], [x + 4, y + 4], [x, y + 4]]; // prettier-ignore
  const diamond: Point[] = [[2, 0], [4, 2], [2, 4], [0, 2]]; // prettier-ignore
  assert.equal(polygonIntersection(square(0, 0), square(2, 2)), 4);
  assert.equal(polygonIntersection(square(0, 0), square(4, 0)), 0);
  assert.equal(polygonIntersection(square(0, 0), diamond), polygonArea(diamond)); // prettier-ignore
});

test("names of categories may differ in case, blanks and hyphens alone", () => {
  assert.ok(isSameCategory("T-Shirt ", "t shirt"));
  assert.ok(!isSameCategory("cars", "car"));
});
