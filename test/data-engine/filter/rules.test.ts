import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFilterOptions } from "../../../src/data-engine/filter/filter-options.ts";
import { judgePhrase } from "../../../src/data-engine/filter/phrase-rules.ts";
import {
  judgeRegion,
  suppressOverlaps,
} from "../../../src/data-engine/filter/region-rules.ts";
import { judgeText } from "../../../src/data-engine/filter/text-rules.ts";
import { judgeTriplet } from "../../../src/data-engine/filter/triplet-rules.ts";
import {
  BUNDLE,
  DETECTOR,
  HUMAN,
  caption,
  object,
  triplet,
} from "../make-records.ts";

const OPTIONS = parseFilterOptions({});

test("keeps a text that says something of its things", () => {
  for (const text of [
    "a man riding a wave on a surfboard",
    "A brown dog.",
    "a dog on a bed",
  ])
    assert.equal(judgeText({ text, level: "brief" }, OPTIONS), null, text);
});

test("says why a text goes", () => {
  const reasonOf = (text: string, level = "brief" as const) =>
    judgeText({ text, level }, OPTIONS)?.reason;
  assert.equal(reasonOf("a dog"), "too_simple");
  assert.equal(reasonOf("a picture of a dog"), "too_simple");
  assert.equal(reasonOf("it is here"), "no_noun");
  assert.equal(reasonOf("a red dog dog on a bed"), "repeats_itself");
  const many =
    "a cat, a dog, a cow, a pig, a hen, a fox, a bear, a duck, a cup";
  assert.equal(reasonOf(many), "too_many_objects");
});

test("asks more of a more detailed text", () => {
  const text = "a dog on a bed";
  assert.equal(judgeText({ text, level: "brief" }, OPTIONS), null);
  const verdict = judgeText({ text, level: "more_detailed" }, OPTIONS);
  assert.equal(verdict?.reason, "too_simple");
  assert.match(verdict.detail, /complexity 1; at least 3/u);
});

test("refuses pronouns, abstract nouns and what is no noun as phrases", () => {
  const reasons = (phrases: readonly string[]) =>
    phrases.map((phrase) => judgePhrase(phrase)?.reason ?? null);
  assert.deepEqual(reasons(["it", "another", "themselves"]), [
    "pronoun",
    "pronoun",
    "pronoun",
  ]);
  assert.deepEqual(reasons(["the background", "a side", "time"]), [
    "abstract_noun",
    "abstract_noun",
    "abstract_noun",
  ]);
  assert.deepEqual(reasons(["a group of people", "a red cup", "sink"]), [
    null,
    null,
    null,
  ]);
});

test("judges regions by score, size and words", () => {
  const reasonOf = (...args: Parameters<typeof object>) =>
    judgeRegion(object(...args), OPTIONS)?.reason ?? null;
  assert.equal(reasonOf(DETECTOR, "dog", [0, 0, 50, 50], 0.1), "low_score");
  assert.equal(reasonOf(DETECTOR, "dog", [0, 0, 50, 5], 0.9), "too_small");
  assert.equal(reasonOf(DETECTOR, "dog", [0, 0, 50, 50], 0.3), null);
  assert.equal(
    reasonOf(DETECTOR, "---", [0, 0, 50, 50], 0.9, "writing"),
    "no_words",
  );
  assert.equal(
    reasonOf(DETECTOR, "EXIT", [0, 0, 50, 50], 0.7, "writing"),
    "low_score",
  );
});

test("suppresses overlaps of one name within a source only", () => {
  const best = object(DETECTOR, "dog", [0, 0, 100, 100], 0.9);
  const same = object(DETECTOR, "dog", [5, 5, 100, 100], 0.8);
  const other = object(DETECTOR, "cat", [5, 5, 100, 100], 0.7);
  const elsewhere = object(BUNDLE, "dog", [5, 5, 100, 100], 0.6);
  const { kept, removed } = suppressOverlaps(
    [same, best, other, elsewhere],
    OPTIONS.nmsIou,
  );
  assert.deepEqual(kept, [best, other, elsewhere]);
  assert.equal(removed[0]!.annotation, same);
  assert.equal(removed[0]!.detail, best.id);
});

test("keeps a triplet whose regions are where the objects are", () => {
  const text = caption(HUMAN, "a dog on a bed");
  const dog = object(DETECTOR, "dog", [0, 0, 50, 50]);
  const judge = (one: ReturnType<typeof triplet>) =>
    judgeTriplet(one, [text], [dog], OPTIONS)?.reason ?? null;
  const right = triplet(BUNDLE, text.text, "a dog", [2, 0, 50, 50]);
  assert.equal(judge(right), null);
  const away = triplet(BUNDLE, text.text, "a dog", [120, 0, 180, 50]);
  assert.equal(judge(away), "no_agreement");
  const unknown = triplet(BUNDLE, text.text, "a bed", [0, 0, 90, 90]);
  assert.equal(judge(unknown), "no_agreement");
  assert.equal(judge({ ...unknown, stability: 1 }), null);
  const orphan = triplet(BUNDLE, "a dog in a car", "a dog", [0, 0, 50, 50]);
  assert.equal(judge(orphan), "no_agreement");
});

test("names an option that does not exist", () => {
  assert.throws(
    () => parseFilterOptions({ minscore: 0.2 }),
    /perhaps minScore was meant/u,
  );
});
