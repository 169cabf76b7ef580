// From pixels to the tensor a network takes.

import { freeMemory } from "../free-memory.ts";
import { letterboxImage } from "../image/letterbox-image.ts";
import { resizeBicubic, type ResizePasses } from "../image/resize-bicubic.ts";
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
  for (const [index, image] of images.entries()) {
    const start = index * 3 * plane;
    const own = tensor.subarray(start, start + 3 * plane);
    writeValues(image, input, size, passes, own, plane, 1);
  }
  return tensor;
}

/**
 * The same of one image, pixel by pixel, into a place that is there already.
 *
 * @param to `[size, size, 3]`.
 */
export function preprocessInto(
  image: RgbImage,
  input: ImageInputSpec,
  size: number,
  passes: ResizePasses,
  to: Float32Array,
): void {
  writeValues(image, input, size, passes, to, 1, 3);
}

/** Values of one image, so far from channel to channel and pixel to pixel. */
function writeValues(
  image: RgbImage,
  input: ImageInputSpec,
  size: number,
  passes: ResizePasses | undefined,
  to: Float32Array,
  channelStep: number,
  pixelStep: number,
): void {
  const resized =
    input.resize === "letterbox"
      ? letterboxImage(image, size, input.pad ?? 0, passes)
      : resizeBicubic(image, size, size, passes);
  const { data } = resized;
  const channels = input.order === "rgb" ? [0, 1, 2] : [2, 1, 0];
  for (const [position, channel] of channels.entries()) {
    const mean = input.mean[position]!;
    const scale = 1 / input.std[position]!;
    let place = position * channelStep;
    for (let at = channel; at < data.length; at += 3) {
      to[place] = (data[at]! - mean) * scale;
      place += pixelStep;
    }
  }
  if (resized !== image) freeMemory(resized.data);
}
