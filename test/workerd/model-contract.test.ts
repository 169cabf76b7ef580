// The contract of the model wall, and goldens of the reference, inside workerd.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  describeExactness,
  type Exactness,
  type ModelGolden,
} from "../golden/measure-exactness.ts";
import { MODEL_CONTRACT } from "../contract/model-contract.ts";
import { writeRandomBundle } from "./random-bundle.ts";
import { serveFolder, type FileServer } from "./file-server.ts";
import { startContractWorker, type WorkerProcess } from "./worker-process.ts";

/** Both namings and both window schemes, small; Node runs all recipes. */
const RECIPES = ["tiny-native", "original-sharded-bfloat16"];

const GOLDEN = new URL("../golden/", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "florence-workerd-"));
let files: FileServer;
let worker: WorkerProcess;

before(async () => {
  for (const recipe of RECIPES) {
    await writeRandomBundle(recipe, join(folder, recipe));
  }
  cpSync(new URL("photos", GOLDEN), join(folder, "photos"), {
    recursive: true,
  });
  files = await serveFolder(folder);
  worker = await startContractWorker(files.url);
});
after(async () => {
  await worker.close();
  files.close();
  rmSync(folder, { recursive: true });
});

for (const [index, { name }] of MODEL_CONTRACT.entries()) {
  test(`in workerd, a model ${name}`, async () => {
    const path = `/bundles/${RECIPES[0]!}/cases/${index}`;
    const response = await worker.fetch(path, { method: "POST" });
    assert.equal(response.status, 200, await response.clone().text());
  });
}

for (const recipe of RECIPES) {
  test(`in workerd, ${recipe} gives the reference's numbers and tokens`, async (t) => {
    const path = new URL(`models/${recipe}.json`, GOLDEN);
    const golden = JSON.parse(readFileSync(path, "utf8")) as ModelGolden;
    const response = await worker.fetch(`/bundles/${recipe}/exactness`, {
      method: "POST",
      body: JSON.stringify(golden),
    });
    assert.equal(response.status, 200, await response.clone().text());
    const measured = (await response.json()) as Exactness;
    t.diagnostic(describeExactness(measured));
    for (const {
      tensor,
      photo,
      difference,
      tolerance,
    } of measured.differences) {
      assert.ok(
        difference <= tolerance,
        `${tensor} of ${photo} is off by ${difference}, tolerance ${tolerance}`,
      );
    }
    assert.equal(measured.stable.same, measured.stable.of);
    assert.equal(measured.batches.same, measured.batches.of);
  });
}
