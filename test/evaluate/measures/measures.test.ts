import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { blankItem, type EvaluationItem } from "../../../src/evaluate/data/item.ts"; // prettier-ignore
import type { AnsweredItem, Judgement } from "../../../src/evaluate/measures/measure.ts"; // prettier-ignore
import { MEASURES } from "../../../src/evaluate/measures/table.ts";
import { EnvelopeSchema } from "../../../src/shared/schema/analysis.ts";
import { measureNamed } from "../measure-named.ts";
import { findTask, parseTask } from "../../../src/shared/tasks/index.ts";

const size = { width: 100, height: 80 };
const blank = blankItem("a", "a.jpg", size);
const left = { x_min: 0, y_min: 0, x_max: 40, y_max: 40 };
const right = { x_min: 50, y_min: 10, x_max: 90, y_max: 70 };
const square = { rings: [[0, 0, 40, 0, 40, 40, 0, 40]] };
const head = { finish_reason: "stop", score_kind: "sequence_logprob", status: "ok" } as const; // prettier-ignore

function judge(
  name: string,
  item: EvaluationItem,
  answers: readonly object[],
): Judgement {
  const results = v.parse(EnvelopeSchema.entries.results, answers);
  const measure = measureNamed(name);
  // What it asks is asked by those names, and can be asked.
  for (const { request, id } of measure.asks(item)) parseTask(request, id);
  const answered: AnsweredItem = { item, size, results: new Map(results.map((one) => [one.id, one])) }; // prettier-ignore
  return measure.judge([answered]);
}

function values(judgement: Judgement): Record<string, number | null> {
  return Object.fromEntries(judgement.figures.map(({ name, statistic }) => [name, statistic()])); // prettier-ignore
}

const thing = (label: string, box: typeof left, more: object = {}) => ({
  ...{ label, box, outline: null, area: null, isCrowd: false },
  ...more,
});

test("every measure is of a task there is, or of none", () => {
  for (const { name, task } of MEASURES) {
    assert.ok(task === null || findTask(task) !== undefined, name);
  }
});

test("asks nothing of a photo about which nothing is known", () => {
  for (const measure of MEASURES) assert.deepEqual(measure.asks(blank), []);
});

test("an answer that failed or is missing counts as one that says nothing", () => {
  const item: EvaluationItem = {
    ...blank,
    captions: ["a dog"],
    objects: [thing("dog", left, { outline: square })],
    referring: [{ phrase: "the dog", box: left, outline: square }],
    groundedCaptions: [{ caption: "a dog", phrases: [{ phrase: "a dog", span: [0, 5], boxes: [left] }] }],
    lines: [{ text: "A B", quad: [[0, 0], [9, 0], [9, 9], [0, 9]], isIgnored: false }],
  }; // prettier-ignore
  for (const measure of MEASURES) {
    if (measure.task === null) continue;
    for (const { name, statistic, better } of judge(measure.name, item, []).figures) {
      const value = statistic();
      if (value === null) continue; // no object of that size
      const worst = better === "higher" ? 0 : 1;
      assert.ok(Math.abs(value - worst) < 1e-3, `${measure.name} ${name}: ${value}`);
    }
  }
}); // prettier-ignore

test("detection: labels by name, answers of other categories left out", () => {
  const item = { ...blank, objects: [thing("T-shirt", left), thing("dog", right)], categories: ["t shirt", "dog"] }; // prettier-ignore
  const objects = [
    { id: "o0", label: "t shirt", score: 0.9, box: left },
    { id: "o1", label: "zebra", score: 0.99, box: right },
    { id: "o2", label: "dog", score: 0.3, box: left },
  ];
  const judgement = judge("detecting", item, [{ ...head, id: "detect", task: "detect", objects }]); // prettier-ignore
  assert.ok(Math.abs((values(judgement)["AP50"] ?? 0) - 0.5) < 1e-12);
  assert.deepEqual(judgement.outcomes[0], [
    { score: 0.3, isRight: false },
    { score: 0.9, isRight: true },
  ]);
  assert.match(judgement.notes.join(" "), /1 answers of other labels/u);
  const shirts = judgement.categories?.find(({ category }) => category === "t shirt"); // prettier-ignore
  assert.deepEqual(shirts?.figures.map(({ name, n }) => [name, n]), [["AP", 1], ["AP50", 1], ["recall50", 1]]); // prettier-ignore
  for (const { statistic, name } of shirts.figures) {
    assert.ok(Math.abs((statistic() ?? 0) - 1) < 1e-12, name);
    // Without the photo there is nothing to find.
    assert.equal(statistic([0]), null);
  }
  assert.ok(Math.abs((judgement.cases[0]?.quality ?? 0) - 0.5) < 1e-12);
});

test("proposals: any category, none where only some are marked", () => {
  const item = { ...blank, objects: [thing("dog", left), thing("cat", right)] };
  const objects = [{ id: "o0", score: 0.5, box: left }];
  const judgement = judge("proposing", item, [{ ...head, id: "propose", task: "propose", objects }]); // prettier-ignore
  assert.equal(values(judgement)["AR100"], 0.5);
  assert.deepEqual(measureNamed("proposing").asks({ ...item, categories: ["dog"] }), []); // prettier-ignore
});

test("grounding: boxes belong to the phrase they overlap, best first", () => {
  const phrases = [{ phrase: "a dog", span: [0, 5] as const, boxes: [left] }, { phrase: "a cat", span: [10, 15] as const, boxes: [right, left] }]; // prettier-ignore
  const item = { ...blank, groundedCaptions: [{ caption: "a dog and a cat", phrases }] }; // prettier-ignore
  const objects = [
    { id: "o0", phrase: "a dog", span: [0, 5] as [number, number], score: 0.4, box: right },
    { id: "o1", phrase: "dog", span: [2, 5] as [number, number], score: 0.3, box: left },
    { id: "o2", phrase: "A  cat", span: null, score: 0.9, box: left },
    { id: "o3", phrase: "a cat", span: [10, 15] as [number, number], score: 0.8, box: left },
  ]; // prettier-ignore
  const judgement = judge("grounding", item, [{ ...head, id: "ground:0", task: "ground", objects, unmatched: [] }]); // prettier-ignore
  const found = values(judgement);
  assert.deepEqual([found["R@1 any-box"], found["R@5 any-box"], found["R@10 merged-box"]], [0.5, 1, 0.5]); // prettier-ignore
  assert.equal(judgement.figures[0]?.n, 2);
});

test("referring: the best box of the first phrase; labels that occur once", () => {
  const item = { ...blank, referring: [{ phrase: "dog left of a cat", box: left, outline: null }] }; // prettier-ignore
  const objects = [
    { id: "o0", phrase: "dog", span: null, score: 0.4, box: right },
    { id: "o1", phrase: "dog", span: null, score: 0.5, box: left },
    { id: "o2", phrase: "a cat", span: null, score: 0.9, box: right },
  ];
  const result = { ...head, id: "refer:0", task: "ground", objects, unmatched: [] } as const; // prettier-ignore
  assert.equal(values(judge("referring", item, [result]))["accuracy"], 1);

  const labels = { ...blank, objects: [thing("dog", left), thing("cat", right), thing("cat", left)] }; // prettier-ignore
  assert.deepEqual(measureNamed("label-grounding").asks(labels).map(({ request }) => request["phrase"]), ["dog"]); // prettier-ignore
});

test("segmentation: all rings of an answer are one mask", () => {
  const item = { ...blank, referring: [{ phrase: "it", box: left, outline: square }] }; // prettier-ignore
  const half = (from: number, to: number) => ({ id: "s", phrase: "it", score: 0.7, polygons: [[[from, 0], [to, 0], [to, 40], [from, 40]] as [number, number][]], svg_path: "", box: left, area: 1, closed: true }); // prettier-ignore
  const result = { ...head, id: "segment:0", task: "segment", segments: [half(0, 10), half(10, 20)], unmatched: [] } as const; // prettier-ignore
  const judgement = judge("referring-segmentation", item, [{ ...result, segments: [...result.segments] }]); // prettier-ignore
  const { mIoU, oIoU } = values(judgement);
  assert.ok(Math.abs((mIoU ?? 0) - 0.5) < 0.02, String(mIoU));
  assert.equal(mIoU, oIoU);
  assert.equal(judgement.outcomes[0]?.[0]?.score, 0.7);
});

test("regions: 64 boxes at a time, each answer with its own box", () => {
  const objects = Array.from({ length: 70 }, (_, at) => thing(`kind ${at}`, left)); // prettier-ignore
  const item = { ...blank, objects: [...objects, thing("small", { ...left, x_max: 20, y_max: 20 })] }; // prettier-ignore
  const asks = measureNamed("region-naming").asks(item);
  assert.deepEqual(asks.map(({ id, request }) => [id, (request["regions"] as unknown[]).length]), [["name:0", 64], ["name:1", 6]]); // prettier-ignore
  const region = (label: string) => ({ id: "r", status: "ok", finish_reason: "stop", label, score: 0.5 }) as const; // prettier-ignore
  const results = [
    { ...head, id: "name:0", task: "classify_regions", regions: objects.slice(0, 64).map(() => region("kind 3")) },
    { ...head, id: "name:1", task: "classify_regions", regions: objects.slice(64).map(({ label }) => region(label)) },
  ] as const; // prettier-ignore
  const judgement = judge("region-naming", item, results.map((one) => ({ ...one, regions: [...one.regions] }))); // prettier-ignore
  assert.equal(values(judgement)["accuracy"], 7 / 70);
});

test("reading: case and blanks do not count, unreadable lines neither", () => {
  const quad: [number, number][] = [[0, 0], [50, 0], [50, 10], [0, 10]]; // prettier-ignore
  const lines = [{ text: "TOTAL 5", quad, isIgnored: false }, { text: "###", quad: quad.map(([x, y]): [number, number] => [x, y + 30]), isIgnored: true }]; // prettier-ignore
  const item = { ...blank, lines };
  const text = { ...head, id: "ocr", task: "ocr", layout: "text", text: "total\n 5", score: 1 } as const; // prettier-ignore
  assert.deepEqual(values(judge("reading-text", item, [text])), { CER: 0, WER: 0, "word recall": 1 }); // prettier-ignore
  const said = [{ id: "l0", text: "Total 5", score: 0.8, label_score: 1, box_score: 1, quad: quad as [(typeof quad)[0], (typeof quad)[0], (typeof quad)[0], (typeof quad)[0]] }]; // prettier-ignore
  const result = { ...head, id: "lines", task: "ocr", layout: "lines", text: "Total 5", lines: said } as const; // prettier-ignore
  const judgement = judge("reading-lines", item, [{ ...result, lines: [...result.lines] }]); // prettier-ignore
  const { hmean, CER } = values(judgement);
  assert.deepEqual([hmean, CER], [1, 0]);
  assert.deepEqual(judgement.outcomes, [[{ score: 0.8, isRight: true }]]);
});
