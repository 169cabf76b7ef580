// Activations become signed bytes, each row with a scale of its own, laid out
// as the tiles of the products read them.

import { opaque, sumWhole } from "./lanes";

/** What weights of one byte are stored on top of: 0..127 means -64..63. */
export const ZERO_POINT: i32 = 64;

/**
 * Quantizes rows to whole numbers of at most `limit` in magnitude.
 *
 * A row that holds an infinity or NaN gets a scale that makes every product of
 * it NaN.
 *
 * @param x `[rows, k]` f32, `stride` bytes from row to row; k a multiple of 8.
 * @param to `[ceil(rows / height), k / 4, height, 4]` signed bytes; rows that
 *   are missing in the last tile are left as they are.
 * @param scales `[rows]` f32: value = scale * byte.
 * @param starts `[rows]` i32: what the zero point of the weights adds to a sum
 *   of products, negated.
 */
export function quantizeRows(
  x: usize,
  stride: usize,
  rows: i32,
  k: i32,
  height: i32,
  limit: f32,
  to: usize,
  scales: usize,
  starts: usize,
): void {
  const step: usize = (<usize>height) << 2;
  const tile: usize = step * ((<usize>k) >> 2);
  for (let row = 0; row < rows; row++) {
    const at =
      to + <usize>(row / height) * tile + ((<usize>(row % height)) << 2);
    const top = largestMagnitude(x, k);
    store<f32>(scales, top / limit);
    const sum = quantizeRow(x, k, top > 0 ? limit / top : 0, at, step);
    store<i32>(starts, -ZERO_POINT * sum);
    x += stride;
    scales += 4;
    starts += 4;
  }
}

/** The largest magnitude of `[k]` f32; NaN if one is NaN. */
function largestMagnitude(x: usize, k: i32): f32 {
  // Without its sign a float compares as a whole number does, NaN above all.
  const magnitude = i32x4.splat(opaque(0x7fffffff, k));
  let a = i32x4.splat(0);
  let b = i32x4.splat(0);
  const end = x + ((<usize>k) << 2);
  for (; x < end; x += 32) {
    a = i32x4.max_s(a, v128.and(v128.load(x), magnitude));
    b = i32x4.max_s(b, v128.and(v128.load(x, 16), magnitude));
  }
  a = i32x4.max_s(a, b);
  const most = max(
    max(i32x4.extract_lane(a, 0), i32x4.extract_lane(a, 1)),
    max(i32x4.extract_lane(a, 2), i32x4.extract_lane(a, 3)),
  );
  return reinterpret<f32>(most);
}

/** Writes 4 bytes each `step`; gives back their sum. */
function quantizeRow(
  x: usize,
  k: i32,
  inverse: f32,
  to: usize,
  step: usize,
): i32 {
  const factor = f32x4.splat(inverse);
  const one = i16x8.splat(<i16>opaque(1, k));
  let sums = i32x4.splat(0);
  const end = x + ((<usize>k) << 2);
  for (; x < end; x += 32) {
    const whole = i16x8.narrow_i32x4_s(
      nearest(f32x4.mul(v128.load(x), factor)),
      nearest(f32x4.mul(v128.load(x, 16), factor)),
    );
    sums = i32x4.add(sums, i32x4.dot_i16x8_s(whole, one));
    const bytes = i8x16.narrow_i16x8_s(whole, whole);
    v128.store32_lane(to, bytes, 0);
    v128.store32_lane(to + step, bytes, 1);
    to += step << 1;
  }
  return sumWhole(sums);
}

/** The nearest whole numbers of values below 2^22 in magnitude, ties to even. */
function nearest(a: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(a));
}
