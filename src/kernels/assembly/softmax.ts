// Softmax over each row.

import { exp, expTwo, firstExp, prepareExp, secondExp } from "./exp";
import { maxLane, sumLanes } from "./lanes";

/**
 * softmax(scale * x), row by row, in place; scale above 0.
 *
 * @param x `[rows, count]` f32, `stride` bytes from row to row. There is room
 *   for `count` rounded up to 4 in a row; what is past `count` becomes 0.
 * @param scratch `expScratch()` bytes.
 */
export function softmax(
  x: usize,
  stride: usize,
  rows: i32,
  count: i32,
  scale: f32,
  scratch: usize,
): void {
  prepareExp(scratch);
  for (let row = 0; row < rows; row++) {
    softmaxRow(x, count, scale, scratch);
    x += stride;
  }
}

/** One row; `scratch` is what `prepareExp` wrote. */
export function softmaxRow(
  x: usize,
  count: i32,
  scale: f32,
  scratch: usize,
): void {
  const last = x + ((<usize>count) << 2);
  const end = x + ((<usize>((count + 3) & ~3)) << 2);
  for (let at = last; at < end; at += 4) store<f32>(at, -Infinity);
  let top = f32x4.splat(-Infinity);
  const factor = f32x4.splat(scale);
  for (let at = x; at < end; at += 16) {
    const a = f32x4.mul(v128.load(at), factor);
    v128.store(at, a);
    top = f32x4.pmax(top, a);
  }
  const most = f32x4.splat(maxLane(top));
  let sum = f32x4.splat(0);
  let at = x;
  for (; at + 16 < end; at += 32) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    expTwo(f32x4.sub(a, most), f32x4.sub(b, most), scratch);
    const p = firstExp(scratch);
    const q = secondExp(scratch);
    v128.store(at, p);
    v128.store(at, q, 16);
    sum = f32x4.add(f32x4.add(sum, p), q);
  }
  if (at < end) {
    const a = exp(f32x4.sub(v128.load(at), most), scratch);
    v128.store(at, a);
    sum = f32x4.add(sum, a);
  }
  for (let at = last; at < end; at += 4) store<f32>(at, 0);
  const share = f32x4.splat(<f32>1 / sumLanes(sum));
  for (let at = x; at < end; at += 16) {
    v128.store(at, f32x4.mul(v128.load(at), share));
  }
}
