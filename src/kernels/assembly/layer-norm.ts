// LayerNorm over the channels of each row.

import { madd, sumLanes } from "./lanes";

/**
 * y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, row by row.
 *
 * @param x `[rows, width]` f32, `strideX` bytes from row to row; width a
 *   multiple of 4.
 * @param gamma `[width]` f32, `beta` `[width]` f32.
 * @param y `[rows, width]` f32, `strideY` bytes from row to row; may be x.
 */
export function layerNorm(
  x: usize,
  strideX: usize,
  rows: i32,
  width: i32,
  gamma: usize,
  beta: usize,
  epsilon: f32,
  y: usize,
  strideY: usize,
): void {
  const bytes: usize = (<usize>width) << 2;
  for (let row = 0; row < rows; row++) {
    const mean = sumOf(x, bytes) / <f32>width;
    const center = f32x4.splat(mean);
    const variance = squaresOf(x, bytes, center) / <f32>width;
    const factor = f32x4.splat(<f32>1 / sqrt<f32>(variance + epsilon));
    for (let at: usize = 0; at < bytes; at += 16) {
      const normal = f32x4.mul(f32x4.sub(v128.load(x + at), center), factor);
      v128.store(
        y + at,
        madd(normal, v128.load(gamma + at), v128.load(beta + at)),
      );
    }
    x += strideX;
    y += strideY;
  }
}

function sumOf(x: usize, bytes: usize): f32 {
  let a = f32x4.splat(0);
  let b = a;
  const end = x + bytes;
  for (; x + 32 <= end; x += 32) {
    a = f32x4.add(a, v128.load(x));
    b = f32x4.add(b, v128.load(x, 16));
  }
  if (x < end) a = f32x4.add(a, v128.load(x));
  return sumLanes(f32x4.add(a, b));
}

function squaresOf(x: usize, bytes: usize, center: v128): f32 {
  let a = f32x4.splat(0);
  let b = a;
  const end = x + bytes;
  for (; x + 32 <= end; x += 32) {
    const c = f32x4.sub(v128.load(x), center);
    const d = f32x4.sub(v128.load(x, 16), center);
    a = madd(c, c, a);
    b = madd(d, d, b);
  }
  if (x < end) {
    const c = f32x4.sub(v128.load(x), center);
    a = madd(c, c, a);
  }
  return sumLanes(f32x4.add(a, b));
}
