// Two passes of resizing pictures of 3 bytes a pixel, with integer weights as
// Pillow has them: sums of 32 bits, 22 of them a fraction, clamped to bytes.
//
// Weights are split in two, since pairs of 16 bits multiply at once: `weight` is
// 4096 `high` + `low`. A table holds, for each output and each two taps, both
// taps' high parts and then both their low parts, i16 each.

import { opaque } from "./lanes";

const PRECISION_BITS: i32 = 22;
const HALF: i32 = 1 << 21;
const LOW_BITS: i32 = 12;
/** Bytes of two taps in a table. */
const TAPS_BYTES: usize = 8;

/**
 * Each row by itself.
 *
 * @param x `[rows, ...]` pixels, `strideX` bytes from row to row; 2 bytes past
 *   the last of all taps are read.
 * @param width of the output.
 * @param first `[width]` i32: where each output's taps begin, in pixels.
 * @param table `[width, pairs]` of two taps.
 * @param y `[rows, width]` pixels, and a byte past the last one.
 */
export function resizeRows(
  x: usize,
  strideX: usize,
  rows: i32,
  width: i32,
  first: usize,
  pairs: i32,
  table: usize,
  y: usize,
): void {
  const half = i32x4.splat(opaque(HALF, rows));
  for (let row = 0; row < rows; row++) {
    let taps = table;
    for (let column = 0; column < width; column++) {
      let high = i32x4.splat(0);
      let low = half;
      let from =
        x + <usize>load<i32>(first + ((<usize>column) << 2)) * <usize>3;
      const end = taps + TAPS_BYTES * pairs;
      for (; taps < end; taps += TAPS_BYTES) {
        const bytes = v128.load64_zero(from);
        // Red, green and blue of both pixels, in 16 bits.
        const both = i8x16.shuffle(
          bytes,
          i8x16.splat(0),
          0,
          16,
          3,
          16,
          1,
          16,
          4,
          16,
          2,
          16,
          5,
          16,
          16,
          16,
          16,
          16,
        );
        high = i32x4.add(
          high,
          i32x4.dot_i16x8_s(both, v128.load32_splat(taps)),
        );
        low = i32x4.add(
          low,
          i32x4.dot_i16x8_s(both, v128.load32_splat(taps, 4)),
        );
        from += 6;
      }
      const sums = i32x4.shr_s(
        i32x4.add(i32x4.shl(high, LOW_BITS), low),
        PRECISION_BITS,
      );
      const halves = i16x8.narrow_i32x4_s(sums, sums);
      v128.store32_lane(y, i8x16.narrow_i16x8_u(halves, halves), 0);
      y += 3;
    }
    x += strideX;
  }
}

/**
 * Rows out of rows.
 *
 * @param x `[...]` rows of `line` bytes; 7 bytes past the last of all taps are
 *   read.
 * @param rows of the output.
 * @param first `[rows]` i32: the row where each output's taps begin.
 * @param table `[rows, pairs]` of two taps.
 * @param y `[rows]` rows of `line` bytes, and 7 bytes past the last one.
 */
export function resizeColumns(
  x: usize,
  line: i32,
  rows: i32,
  first: usize,
  pairs: i32,
  table: usize,
  y: usize,
): void {
  const half = i32x4.splat(opaque(HALF, rows));
  const two: usize = (<usize>line) << 1;
  const size: usize = TAPS_BYTES * pairs;
  for (let row = 0; row < rows; row++) {
    const top = x + <usize>load<i32>(first) * line;
    for (let at: usize = 0; at < <usize>line; at += 8) {
      let high0 = i32x4.splat(0);
      let high1 = high0;
      let low0 = half;
      let low1 = half;
      let from = top + at;
      for (let taps = table; taps < table + size; taps += TAPS_BYTES) {
        const both = i8x16.shuffle(
          v128.load64_zero(from),
          v128.load64_zero(from + line),
          0,
          16,
          1,
          17,
          2,
          18,
          3,
          19,
          4,
          20,
          5,
          21,
          6,
          22,
          7,
          23,
        );
        const left = i16x8.extend_low_i8x16_u(both);
        const right = i16x8.extend_high_i8x16_u(both);
        let weights = v128.load32_splat(taps);
        high0 = i32x4.add(high0, i32x4.dot_i16x8_s(left, weights));
        high1 = i32x4.add(high1, i32x4.dot_i16x8_s(right, weights));
        weights = v128.load32_splat(taps, 4);
        low0 = i32x4.add(low0, i32x4.dot_i16x8_s(left, weights));
        low1 = i32x4.add(low1, i32x4.dot_i16x8_s(right, weights));
        from += two;
      }
      const halves = i16x8.narrow_i32x4_s(
        i32x4.shr_s(
          i32x4.add(i32x4.shl(high0, LOW_BITS), low0),
          PRECISION_BITS,
        ),
        i32x4.shr_s(
          i32x4.add(i32x4.shl(high1, LOW_BITS), low1),
          PRECISION_BITS,
        ),
      );
      v128.store64_lane(y + at, i8x16.narrow_i16x8_u(halves, halves), 0);
    }
    y += line;
    first += 4;
    table += size;
  }
}
