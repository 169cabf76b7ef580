// Sums and scales between tensors of one shape.

import { copyFloats } from "./copy";

/**
 * x += y: a residual. `[count]` f32 each; count a multiple of 4.
 */
export function addInto(x: usize, y: usize, count: i32): void {
  const end = x + ((<usize>count) << 2);
  for (; x < end; x += 16) {
    v128.store(x, f32x4.add(v128.load(x), v128.load(y)));
    y += 16;
  }
}

/**
 * x *= scale of its channel, as squeeze-and-excitation does.
 *
 * @param x `[rows, channels]` f32, `stride` bytes from row to row; channels a
 *   multiple of 4.
 * @param scale `[channels]` f32.
 */
export function scaleChannels(
  x: usize,
  stride: usize,
  rows: i32,
  channels: i32,
  scale: usize,
): void {
  const bytes: usize = (<usize>channels) << 2;
  for (let row = 0; row < rows; row++) {
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(x + at, f32x4.mul(v128.load(x + at), v128.load(scale + at)));
    }
    x += stride;
  }
}

/**
 * Copies rows between strides: one input of a concatenation over channels.
 *
 * @param from `[rows, channels]` f32, `to` `[rows, channels]` f32; strides in
 *   bytes; channels a multiple of 4.
 */
export function copyRows(
  from: usize,
  strideFrom: usize,
  rows: i32,
  channels: i32,
  to: usize,
  strideTo: usize,
): void {
  for (let row = 0; row < rows; row++) {
    copyFloats(to, from, (<usize>channels) << 2);
    from += strideFrom;
    to += strideTo;
  }
}
