// Cuts a box out of a picture.

import type { Box } from "../geometry.ts";
import type { RgbImage } from "./rgb-image.ts";

/**
 * The part of a picture under a box, as a copy: every pixel the box touches,
 * at least one, none outside the picture.
 *
 * @param box in pixels of `image`.
 */
export function cropImage(image: RgbImage, box: Box): RgbImage {
  const clamp = (value: number, low: number, high: number): number =>
    Math.min(high, Math.max(low, value));
  const left = clamp(Math.floor(box.x_min), 0, image.width - 1);
  const top = clamp(Math.floor(box.y_min), 0, image.height - 1);
  const right = clamp(Math.ceil(box.x_max), left + 1, image.width);
  const bottom = clamp(Math.ceil(box.y_max), top + 1, image.height);

  const [width, height] = [right - left, bottom - top];
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row += 1) {
    const from = ((top + row) * image.width + left) * 3;
    data.set(image.data.subarray(from, from + width * 3), row * width * 3);
  }
  return { width, height, data };
}
