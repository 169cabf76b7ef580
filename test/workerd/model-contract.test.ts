// The contract of the model wall, and goldens of the reference, inside workerd: on
// ONNX Runtime and on the kernels.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PHOTO } from "../http/bad-images.ts";
import { MODEL_CONTRACT } from "../contract/model-contract.ts";
import { readGolden } from "../golden/golden-bundle.ts";
import {
  stableMismatches,
  describeExactness,
  type ModelGolden,
} from "../golden/measure-exactness.ts";
import { startGoldenWorker, type GoldenWorker } from "./golden-worker.ts";

/** On which backend each small bundle runs. */
const BUNDLES = {
  "tiny-native": "ONNX Runtime",
  "tiny-native-edge": "the kernels",
} as const;

/**
 * Share of each golden's answers that is tried here, to keep the time at
 * bay; `bench/edge/exactness.ts` tries all of all recipes.
 */
const RECIPES: Readonly<Record<string, number>> = {
  "tiny-native": 1,
  "original-tied-float16": 1 / 10,
  "original-sharded-bfloat16": 1 / 10,
  "long-native-float16": 1 / 10,
};

let worker: GoldenWorker;

before(async () => {
  worker = await startGoldenWorker(Object.keys(RECIPES), ["tiny-native"]);
});
after(() => worker.close());

for (const [bundle, backend] of Object.entries(BUNDLES)) {
  for (const [index, { name }] of MODEL_CONTRACT.entries()) {
    test(`in workerd, a model on ${backend} ${name}`, async () => {
      const path = `/bundles/${bundle}/cases/${index}`;
      const response = await worker.fetch(path, { method: "POST" });
      assert.equal(response.status, 200, await response.clone().text());
    });
  }
}

test("in workerd, a runtime that died is replaced under the request", async () => {
  const response = await worker.fetch("/bundles/tiny-native/replaced", {
    method: "POST",
    body: PHOTO,
  });
  assert.equal(response.status, 200, await response.clone().text());
  const { text, told, opened, disposed } = (await response.json()) as {
    readonly text: string;
    readonly told: string;
    readonly opened: number;
    readonly disposed: number;
  };
  assert.equal(told, text);
  assert.ok(disposed > 0);
  assert.equal(opened, 2 * disposed);
});

const MEASURED = [
  ...Object.entries(RECIPES).map(
    ([recipe, share]) => [recipe, recipe, share] as const,
  ),
  ["tiny-native-edge", "tiny-native", 1 / 8] as const,
];

for (const [bundle, recipe, share] of MEASURED) {
  test(`in workerd, answers as the reference does: ${bundle}`, async (context) => {
    const golden = someOf(readGolden(recipe), share);
    const result = await worker.measure(golden, bundle);
    context.diagnostic(describeExactness(result));
    for (const { photo, tensor, difference, tolerance } of result.differences) {
      assert.ok(
        difference <= tolerance,
        `${tensor} of ${photo}: ${difference} standard deviations, ${tolerance} allowed`,
      );
    }
    assert.equal(result.stable.of + result.unstable.of, golden.answers.length);
    assert.deepEqual(stableMismatches(result), []);
    assert.equal(result.batches.same, result.batches.of);
  });
}

/** Evenly spaced answers of a golden, the rest of it whole. */
function someOf(golden: ModelGolden, share: number): ModelGolden {
  const step = Math.round(1 / share);
  const answers = golden.answers.filter((_, index) => index % step === 0);
  return { ...golden, answers };
}
