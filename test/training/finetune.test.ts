import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { convertCheckpoint } from "../../src/convert/index.ts";
import { analyzeFile, openBundle } from "../../src/node/index.ts";
import { MODEL_IN_THE_BOX } from "../../src/node/model-in-the-box.ts";
import { intersectionOverUnion, type Box } from "../../src/shared/geometry.ts";
import { lackOf, ROOT, runTraining } from "./find-python.ts";

const skip = lackOf("torch", "safetensors", "onnx", "onnxruntime", "PIL");

const folder = mkdtempSync(join(tmpdir(), "florence-finetune-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const EXAMPLE = join(ROOT, "examples/new-thing");

interface Found {
  readonly label: string;
  readonly box: Box;
}

/** What `detect` tells of photos, without a minimum of our own. */
async function detect(
  bundle: string,
  photos: readonly string[],
): Promise<Found[][]> {
  const loaded = await openBundle(bundle);
  try {
    const all: Found[][] = [];
    for (const photo of photos) {
      const request = { tasks: [{ task: "detect" }] };
      const { results } = await analyzeFile(loaded, photo, request);
      all.push((results[0] as unknown as { objects: Found[] }).objects);
    }
    return all;
  } finally {
    await loaded.model.dispose();
  }
}

test(
  "ten photos teach a new thing, and the old ones stay",
  { skip },
  async () => {
    const taught = join(folder, "taught");
    const { code, stdout, stderr } = await runTraining("finetune.py", [
      ...["--photos", join(EXAMPLE, "photos"), "--out", taught],
      ...["--labels", join(EXAMPLE, "labels.jsonl"), "--threads", "1"],
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /10 photos with 10 things \(starfish\)/u);
    const bundle = join(folder, "bundle");
    await convertCheckpoint(taught, { out: bundle, precision: "int8" });

    const unseen = join(EXAMPLE, "photos/starfish-0044.jpg");
    const truth = { x_min: 45, y_min: 22, x_max: 206, y_max: 176 };
    const [found] = await detect(bundle, [unseen]);
    const best = found!.find(({ label }) => label === "starfish");
    assert.ok(best, JSON.stringify(found));
    assert.ok(intersectionOverUnion(best.box, truth) > 0.5);
    const [before] = await detect(MODEL_IN_THE_BOX, [unseen]);
    assert.ok(before!.every(({ label }) => label !== "starfish"));

    const old = ["surfer", "cake-and-coffee", "street"].map((name) =>
      join(ROOT, `examples/photos/${name}.jpg`),
    );
    const now = await detect(bundle, old);
    const then = await detect(MODEL_IN_THE_BOX, old);
    const labels = (all: Found[][]) =>
      all.map((each) => each.map(({ label }) => label));
    assert.deepEqual(labels(now), labels(then));
  },
);
