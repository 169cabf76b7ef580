import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { evaluate, MEASURES } from "../../../src/evaluate/index.ts";
import { goldenBundle } from "../../golden/golden-bundle.ts";

const folder = mkdtempSync(join(tmpdir(), "florence-every-measure-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const box = { x_min: 256, y_min: 80, x_max: 426, y_max: 261 };
const polygons = [[[256, 80], [426, 80], [426, 261], [256, 261]]]; // prettier-ignore
const line = {
  image: "surfer",
  ...{ width: 512, height: 340, captions: ["a surfer on a wave"] },
  objects: [{ label: "person", box, polygons }],
  grounded_captions: [
    { caption: "a surfer on a wave", phrases: [{ phrase: "a surfer", boxes: [box] }] },
  ],
  referring: [{ phrase: "the surfer", box, polygons }],
  questions: [{ question: "who is it?", answers: ["a surfer"] }],
  lines: [{ text: "OPEN", quad: [[0, 0], [50, 0], [50, 20], [0, 20]] }],
}; // prettier-ignore

test("a model of all tasks, its weights random, is asked everything and measured near nothing", async () => {
  const data = join(folder, "data.jsonl");
  writeFileSync(data, `${JSON.stringify(line)}\n`);
  const { summary } = await evaluate({
    bundle: await goldenBundle("tiny-native"),
    ...{ data: [data], name: "one", out: join(folder, "out") },
    images: join(import.meta.dirname, "../../../examples/photos"),
    ...{ options: { max_tokens: 24 }, workers: 1, threads: 1 },
    bootstrap: { resamples: 20, seed: 1 },
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  const { measures, not_measured, skipped } = summary.bundle;
  assert.deepEqual(skipped, []);
  assert.deepEqual(
    measures.map(({ name }) => name),
    MEASURES.flatMap(({ name, task }) => (task === null ? [] : [name])),
  );
  assert.deepEqual(not_measured.map(({ measure }) => measure), ["Questions"]); // prettier-ignore
  for (const { name, figures, notes } of measures) {
    assert.ok(!notes.some((note) => note.includes("failed")), name);
    for (const { value, better, title } of figures) {
      if (value === null || better === "lower") continue;
      assert.ok(value < 0.5, `${name}, ${title}: ${value}`);
    }
  }
});
