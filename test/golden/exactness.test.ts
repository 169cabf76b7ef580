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
  clearMismatches,
  describeExactness,
  measureExactness,
} from "./measure-exactness.ts";

/**
 * Largest difference of a log-probability, 0.01 elsewhere. Set above what was
 * measured (0.012 and 0.024), not derived: with these weights differences grow
 * along the answer.
 */
const LOG_PROB_LIMITS: Readonly<Record<string, number>> = {
  "original-tied-float16": 0.02,
  "long-native-float16": 0.03,
};

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
      for (const { answer, searchesToTie } of result.mismatches) {
        context.diagnostic(
          `${recipe}, ${golden.prompts[answer.prompt]!.task}, ${answer.beams} beams, ${answer.stable ? "stable" : "not stable"}: parts from the reference ${searchesToTie === null ? "for good" : `at a near tie (${searchesToTie} searches)`}`,
        );
      }
      assert.deepEqual(clearMismatches(result), []);
      assert.equal(result.batches.same, result.batches.of);
      // A near tie is an exception, not a way to pass.
      const parted = result.stable.of - result.stable.same;
      assert.ok(parted <= 0.01 * result.stable.of, `${parted} answers part`);
      assert.ok(result.logProbDifference < (LOG_PROB_LIMITS[recipe] ?? 0.01));
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

test("does not take a wrong answer for a near tie", async () => {
  const whole = readGolden("tiny-native");
  const wrong = whole.answers
    .filter(({ beams, log_probs: known }) => known !== undefined && beams === 1)
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
    assert.equal(clearMismatches(result).length, 1);
  } finally {
    await loaded.model.dispose();
  }
});
