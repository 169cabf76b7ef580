import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { convertCheckpoint } from "../../../src/convert/index.ts";
import { watchLayers } from "../../../src/convert/edge/calibrate.ts";
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

  const vision = await watchLayers(out, [PHOTO], "vision");
  const all = await watchLayers(out, [PHOTO]);
  assert.ok(vision.size > 0);
  assert.ok(all.size > vision.size);
  for (const [name, gram] of all) {
    const isSeen = name.startsWith("model.vision_tower.");
    assert.equal(vision.has(name), isSeen, name);
    if (isSeen) assert.deepEqual(vision.get(name)!.sums, gram.sums, name);
  }
});
