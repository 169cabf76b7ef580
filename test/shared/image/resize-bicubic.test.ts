import assert from "node:assert/strict";
import { test } from "node:test";
import { loadImageCodecs } from "../../../src/node/image-codecs.ts";
import { decodeImage } from "../../../src/shared/image/decode-image.ts";
import { letterboxImage } from "../../../src/shared/image/letterbox-image.ts";
import { resizeBicubic } from "../../../src/shared/image/resize-bicubic.ts";
import type { RgbImage } from "../../../src/shared/image/rgb-image.ts";
import { imageData, imageJson, sha256 } from "./image-data.ts";

type Size = readonly [number, number];
interface Goldens {
  readonly resizes: readonly {
    readonly image: "noise" | "photo";
    readonly from: Size;
    readonly to: Size;
    readonly sha256: string;
  }[];
  readonly letterboxes: readonly {
    readonly from: Size;
    readonly side: number;
    readonly pad: number;
    readonly sha256: string;
  }[];
}

const codecs = await loadImageCodecs();
const decode = async (name: string): Promise<RgbImage> =>
  (await decodeImage(imageData(name), codecs, { limits: { minSide: 1 } }))
    .image;
const photo = await decode("source.png");
const goldens = imageJson("resize.json") as Goldens;

/** The same bytes as `noise` of `make_images.py`. */
function noise([width, height]: Size): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let index = 0; index < data.length; index += 1) {
    const mixed = Math.imul(index, 2654435761);
    data[index] = Math.imul(mixed ^ (mixed >>> 15), 2246822519) >>> 24;
  }
  return { width, height, data };
}

for (const { image, from, to, sha256: expected } of goldens.resizes) {
  test(`resizes ${image} ${from.join("x")} to ${to.join("x")} bit for bit as Pillow`, () => {
    const input = image === "photo" ? photo : noise(from);
    const resized = resizeBicubic(input, ...to);
    assert.deepEqual([resized.width, resized.height], to);
    assert.equal(sha256(resized.data), expected);
  });
}

test("resizes a photo to the very pixels kept beside it", async () => {
  const expected = await decode("source-53x31.png");
  assert.deepEqual(resizeBicubic(photo, 53, 31), expected);
});

test("gives back the same picture at the same size, and never changes it", () => {
  const before = sha256(photo.data);
  assert.equal(resizeBicubic(photo, photo.width, photo.height), photo);
  resizeBicubic(photo, 10, 10);
  assert.equal(sha256(photo.data), before);
});

for (const { from, side, pad, sha256: expected } of goldens.letterboxes) {
  test(`letterboxes ${from.join("x")} into ${side} as Pillow's resize and paste`, () => {
    const square = letterboxImage(noise(from), side, pad);
    assert.deepEqual([square.width, square.height], [side, side]);
    assert.equal(sha256(square.data), expected);
  });
}
