// Activations become signed bytes, each row with a scale of its own, laid out
// as the tiles of the products read them.

import { opaque, sumWhole } from "./lanes";

/** What weights of one byte are stored on top of: 0..127 means -64..63. */
export const ZERO_POINT: i32 = 64;

/**
 * The bits of 1.5 * 2^23. Added to a value below 2^22 in magnitude, it leaves the
 * nearest whole number, ties to even, as the difference of bits.
 */
const WHOLE: i32 = 0x4b400000;

/**
 * Quantizes rows to whole numbers of at most `limit` in magnitude.
 *
 * A row that holds an infinity or NaN gets a scale that makes every product of
 * it NaN.
 *
 * @param x `[rows, k]` f32, `stride` bytes from row to row; k a multiple of 8.
 * @param to `[ceil(rows / height), k / 8, height, 8]` signed bytes; rows that
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
  const step: usize = (<usize>height) << 3;
  const tile: usize = <usize>height * k;
  for (let row = 0; row < rows; row++) {
    const at =
      to + <usize>(row / height) * tile + ((<usize>(row % height)) << 3);
    const top = largestMagnitude(x, k);
    store<f32>(scales, top / limit + (top - top)); // NaN of an infinity
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

/** Writes 8 bytes each `step`; gives back their sum. */
function quantizeRow(
  x: usize,
  k: i32,
  inverse: f32,
  to: usize,
  step: usize,
): i32 {
  const factor = f32x4.splat(inverse);
  const one = i16x8.splat(<i16>opaque(1, k));
  // What has no room for a fraction, and what its bits are above zero's.
  const whole = f32x4.splat(reinterpret<f32>(opaque(WHOLE, k)));
  let sums = i32x4.splat(0);
  const end = x + ((<usize>k) << 2);
  for (; x < end; x += 32) {
    const low = f32x4.add(f32x4.mul(v128.load(x), factor), whole);
    const high = f32x4.add(f32x4.mul(v128.load(x, 16), factor), whole);
    const halves = i16x8.narrow_i32x4_s(
      i32x4.sub(low, whole),
      i32x4.sub(high, whole),
    );
    sums = i32x4.add(sums, i32x4.dot_i16x8_s(halves, one));
    v128.store64_lane(to, i8x16.narrow_i16x8_s(halves, halves), 0);
    to += step;
  }
  return sumWhole(sums);
}
