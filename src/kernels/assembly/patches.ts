// Convolutions as products: each output pixel becomes a row that holds what its
// filter sees. Rows are made a few at a time, so the image is never copied whole.

import { copyFloats, zeroFloats } from "./copy";

/**
 * Writes the rows of `count` output pixels, from `first` on in row-major order.
 *
 * What a filter sees outside the image is 0, and so is the end of a row up to
 * `k`. The weights of the product are `[out, (y, x, channel)]`.
 *
 * @param x `[height, width, channels]` f32.
 * @param to `[count, k]` f32; k at least size * size * channels.
 */
export function gatherPatches(
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  size: i32,
  stride: i32,
  padTop: i32,
  padLeft: i32,
  outWidth: i32,
  first: i32,
  count: i32,
  k: i32,
  to: usize,
): void {
  const pixel: usize = (<usize>channels) << 2;
  const line: usize = pixel * size;
  const rest: usize = ((<usize>k) << 2) - line * size;
  for (let at = first; at < first + count; at++) {
    const top = (at / outWidth) * stride - padTop;
    const left = (at % outWidth) * stride - padLeft;
    const from = max(0, -left);
    const inside = max(0, min(size, width - left) - from);
    const before: usize = pixel * from;
    const run: usize = pixel * inside;
    for (let row = top; row < top + size; row++) {
      if (row < 0 || row >= height) {
        zeroFloats(to, line);
      } else {
        zeroFloats(to, before);
        copyFloats(to + before, x + pixel * (row * width + left + from), run);
        zeroFloats(to + before + run, line - before - run);
      }
      to += line;
    }
    zeroFloats(to, rest);
    to += rest;
  }
}

/**
 * The second half of a transposed 2x2 convolution of stride 2: its first half
 * is a product whose rows hold the 4 output pixels of each input pixel.
 *
 * @param x `[height, width, 2, 2, channels]` f32; channels a multiple of 4.
 * @param y `[2 height, 2 width, channels]` f32.
 */
export function scatter2x2(
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  y: usize,
): void {
  const pair: usize = (<usize>channels) << 3;
  const line: usize = pair * width;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      copyFloats(y, x, pair);
      copyFloats(y + line, x + pair, pair);
      x += pair << 1;
      y += pair;
    }
    y += line;
  }
}
