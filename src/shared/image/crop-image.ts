// Cuts a box out of a picture.

import type { Box, ImageSize } from "../geometry.ts";
import type { RgbImage } from "./rgb-image.ts";

/**
 * The part of a picture under a box, as a copy.
 *
 * @param box in pixels of `image`.
 */
export function cropImage(image: RgbImage, box: Box): RgbImage {
  const { x_min: left, y_min: top, ...end } = cropCorners(image, box);
  const [width, height] = [end.x_max - left, end.y_max - top];
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row += 1) {
    const from = ((top + row) * image.width + left) * 3;
    data.set(image.data.subarray(from, from + width * 3), row * width * 3);
  }
  return { width, height, data };
}

/**
 * What `cropImage` takes: every pixel the box touches, at least one, none
 * outside the picture.
 */
export function cropCorners(image: ImageSize, box: Box): Box {
  const clamp = (value: number, low: number, high: number): number =>
    Math.min(high, Math.max(low, value));
  const left = clamp(Math.floor(box.x_min), 0, image.width - 1);
  const top = clamp(Math.floor(box.y_min), 0, image.height - 1);
  return {
    x_min: left,
    y_min: top,
    x_max: clamp(Math.ceil(box.x_max), left + 1, image.width),
    y_max: clamp(Math.ceil(box.y_max), top + 1, image.height),
  };
}
