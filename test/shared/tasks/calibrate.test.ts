import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { EnvelopeSchema } from "../../../src/shared/schema/analysis.ts";
import {
  calibrateInto,
  chanceOf,
  scoreOf,
  type ScoreMap,
} from "../../../src/shared/tasks/calibrate.ts";
import type { TaskPayload } from "../../../src/shared/tasks/index.ts";

const MAP: ScoreMap = { scores: [0.2, 0.6, 0.9], chances: [0, 0.4, 0.8] };
const head = { id: "t0", status: "ok", finish_reason: "stop", score_kind: "sequence_logprob" }; // prettier-ignore
const box = { x_min: 0, y_min: 0, x_max: 1, y_max: 1 };

function calibrated(result: object): TaskPayload {
  const [parsed] = v.parse(EnvelopeSchema.entries.results, [{ ...head, ...result }]); // prettier-ignore
  assert.ok(parsed !== undefined && parsed.status !== "error");
  calibrateInto(parsed, MAP);
  return parsed;
}

test("a chance lies on the line between points, level beyond them", () => {
  const wanted = [[0, 0], [0.2, 0], [0.4, 0.2], [0.6, 0.4], [0.75, 0.6], [0.9, 0.8], [1, 0.8]] as const; // prettier-ignore
  for (const [score, chance] of wanted) {
    assert.ok(Math.abs(chanceOf(MAP, score) - chance) < 1e-12, String(score));
  }
  assert.ok(Number.isNaN(chanceOf(MAP, NaN)));
  assert.equal(chanceOf({ scores: [0.5], chances: [0.3] }, 0.9), 0.3);
});

test("a limit as a chance is a limit as a score, and keeps the same items", () => {
  for (const limit of [0, 0.1, 0.4, 0.79, 0.8, 0.81, 1]) {
    const least = scoreOf(MAP, limit);
    for (let score = 0; score <= 1; score += 0.0137) {
      // On the limit itself rounding decides.
      if (Math.abs(chanceOf(MAP, score) - limit) < 1e-9 && limit > 0) continue;
      assert.equal(score >= least, chanceOf(MAP, score) >= limit, `${score} ${limit}`); // prettier-ignore
    }
  }
});

test("scores of items become chances, those of their parts do not", () => {
  const result = calibrated({
    task: "detect",
    objects: [{ id: "o0", label: "dog", score: 0.6, label_score: 0.6, box_score: 0.6, box }], // prettier-ignore
  });
  assert.equal(result.score_kind, "calibrated");
  assert.deepEqual("objects" in result && result.objects[0], { id: "o0", label: "dog", score: 0.4, label_score: 0.6, box_score: 0.6, box }); // prettier-ignore
});

test("every kind of result has its scores calibrated", () => {
  const segment = { id: "s0", score: 0.6, polygons: [], svg_path: "", box, area: 0, closed: true }; // prettier-ignore
  const region = { id: "r0", status: "ok", finish_reason: "stop" };
  const quad = [[0, 0], [1, 0], [1, 1], [0, 1]]; // prettier-ignore
  const results = [
    { task: "caption", detail: "short", text: "a dog", score: 0.6 },
    { task: "ocr", layout: "lines", text: "a", lines: [{ id: "l0", text: "a", score: 0.6, label_score: 0.5, box_score: 0.5, quad }] },
    { task: "segment", segments: [{ phrase: "a dog", ...segment }], unmatched: [] },
    { task: "segment_regions", regions: [{ ...region, segments: [segment] }] },
    { task: "classify_regions", regions: [{ ...region, label: "dog", score: 0.6 }] },
  ]; // prettier-ignore
  for (const result of results) {
    const text = JSON.stringify(calibrated(result));
    assert.ok(text.includes('"score":0.4'), text);
    assert.ok(!text.includes('"score":0.6'), text);
    assert.ok(text.includes('"score_kind":"calibrated"'), text);
  }
});

test("a label that was found has its object's chance, one that was not its own score", () => {
  const labels = [{ label: "dog", found: true, score: 0.6 }, { label: "cat", found: false, score: 0.6, reason: "not_found" }]; // prettier-ignore
  const result = calibrated({ task: "detect_open", objects: [], labels });
  assert.deepEqual(result.task === "detect_open" && result.labels.map(({ score }) => score), [0.4, 0.6]); // prettier-ignore
});

test("a choice among the caller's labels keeps its shares", () => {
  const region = { id: "r0", status: "ok", finish_reason: "stop", label: "a", score: 0.6, scores: { a: 0.6, b: 0.4 } }; // prettier-ignore
  const result = calibrated({ task: "classify_regions", regions: [region] });
  assert.equal(result.score_kind, "sequence_logprob");
  assert.deepEqual(result.task === "classify_regions" && result.regions, [region]); // prettier-ignore
});
