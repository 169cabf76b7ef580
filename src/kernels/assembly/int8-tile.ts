// The heart of the one-byte product: 6 rows by 8 columns in registers.

import { addNeighbours, madd, ones } from "./lanes";
import { DOT, PAIR } from "./variant";

/** Rows of a tile. */
export const TILE_ROWS: i32 = 6;

/**
 * C = (A * W) * scaleA * scaleW + bias for 6 rows and 8 columns.
 *
 * @param a `[k / 8, 6, 8]` signed bytes.
 * @param w `[k / 4, 8, 4]` bytes 0..127.
 * @param k a multiple of 8.
 * @param c f32, `stride` bytes from row to row; `rows` of them are written.
 * @param scaleA `[6]` f32, `starts` `[6]` i32, of the rows.
 * @param scaleW `[8]` f32, `bias` `[8]` f32, of the columns.
 */
export function int8Tile(
  a: usize,
  w: usize,
  k: i32,
  c: usize,
  stride: usize,
  rows: i32,
  scaleA: usize,
  starts: usize,
  scaleW: usize,
  bias: usize,
): void {
  if (VARIANT == DOT) {
    dotTile(a, w, k, c, stride, rows, scaleA, starts, scaleW, bias);
  } else if (VARIANT == PAIR) {
    pairTile(a, w, k, c, stride, rows, scaleA, starts, scaleW, bias);
    if (rows < 4) return;
    pairTile(
      a + 24,
      w,
      k,
      c + 3 * stride,
      stride,
      rows - 3,
      scaleA + 12,
      starts + 12,
      scaleW,
      bias,
    );
  } else {
    plainTile(a, w, k, c, stride, rows, scaleA, starts, scaleW, bias);
    plainTile(
      a,
      w + 16,
      k,
      c + 16,
      stride,
      rows,
      scaleA,
      starts,
      scaleW + 16,
      bias + 16,
    );
  }
}

/** 12 sums, 2 vectors of weights and one of activations: V8's 15 registers. */
function dotTile(
  a: usize,
  w: usize,
  k: i32,
  c: usize,
  stride: usize,
  rows: i32,
  scaleA: usize,
  starts: usize,
  scaleW: usize,
  bias: usize,
): void {
  let s00 = v128.load32_splat(starts);
  let s10 = v128.load32_splat(starts, 4);
  let s20 = v128.load32_splat(starts, 8);
  let s30 = v128.load32_splat(starts, 12);
  let s40 = v128.load32_splat(starts, 16);
  let s50 = v128.load32_splat(starts, 20);
  let s01 = s00;
  let s11 = s10;
  let s21 = s20;
  let s31 = s30;
  let s41 = s40;
  let s51 = s50;
  const end: usize = w + ((<usize>k) << 3);
  while (w < end) {
    let w0 = v128.load(w);
    let w1 = v128.load(w, 16);
    let x = v128.load32_splat(a);
    s00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w0, s00);
    s01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w1, s01);
    x = v128.load32_splat(a, 8);
    s10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w0, s10);
    s11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w1, s11);
    x = v128.load32_splat(a, 16);
    s20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w0, s20);
    s21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w1, s21);
    x = v128.load32_splat(a, 24);
    s30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w0, s30);
    s31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w1, s31);
    x = v128.load32_splat(a, 32);
    s40 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w0, s40);
    s41 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w1, s41);
    x = v128.load32_splat(a, 40);
    s50 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w0, s50);
    s51 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w1, s51);
    w0 = v128.load(w, 32);
    w1 = v128.load(w, 48);
    x = v128.load32_splat(a, 4);
    s00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w0, s00);
    s01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w1, s01);
    x = v128.load32_splat(a, 12);
    s10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w0, s10);
    s11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w1, s11);
    x = v128.load32_splat(a, 20);
    s20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w0, s20);
    s21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w1, s21);
    x = v128.load32_splat(a, 28);
    s30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w0, s30);
    s31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w1, s31);
    x = v128.load32_splat(a, 36);
    s40 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w0, s40);
    s41 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w1, s41);
    x = v128.load32_splat(a, 44);
    s50 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w0, s50);
    s51 = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w1, s51);
    a += 48;
    w += 64;
  }
  storeFour(c, s00, scaleA, scaleW, bias);
  storeFour(c + 16, s01, scaleA, scaleW + 16, bias + 16);
  if (rows < 2) return;
  c += stride;
  storeFour(c, s10, scaleA + 4, scaleW, bias);
  storeFour(c + 16, s11, scaleA + 4, scaleW + 16, bias + 16);
  if (rows < 3) return;
  c += stride;
  storeFour(c, s20, scaleA + 8, scaleW, bias);
  storeFour(c + 16, s21, scaleA + 8, scaleW + 16, bias + 16);
  if (rows < 4) return;
  c += stride;
  storeFour(c, s30, scaleA + 12, scaleW, bias);
  storeFour(c + 16, s31, scaleA + 12, scaleW + 16, bias + 16);
  if (rows < 5) return;
  c += stride;
  storeFour(c, s40, scaleA + 16, scaleW, bias);
  storeFour(c + 16, s41, scaleA + 16, scaleW + 16, bias + 16);
  if (rows < 6) return;
  c += stride;
  storeFour(c, s50, scaleA + 20, scaleW, bias);
  storeFour(c + 16, s51, scaleA + 20, scaleW + 16, bias + 16);
}

/** 3 of the 6 rows by 8 columns, two steps of k at a time. */
function pairTile(
  a: usize,
  w: usize,
  k: i32,
  c: usize,
  stride: usize,
  rows: i32,
  scaleA: usize,
  starts: usize,
  scaleW: usize,
  bias: usize,
): void {
  let s00 = v128.load32_splat(starts);
  let s10 = v128.load32_splat(starts, 4);
  let s20 = v128.load32_splat(starts, 8);
  let s01 = s00;
  let s11 = s10;
  let s21 = s20;
  const one = ones(k);
  const end: usize = w + ((<usize>k) << 3);
  while (w < end) {
    const w00 = v128.load(w);
    const w01 = v128.load(w, 16);
    const w10 = v128.load(w, 32);
    const w11 = v128.load(w, 48);
    let x = v128.load32_splat(a);
    let y = v128.load32_splat(a, 4);
    s00 = pairSum(x, w00, y, w10, s00, one);
    s01 = pairSum(x, w01, y, w11, s01, one);
    x = v128.load32_splat(a, 8);
    y = v128.load32_splat(a, 12);
    s10 = pairSum(x, w00, y, w10, s10, one);
    s11 = pairSum(x, w01, y, w11, s11, one);
    x = v128.load32_splat(a, 16);
    y = v128.load32_splat(a, 20);
    s20 = pairSum(x, w00, y, w10, s20, one);
    s21 = pairSum(x, w01, y, w11, s21, one);
    a += 48;
    w += 64;
  }
  storeFour(c, s00, scaleA, scaleW, bias);
  storeFour(c + 16, s01, scaleA, scaleW + 16, bias + 16);
  if (rows < 2) return;
  c += stride;
  storeFour(c, s10, scaleA + 4, scaleW, bias);
  storeFour(c + 16, s11, scaleA + 4, scaleW + 16, bias + 16);
  if (rows < 3) return;
  c += stride;
  storeFour(c, s20, scaleA + 8, scaleW, bias);
  storeFour(c + 16, s21, scaleA + 8, scaleW + 16, bias + 16);
}

/** 6 rows by 4 columns; sums of neighbouring k stand apart until the end. */
function plainTile(
  a: usize,
  w: usize,
  k: i32,
  c: usize,
  stride: usize,
  rows: i32,
  scaleA: usize,
  starts: usize,
  scaleW: usize,
  bias: usize,
): void {
  let s0 = i32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let s4 = s0;
  let s5 = s0;
  let h0 = s0;
  let h1 = s0;
  let h2 = s0;
  let h3 = s0;
  let h4 = s0;
  let h5 = s0;
  const end: usize = w + ((<usize>k) << 3);
  while (w < end) {
    let bytes = v128.load(w);
    let low = i16x8.extend_low_i8x16_s(bytes);
    let high = i16x8.extend_high_i8x16_s(bytes);
    let x = i16x8.extend_low_i8x16_s(v128.load32_splat(a));
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(x, low));
    h0 = i32x4.add(h0, i32x4.dot_i16x8_s(x, high));
    x = i16x8.extend_low_i8x16_s(v128.load32_splat(a, 8));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(x, low));
    h1 = i32x4.add(h1, i32x4.dot_i16x8_s(x, high));
    x = i16x8.extend_low_i8x16_s(v128.load32_splat(a, 16));
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(x, low));
    h2 = i32x4.add(h2, i32x4.dot_i16x8_s(x, high));
    x = i16x8.extend_low_i8x16_s(v128.load32_splat(a, 24));
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(x, low));
    h3 = i32x4.add(h3, i32x4.dot_i16x8_s(x, high));
    x = i16x8.extend_low_i8x16_s(v128.load32_splat(a, 32));
    s4 = i32x4.add(s4, i32x4.dot_i16x8_s(x, low));
    h4 = i32x4.add(h4, i32x4.dot_i16x8_s(x, high));
    x = i16x8.extend_low_i8x16_s(v128.load32_splat(a, 40));
    s5 = i32x4.add(s5, i32x4.dot_i16x8_s(x, low));
    h5 = i32x4.add(h5, i32x4.dot_i16x8_s(x, high));
    bytes = v128.load(w, 32);
    low = i16x8.extend_low_i8x16_s(bytes);
    high = i16x8.extend_high_i8x16_s(bytes);
    x = i16x8.extend_low_i8x16_s(v128.load32_splat(a, 4));
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(x, low));
    h0 = i32x4.add(h0, i32x4.dot_i16x8_s(x, high));
    x = i16x8.extend_low_i8x16_s(v128.load32_splat(a, 12));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(x, low));
    h1 = i32x4.add(h1, i32x4.dot_i16x8_s(x, high));
    x = i16x8.extend_low_i8x16_s(v128.load32_splat(a, 20));
    s2 = i32x4.add(s2, i32x4.dot_i16x8_s(x, low));
    h2 = i32x4.add(h2, i32x4.dot_i16x8_s(x, high));
    x = i16x8.extend_low_i8x16_s(v128.load32_splat(a, 28));
    s3 = i32x4.add(s3, i32x4.dot_i16x8_s(x, low));
    h3 = i32x4.add(h3, i32x4.dot_i16x8_s(x, high));
    x = i16x8.extend_low_i8x16_s(v128.load32_splat(a, 36));
    s4 = i32x4.add(s4, i32x4.dot_i16x8_s(x, low));
    h4 = i32x4.add(h4, i32x4.dot_i16x8_s(x, high));
    x = i16x8.extend_low_i8x16_s(v128.load32_splat(a, 44));
    s5 = i32x4.add(s5, i32x4.dot_i16x8_s(x, low));
    h5 = i32x4.add(h5, i32x4.dot_i16x8_s(x, high));
    a += 48;
    w += 64;
  }
  finish(c, s0, h0, scaleA, starts, scaleW, bias);
  if (rows < 2) return;
  finish(c + stride, s1, h1, scaleA + 4, starts + 4, scaleW, bias);
  if (rows < 3) return;
  finish(c + stride * 2, s2, h2, scaleA + 8, starts + 8, scaleW, bias);
  if (rows < 4) return;
  finish(c + stride * 3, s3, h3, scaleA + 12, starts + 12, scaleW, bias);
  if (rows < 5) return;
  finish(c + stride * 4, s4, h4, scaleA + 16, starts + 16, scaleW, bias);
  if (rows < 6) return;
  finish(c + stride * 5, s5, h5, scaleA + 20, starts + 20, scaleW, bias);
}

/** Brings the sums of neighbours together and writes four results. */
function finish(
  c: usize,
  low: v128,
  high: v128,
  scaleA: usize,
  starts: usize,
  scaleW: usize,
  bias: usize,
): void {
  const sums = i32x4.add(addNeighbours(low, high), v128.load32_splat(starts));
  storeFour(c, sums, scaleA, scaleW, bias);
}

/** Two relaxed products met in 16 bits, then added by fours. */
function pairSum(
  x0: v128,
  w0: v128,
  x1: v128,
  w1: v128,
  sums: v128,
  one: v128,
): v128 {
  const halves = i16x8.add(
    i16x8.relaxed_dot_i8x16_i7x16_s(x0, w0),
    i16x8.relaxed_dot_i8x16_i7x16_s(x1, w1),
  );
  return i32x4.add(sums, i32x4.dot_i16x8_s(halves, one));
}

/** Scales four sums of a row and adds the bias. */
export function storeFour(
  c: usize,
  sums: v128,
  scaleA: usize,
  scaleW: usize,
  bias: usize,
): void {
  const scaled = f32x4.mul(
    f32x4.convert_i32x4_s(sums),
    v128.load32_splat(scaleA),
  );
  v128.store(c, madd(scaled, v128.load(scaleW), v128.load(bias)));
}
