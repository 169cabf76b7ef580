import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { convertCheckpoint } from "../../../src/convert/index.ts";
import {
  isOfVision,
  watchLayers,
} from "../../../src/convert/edge/calibrate.ts";
import {
  describeEdgeModel,
  roundedMatrices,
} from "../../../src/convert/edge/pack-checkpoint.ts";
import { openCheckpoint } from "../../../src/convert/checkpoint.ts";
import type { RgbImage } from "../../../src/shared/image/rgb-image.ts";
import { temporaryFolder } from "../../data-engine/temporary-folder.ts";
import { loadRecipe, writeRandomCheckpoint } from "../../golden/random-checkpoint.ts"; // prettier-ignore

const SIDE = 48;
const PHOTO: RgbImage = {
  width: SIDE,
  height: SIDE,
  data: Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, at) => (at * 37) % 251), // prettier-ignore
};

test("photos are seen, and answered about only where texts are watched too", async (t) => {
  const folder = await temporaryFolder(t);
  const checkpoint = join(folder, "checkpoint");
  const out = join(folder, "exact");
  writeRandomCheckpoint(checkpoint, loadRecipe("tiny-native"));
  const edge = { rest: "f32" } as const;
  await convertCheckpoint(checkpoint, { out, precision: "edge", edge });

  const described = describeEdgeModel(await openCheckpoint(checkpoint), {
    rest: "int8",
  });
  const rounded = roundedMatrices(described);
  const seen = rounded.filter(isOfVision);
  const vision = await watchLayers(out, [PHOTO], new Set(seen));
  const all = await watchLayers(out, [PHOTO], new Set(rounded));
  assert.ok(vision.size > 0);
  assert.deepEqual([...vision.keys()].sort(), seen.toSorted());
  assert.ok(all.size > vision.size);
  for (const [name, gram] of all) {
    assert.equal(vision.has(name), isOfVision(name), name);
    if (isOfVision(name)) assert.deepEqual(vision.get(name), gram, name);
    assert.ok(gram.rows > 0, name);
    for (const [at, total] of gram.totals.entries()) {
      const square = gram.sums[at * gram.size + at]!;
      // Cauchy and Schwarz: (1 x)^2 is at most (1 1) (x x).
      assert.ok(total ** 2 <= gram.rows * square * (1 + 1e-6) + 1e-12, name);
      assert.equal(gram.sums[at], gram.sums[at * gram.size], name);
    }
  }
});
