import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { convertCheckpoint } from "../../src/convert/index.ts";
import { analyzeFile, openBundle } from "../../src/node/index.ts";
import type { Box } from "../../src/shared/geometry.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../golden/random-checkpoint.ts";
import { lackOf, ROOT, runTraining } from "./find-python.ts";

// Florence-2 itself, tiny and with random weights, learns ten examples by
// heart: five photos, a caption and a box of each. Two minutes of one core.
const skip = lackOf(
  ...["torch", "scipy", "safetensors", "tokenizers", "transformers"],
);

const PHOTOS = join(ROOT, "test/golden/photos");
const TAUGHT = [
  {
    ...{ name: "boat", width: 195, height: 260, label: "boat" },
    ...{ caption: "A boat lies on calm water.", box: [40, 30, 195, 150] },
  },
  {
    ...{ name: "crayfish", width: 288, height: 149, label: "crayfish" },
    ...{ caption: "A red crayfish with two claws.", box: [20, 20, 160, 140] },
  },
  {
    ...{ name: "milk", width: 200, height: 200, label: "milk" },
    ...{ caption: "A carton of milk on a shelf.", box: [60, 10, 150, 180] },
  },
  {
    ...{ name: "traffic-light", width: 320, height: 214 },
    ...{ label: "traffic light", caption: "A traffic light at night." },
    box: [70, 40, 110, 160],
  },
  {
    ...{ name: "trousers", width: 216, height: 288, label: "trousers" },
    ...{ caption: "Blue trousers on a white ground.", box: [30, 5, 120, 170] },
  },
] as const;

const folder = mkdtempSync(join(tmpdir(), "florence-training-"));
const checkpoint = join(folder, "checkpoint");
const labels = join(folder, "ten.jsonl");

before(() => {
  if (skip !== false) return;
  writeRandomCheckpoint(checkpoint, loadRecipe("tiny-native"));
  const lines = TAUGHT.map(({ name, width, height, label, caption, box }) => {
    const [x_min, y_min, x_max, y_max] = box;
    return JSON.stringify({
      ...{ image: `${name}.jpg`, width, height, captions: [caption] },
      objects: [{ label, box: { x_min, y_min, x_max, y_max } }],
    });
  });
  writeFileSync(labels, lines.join("\n") + "\n");
});

after(() => {
  rmSync(folder, { recursive: true });
});

const STEPS = 100;

function learn(out: string, args: readonly string[], killAfter?: string) {
  return runTraining(
    "florence.py",
    [
      ...["--checkpoint", checkpoint, "--photos", PHOTOS, "--labels", labels],
      ...["--out", out, "--steps", String(STEPS), "--batch", "10"],
      ...["--dropout", "0", "--save-every", "20", "--threads", "1", ...args],
    ],
    killAfter,
  );
}

/** Converts what was learned and asks it everything it was taught. */
async function assertSaysWhatItWasTaught(tuned: string): Promise<void> {
  const bundle = `${tuned}-bundle`;
  await convertCheckpoint(tuned, { out: bundle, precision: "fp32" });
  const loaded = await openBundle(bundle);
  try {
    for (const { name, width, height, label, caption, box } of TAUGHT) {
      const file = join(PHOTOS, `${name}.jpg`);
      const request = { tasks: [{ task: "caption" }, { task: "detect" }] };
      const { results } = await analyzeFile(loaded, file, request);
      const [told, seen] = results as unknown as [
        { text: string },
        { objects: { label: string; box: Box }[] },
      ];
      assert.equal(told.text, caption);
      assert.deepEqual(
        seen.objects.map((object) => object.label),
        [label],
      );
      // one of 1,000 bins, seen from its middle
      const found = seen.objects[0]!.box;
      assert.ok(Math.abs(found.x_min - box[0]) <= width / 1000, name);
      assert.ok(Math.abs(found.y_min - box[1]) <= height / 1000, name);
      assert.ok(Math.abs(found.x_max - box[2]) <= width / 1000, name);
      assert.ok(Math.abs(found.y_max - box[3]) <= height / 1000, name);
    }
  } finally {
    await loaded.model.dispose();
  }
}

const weightsOf = (tuned: string): Buffer =>
  readFileSync(join(tuned, "model.safetensors"));

const loggedSteps = (tuned: string): number[] =>
  readFileSync(join(tuned, "log.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { step: number }).step);

test(
  "Florence-2 in full says the ten examples it learned by heart",
  { skip },
  async () => {
    const { code, stderr } = await learn(join(folder, "full"), [
      ...["--rate", "3e-3"],
    ]);
    assert.equal(code, 0, stderr);
    await assertSaysWhatItWasTaught(join(folder, "full"));
  },
);

test("Florence-2 by LoRA says them too", { skip }, async () => {
  const tuned = join(folder, "lora");
  const { code, stdout, stderr } = await learn(tuned, [
    ...["--lora", "8", "--rate", "1e-2"],
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /10 examples, 45,056 of 4,658,016 parameters learn/u);
  await assertSaysWhatItWasTaught(tuned);
});

test(
  "a run killed and gone on with has the weights of one that was not",
  { skip },
  async () => {
    const whole = join(folder, "full");
    const halves = join(folder, "halves");
    const settings = ["--rate", "3e-3"];
    const killed = await learn(halves, settings, '"step": 30');
    assert.equal(killed.signal, "SIGKILL", killed.stderr);
    const { code, stdout, stderr } = await learn(halves, [
      ...[...settings, "--resume"],
    ]);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, /not bit by bit/u);
    assert.ok(weightsOf(halves).equals(weightsOf(whole)));
    assert.deepEqual(loggedSteps(halves), loggedSteps(whole));
    assert.equal(loggedSteps(halves).length, STEPS / 10);
  },
);
