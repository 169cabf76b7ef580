// The test that a backend must pass in a page, run in Node: it knows no browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { whatDiffers } from "../../src/browser/self-test.ts";
import { openBundle } from "../../src/node/open-bundle.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import { goldenBundle } from "../golden/golden-bundle.ts";
import { openGolden } from "../shared/model/edge/open-golden.ts";

const RECIPE = "tiny-native";
let reference: LoadedModel;

before(async () => {
  reference = await openBundle(await goldenBundle(RECIPE));
});
after(() => reference.model.dispose());

test("another backend of the same model differs in nothing", async () => {
  const kernels = await openGolden(RECIPE, "f32");
  assert.equal(await whatDiffers(kernels, reference), null);
});

test("a backend whose vision is wrong is found out", async () => {
  const { model } = reference;
  const wrong: LoadedModel = {
    ...reference,
    model: {
      ...model,
      async encode(images, options) {
        const all = await model.encode(images, options);
        return all.map((one) => ({ ...one, data: one.data.map((x) => -x) }));
      },
    },
  };
  const difference = await whatDiffers(wrong, reference);
  assert.match(difference ?? "", /^its ids are [\d ]+, those of wasm [\d ]+$/u);
});

test("hints that differ are found out", async () => {
  const { model } = reference;
  const wrong: LoadedModel = {
    ...reference,
    model: {
      ...model,
      async encode(images, options) {
        const all = await model.encode(images, options);
        return all.map((one) => ({ ...one, hintIds: [7] }));
      },
    },
  };
  const difference = await whatDiffers(wrong, reference);
  assert.match(difference ?? "", /^its hints are 7/u);
});
