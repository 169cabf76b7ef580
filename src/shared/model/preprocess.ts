// From pixels to the tensor a network takes.

import { letterboxImage } from "../image/letterbox-image.ts";
import {
  freePixels,
  resizeBicubic,
  type ResizePasses,
} from "../image/resize-bicubic.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import type { ImageInputSpec } from "./manifest.ts";

/**
 * Resizes images and writes them as `(x - mean) / std`, channel by channel.
 *
 * The aspect ratio is not kept when stretching: locations are relative to each
 * axis. Source: CLIPImageProcessor with Florence-2's preprocessor_config.json.
 *
 * @param size side in pixels.
 * @param passes as `resizeBicubic` takes them.
 * @returns `[B, 3, size, size]`; peak memory 15 bytes a pixel of it.
 */
export function preprocess(
  images: readonly RgbImage[],
  input: ImageInputSpec,
  size: number,
  passes?: ResizePasses,
): Float32Array {
  const plane = size * size;
  const tensor = new Float32Array(images.length * 3 * plane); // [B, 3, S, S]
  const channels = input.order === "rgb" ? [0, 1, 2] : [2, 1, 0];
  for (const [index, image] of images.entries()) {
    const resized =
      input.resize === "letterbox"
        ? letterboxImage(image, size, input.pad ?? 0, passes)
        : resizeBicubic(image, size, size, passes);
    const { data } = resized;
    for (const [position, channel] of channels.entries()) {
      const mean = input.mean[position]!;
      const scale = 1 / input.std[position]!;
      const start = (index * 3 + position) * plane;
      for (let pixel = 0, at = channel; pixel < plane; pixel += 1, at += 3) {
        tensor[start + pixel] = (data[at]! - mean) * scale;
      }
    }
    if (resized !== image) freePixels(resized);
  }
  return tensor;
}
