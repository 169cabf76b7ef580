import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import type { RgbImage } from "../../../src/shared/image/rgb-image.ts";
import type { ImageInputSpec } from "../../../src/shared/model/manifest.ts";
import {
  preprocess,
  preprocessInto,
} from "../../../src/shared/model/preprocess.ts";
import { openPasses } from "../../../src/shared/model/edge/resize-passes.ts";
import { readModules } from "../../kernels/arena.ts";

const SIZE = 24;
const passes = await openPasses((await readModules()).plain, false);

function picture(width: number, height: number): RgbImage {
  const data = Uint8Array.from(
    { length: width * height * 3 },
    (_, at) => (at * 7919) % 251,
  );
  return { width, height, data };
}

const stretched: ImageInputSpec = {
  size: SIZE,
  resize: "stretch",
  order: "rgb",
  mean: [123.675, 116.28, 103.53],
  std: [58.395, 57.12, 57.375],
};
const letterboxed: ImageInputSpec = {
  ...stretched,
  resize: "letterbox",
  order: "bgr",
  pad: 114,
};

for (const [name, input] of Object.entries({ stretched, letterboxed })) {
  test(`pixel by pixel a ${name} picture has the values it has in planes`, () => {
    // The last one is taken as it is, and must stay.
    for (const image of [picture(40, 30), picture(7, 9), picture(SIZE, SIZE)]) {
      const planes = preprocess([image], input, SIZE);
      const pixels = new Float32Array(planes.length);
      preprocessInto(image, input, SIZE, passes, pixels);
      const turned = pixels.map((_, at) => {
        const [pixel, channel] = [Math.floor(at / 3), at % 3];
        return planes[channel * SIZE * SIZE + pixel]!;
      });
      deepEqual(pixels, turned);
      deepEqual(image, picture(image.width, image.height));
    }
  });
}
