// Token for token against the reference: features, encoder output, logits and
// answers of random-weight checkpoints of the true architecture.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openBundle } from "../../src/node/open-bundle.ts";
import {
  GOLDEN_RECIPES,
  goldenBundle,
  readGolden,
  readGoldenPhotos,
} from "./golden-bundle.ts";
import {
  stableMismatches,
  describeExactness,
  measureExactness,
} from "./measure-exactness.ts";

for (const recipe of GOLDEN_RECIPES) {
  test(`answers as the reference does: ${recipe}`, async (context) => {
    const golden = readGolden(recipe);
    const loaded = await openBundle(await goldenBundle(recipe));
    try {
      const photos = await readGoldenPhotos(golden, "png");
      const result = await measureExactness(loaded, golden, photos);
      context.diagnostic(describeExactness(result));
      for (const {
        photo,
        tensor,
        difference,
        tolerance,
      } of result.differences) {
        assert.ok(
          difference <= tolerance,
          `${tensor} of ${photo}: ${difference} standard deviations, ${tolerance} allowed`,
        );
      }
      assert.deepEqual(stableMismatches(result), []);
      // Most answers must be asked for: a golden of near ties shows little.
      assert.ok(result.stable.of >= 0.7 * golden.answers.length);
      assert.equal(result.batches.same, result.batches.of);
      const { difference, tolerance } = result.logProbs;
      assert.ok(difference <= tolerance, `log-probabilities: ${difference}`);
    } finally {
      await loaded.model.dispose();
    }
  });
}

test("answers from the JPEG of a photo, agreement printed", async (context) => {
  const golden = readGolden("tiny-native");
  const loaded = await openBundle(await goldenBundle("tiny-native"));
  try {
    const photos = await readGoldenPhotos(golden, "jpg");
    const result = await measureExactness(loaded, golden, photos, false);
    context.diagnostic(`JPEG: ${describeExactness(result)}`);
    // No floor: random weights enlarge a level of difference in a pixel. That
    // every answer was given is what is tested.
    assert.equal(result.stable.of + result.unstable.of, golden.answers.length);
  } finally {
    await loaded.model.dispose();
  }
});

test("finds a wrong answer", async () => {
  const whole = readGolden("tiny-native");
  const wrong = whole.answers
    .filter(({ beams, stable }) => stable && beams === 1)
    .slice(0, 1)
    .map(({ ids, ...rest }) => ({
      ...rest,
      ids: ids.with(2, ids[2] === 100 ? 101 : 100),
    }));
  const golden = { ...whole, answers: wrong, batches: [] };
  const loaded = await openBundle(await goldenBundle("tiny-native"));
  try {
    const photos = await readGoldenPhotos(whole, "png");
    const result = await measureExactness(
      loaded,
      { ...golden, tensors: whole.tensors.slice(0, 1) },
      photos,
    );
    assert.equal(stableMismatches(result).length, 1);
  } finally {
    await loaded.model.dispose();
  }
});
