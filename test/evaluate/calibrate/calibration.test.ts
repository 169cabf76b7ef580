import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"; // prettier-ignore
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeFile } from "node:fs/promises";
import { after, test } from "node:test";
import { fitCalibration } from "../../../src/evaluate/calibrate/fit-calibration.ts"; // prettier-ignore
import { writeCalibration } from "../../../src/evaluate/calibrate/write-calibration.ts"; // prettier-ignore
import { evaluate } from "../../../src/evaluate/index.ts";
import { measureNamed } from "../measure-named.ts";
import { fitIsotonic } from "../../../src/evaluate/metrics/isotonic.ts";
import { randomNumbers } from "../../../src/evaluate/summary/random.ts";
import type { JudgedMeasure } from "../../../src/evaluate/summary/summarize.ts"; // prettier-ignore
import { analyzeFile } from "../../../src/node/analyze-file.ts";
import { MODEL_IN_THE_BOX } from "../../../src/node/model-in-the-box.ts";
import { openBundle } from "../../../src/node/open-bundle.ts";
import { bundleFolder } from "../../../src/node/bundle-folder.ts";
import { withoutCalibration } from "../../../src/evaluate/run/raw-scores.ts";
import { readManifest } from "../../../src/shared/model/open-model.ts";
import { parseManifest } from "../../../src/shared/model/manifest.ts";

const ROOT = join(import.meta.dirname, "../../..");
const folder = mkdtempSync(join(tmpdir(), "florence-calibrate-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const boxManifest = () => readManifest(bundleFolder(MODEL_IN_THE_BOX));

const outcomes = (rows: readonly (readonly [number, 0 | 1])[]) =>
  rows.map(([score, right]) => ({ score, isRight: right === 1 }));

test("pools what falls, by hand: 0, 1/2, 1", () => {
  const fit = fitIsotonic(outcomes([[0.1, 0], [0.3, 1], [0.4, 0], [0.8, 1], [0.9, 1]])); // prettier-ignore
  assert.deepEqual(fit.chances, [0, 0.5, 1]);
  assert.ok(fit.scores.every((score, at) => Math.abs(score - [0.1, 0.35, 0.85][at]!) < 1e-12)); // prettier-ignore
});

test("equal scores have one chance; all alike is one point", () => {
  assert.deepEqual(fitIsotonic(outcomes([[0.5, 1], [0.5, 0], [0.5, 0], [0.5, 1]])), { scores: [0.5], chances: [0.5] }); // prettier-ignore
});

test("chances never fall and keep the mean, on random outcomes", () => {
  const random = randomNumbers(4);
  for (let round = 0; round < 50; round += 1) {
    const rows = Array.from({ length: 1 + round * 3 }, () => ({ score: Math.round(random() * 20) / 20, isRight: random() < 0.4 })); // prettier-ignore
    const { scores, chances } = fitIsotonic(rows);
    assert.ok(chances.every((chance, at) => at === 0 || chance > chances[at - 1]!)); // prettier-ignore
    assert.ok(scores.every((score, at) => at === 0 || score > scores[at - 1]!));
  }
});

/** Photos of a detector whose scores are twice as high as its chances. */
function judgedPhotos(photos: number): JudgedMeasure {
  const random = randomNumbers(8);
  const rows = Array.from({ length: photos }, () =>
    Array.from({ length: 4 }, () => {
      const score = random();
      return { score, isRight: random() < score / 2 };
    }),
  );
  return {
    measure: measureNamed("detecting"),
    answered: [],
    judgement: { figures: [], cases: [], outcomes: rows, notes: [] },
    summary: { name: "", title: "", task: "", photos, figures: [], categories: [], calibration: null, notes: [] },
  }; // prettier-ignore
}

test("a detector that is twice too sure is put right, on photos it was not fitted on", () => {
  const [fit] = fitCalibration([judgedPhotos(500)], "0".repeat(64), 1);
  assert.equal(fit?.task, "detect");
  assert.ok(Math.abs(fit.before - 0.25) < 0.03, String(fit.before));
  assert.ok(fit.after !== null && fit.after < 0.04, String(fit.after));
  assert.equal(fit.map?.outcomes, 2000);
});

test("too few answers are not fitted", () => {
  const [fit] = fitCalibration([judgedPhotos(20)], "0".repeat(64), 1);
  assert.deepEqual([fit?.outcomes, fit?.after, fit?.map], [80, null, null]);
});

test("a bundle with a calibration tells chances, heeds limits in them, and can be fitted anew", async () => {
  const bundle = join(folder, "bundle");
  cpSync(MODEL_IN_THE_BOX, bundle, { recursive: true });
  await writeFile(join(bundle, "manifest.json"), JSON.stringify(withoutCalibration(await boxManifest()))); // prettier-ignore
  const photo = join(ROOT, "examples/photos/surfer.jpg");
  const ask = async (options: object = {}) => {
    const loaded = await openBundle(bundle);
    try {
      const { results } = await analyzeFile(loaded, photo, { tasks: [{ task: "detect" }], options }); // prettier-ignore
      const [result] = results;
      assert.ok(result !== undefined && "objects" in result);
      return { kind: result.score_kind, scores: result.objects.map(({ score }) => score) }; // prettier-ignore
    } finally {
      await loaded.model.dispose();
    }
  };
  const before = await ask();
  assert.equal(before.kind, "sequence_logprob");
  assert.ok(before.scores.length > 0);

  const map = { scores: [0, 1], chances: [0, 0.5], outcomes: 100, data: "0".repeat(64) }; // prettier-ignore
  await writeCalibration(bundle, { detect: map });
  const now = await ask();
  assert.equal(now.kind, "calibrated");
  for (const [at, score] of now.scores.entries()) {
    assert.ok(Math.abs(score - before.scores[at]! / 2) < 1e-9);
  }
  const best = Math.max(...now.scores);
  assert.ok((await ask({ min_score: best - 0.01 })).scores.length > 0);
  assert.equal((await ask({ min_score: best + 0.01 })).scores.length, 0);

  // Asked for a calibration, the run sees the model's own scores.
  const { summary } = await evaluate({
    ...{ bundle, data: [join(ROOT, "test/evaluate/fixtures/examples.jsonl")] },
    ...{ name: "x", images: join(ROOT, "examples/photos"), out: join(folder, "out") }, // prettier-ignore
    ...{ measures: ["detecting"], options: {}, workers: 1, threads: 2 },
    ...{ bootstrap: { resamples: 10, seed: 1 }, calibrate: true },
    ...{ signal: new AbortController().signal, onProgress: () => undefined },
  });
  const raw = readFileSync(join(folder, "out/predictions.jsonl"), "utf8");
  assert.ok(!raw.includes('"calibrated"'));
  assert.equal(summary.calibration?.[0]?.map, null); // too few photos
  const { calibration } = parseManifest(JSON.parse(readFileSync(join(bundle, "manifest.json"), "utf8"))); // prettier-ignore
  assert.deepEqual(calibration, { detect: map });
});

test("a manifest whose map falls, or has gaps, is refused", async () => {
  const manifest = withoutCalibration(await boxManifest());
  const map = { scores: [0, 1], chances: [0, 0.5], outcomes: 1, data: "0".repeat(64) }; // prettier-ignore
  for (const wrong of [
    { chances: [0.5, 0] },
    { scores: [1, 1] },
    { chances: [0] },
    { scores: [] },
  ]) {
    // prettier-ignore
    assert.throws(
      () => parseManifest({ ...manifest, calibration: { detect: { ...map, ...wrong } } }), // prettier-ignore
      { code: "bundle_invalid" },
    );
  }
  assert.equal(parseManifest(manifest).calibration, undefined);
});

test("a folder without a manifest cannot keep a calibration", async () => {
  writeFileSync(join(folder, "config.json"), "{}");
  await assert.rejects(writeCalibration(folder, {}), /Make a bundle of it/u);
});
