// Pixels to WebP, by libwebp's WebAssembly.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import encode, { init } from "@jsquash/webp/encode.js";
import type { RgbImage } from "../../shared/image/rgb-image.ts";

let starting: Promise<unknown> | null = null;

/**
 * Writes a picture as lossy WebP. Peak memory: three times the picture.
 *
 * @param quality 0 to 100.
 */
export async function encodeWebp(
  { width, height, data }: RgbImage,
  quality: number,
): Promise<Uint8Array> {
  // The library fetches its file over HTTP unless it is given.
  starting ??= compile().then((module) => init(module));
  await starting;
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    rgba[to] = data[from]!;
    rgba[to + 1] = data[from + 1]!;
    rgba[to + 2] = data[from + 2]!;
    rgba[to + 3] = 255;
  }
  const pixels = { width, height, data: rgba, colorSpace: "srgb" } as const;
  return new Uint8Array(await encode(pixels, { quality }));
}

async function compile(): Promise<WebAssembly.Module> {
  const specifier = "@jsquash/webp/codec/enc/webp_enc_simd.wasm";
  const path = fileURLToPath(import.meta.resolve(specifier));
  return WebAssembly.compile(await readFile(path));
}
