// Fits a picture into a square without changing its aspect ratio.

import { freeMemory } from "../free-memory.ts";
import { resizeBicubic, type ResizePasses } from "./resize-bicubic.ts";
import type { RgbImage } from "./rgb-image.ts";

/**
 * Scales a picture so that its longer side is `side` and pastes it at the top
 * left of a square filled with `pad`.
 *
 * The scaled size is `trunc(width * r)` by `trunc(height * r)`, at least 1, with
 * `r = min(side / width, side / height)`.
 *
 * @param pad grey level of what stays empty, 0..255.
 * @param passes as `resizeBicubic` takes them.
 */
export function letterboxImage(
  image: RgbImage,
  side: number,
  pad: number,
  passes?: ResizePasses,
): RgbImage {
  const ratio = Math.min(side / image.width, side / image.height);
  const width = Math.max(1, Math.trunc(image.width * ratio));
  const height = Math.max(1, Math.trunc(image.height * ratio));
  const scaled = resizeBicubic(image, width, height, passes);
  if (width === side && height === side) return scaled;

  const data = new Uint8Array(side * side * 3); // [side, side, 3]
  if (pad !== 0) data.fill(pad);
  for (let row = 0; row < height; row += 1)
    data.set(
      scaled.data.subarray(row * width * 3, (row + 1) * width * 3),
      row * side * 3,
    );
  if (scaled !== image) freeMemory(scaled.data);
  return { width: side, height: side, data };
}
