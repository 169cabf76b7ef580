import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { resizeBicubic } from "../../../../src/shared/image/resize-bicubic.ts";
import type { RgbImage } from "../../../../src/shared/image/rgb-image.ts";
import { openPasses } from "../../../../src/shared/model/edge/resize-passes.ts";
import { openArena, readModules } from "../../../kernels/arena.ts";
import { random } from "../../../kernels/random.ts";

const { variant } = (await openArena()).kernels;
/** Sides around the bounds of vectors, taps and bands. */
const SIDES = [1, 2, 3, 5, 8, 17, 64, 99, 260, 512, 1500];
const CASES = 150;

/** Pictures of few grey levels, most of them at the ends, overshoot most. */
function picture(width: number, height: number, seed: number): RgbImage {
  const source = random(seed);
  const data = Uint8Array.from({ length: width * height * 3 }, () =>
    source.pick([0, 0, 255, 255, source.whole(0, 255)]),
  );
  return { width, height, data };
}

for (const shared of [false, true]) {
  for (const name of new Set([variant, "plain"] as const)) {
    test(`${shared ? "shared " : ""}${name} kernels resize as JavaScript does, bit for bit`, async () => {
      const modules = await readModules(shared);
      const passes = await openPasses(modules[name], shared);
      const source = random(7);
      for (let at = 0; at < CASES; at += 1) {
        const side = (): number => source.pick(SIDES);
        const image = picture(side(), at % 10 === 0 ? side() : source.whole(1, 80), at); // prettier-ignore
        const [width, height] = [source.whole(1, 300), source.whole(1, 90)];
        deepEqual(
          resizeBicubic(image, width, height, passes),
          resizeBicubic(image, width, height),
          `${image.width}x${image.height} to ${width}x${height}`,
        );
      }
    });
  }
}

test("resizes what is longer than a band", async () => {
  const passes = await openPasses((await readModules())[variant], false);
  const long = picture(16_000, 40, 1);
  const high = picture(40, 16_000, 2);
  for (const image of [long, high]) {
    deepEqual(
      resizeBicubic(image, 32, 32, passes),
      resizeBicubic(image, 32, 32),
    );
  }
});
