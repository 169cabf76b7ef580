// Small pictures for pages that are sent around: RGB pixels as WebP.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import encode, { init } from "@jsquash/webp/encode.js";
import type { RgbImage } from "../shared/image/rgb-image.ts";

let ready: Promise<unknown> | null = null;

/** The encoder with SIMD, which every Node that runs this has. */
async function load(): Promise<void> {
  const file = import.meta
    .resolve("@jsquash/webp/codec/enc/webp_enc_simd.wasm");
  await init(await WebAssembly.compile(await readFile(fileURLToPath(file))));
}

/**
 * Encodes a picture, lossy.
 *
 * @param quality 0 to 100.
 */
export async function encodeWebp(
  image: RgbImage,
  quality: number,
): Promise<Uint8Array> {
  ready ??= load();
  await ready;
  const { width, height, data } = image;
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    rgba.set(data.subarray(3 * pixel, 3 * pixel + 3), 4 * pixel);
    rgba[4 * pixel + 3] = 255;
  }
  const colorSpace = "srgb";
  const pixels = { width, height, data: rgba, colorSpace } as const;
  return new Uint8Array(await encode(pixels, { quality }));
}
