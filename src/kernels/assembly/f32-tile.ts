// The heart of the f32 product: 4 rows by 8 columns in registers.

import { madd } from "./lanes";

/** Rows of a tile. */
export const TILE_ROWS: i32 = 4;

/**
 * C = X * W + addend for 4 rows and 8 columns.
 *
 * Rows are read as they lie, four steps of k in one load: a load costs a
 * comparison of its address where the host has no guard pages behind its
 * memory (workerd), a lane brought to all four costs nothing beside `madd`.
 *
 * @param x `[rows, k]` f32, `strideX` bytes from row to row; k a multiple of 4.
 * @param w `[k, 8]` f32.
 * @param c f32, `stride` bytes from row to row.
 * @param rows how many of the 4 there are; at least 1.
 * @param addend f32, `strideAddend` bytes from row to row: a bias if 0, or C
 *   itself.
 */
export function f32Tile(
  x: usize,
  strideX: usize,
  w: usize,
  k: i32,
  c: usize,
  stride: usize,
  rows: i32,
  addend: usize,
  strideAddend: usize,
): void {
  let s00 = f32x4.splat(0);
  let s01 = s00;
  let s10 = s00;
  let s11 = s00;
  let s20 = s00;
  let s21 = s00;
  let s30 = s00;
  let s31 = s00;
  // Rows that are missing repeat the last one.
  let r1 = rows > 1 ? x + strideX : x;
  let r2 = rows > 2 ? r1 + strideX : r1;
  let r3 = rows > 3 ? r2 + strideX : r2;
  const end: usize = w + ((<usize>k) << 5);
  while (w < end) {
    const a0 = v128.load(x);
    const a1 = v128.load(r1);
    const a2 = v128.load(r2);
    let w0 = v128.load(w);
    let w1 = v128.load(w, 16);
    let v = i32x4.shuffle(a0, a0, 0, 0, 0, 0);
    s00 = madd(v, w0, s00);
    s01 = madd(v, w1, s01);
    v = i32x4.shuffle(a1, a1, 0, 0, 0, 0);
    s10 = madd(v, w0, s10);
    s11 = madd(v, w1, s11);
    v = i32x4.shuffle(a2, a2, 0, 0, 0, 0);
    s20 = madd(v, w0, s20);
    s21 = madd(v, w1, s21);
    v = v128.load32_splat(r3);
    s30 = madd(v, w0, s30);
    s31 = madd(v, w1, s31);
    w0 = v128.load(w, 32);
    w1 = v128.load(w, 48);
    v = i32x4.shuffle(a0, a0, 1, 1, 1, 1);
    s00 = madd(v, w0, s00);
    s01 = madd(v, w1, s01);
    v = i32x4.shuffle(a1, a1, 1, 1, 1, 1);
    s10 = madd(v, w0, s10);
    s11 = madd(v, w1, s11);
    v = i32x4.shuffle(a2, a2, 1, 1, 1, 1);
    s20 = madd(v, w0, s20);
    s21 = madd(v, w1, s21);
    v = v128.load32_splat(r3, 4);
    s30 = madd(v, w0, s30);
    s31 = madd(v, w1, s31);
    w0 = v128.load(w, 64);
    w1 = v128.load(w, 80);
    v = i32x4.shuffle(a0, a0, 2, 2, 2, 2);
    s00 = madd(v, w0, s00);
    s01 = madd(v, w1, s01);
    v = i32x4.shuffle(a1, a1, 2, 2, 2, 2);
    s10 = madd(v, w0, s10);
    s11 = madd(v, w1, s11);
    v = i32x4.shuffle(a2, a2, 2, 2, 2, 2);
    s20 = madd(v, w0, s20);
    s21 = madd(v, w1, s21);
    v = v128.load32_splat(r3, 8);
    s30 = madd(v, w0, s30);
    s31 = madd(v, w1, s31);
    w0 = v128.load(w, 96);
    w1 = v128.load(w, 112);
    v = i32x4.shuffle(a0, a0, 3, 3, 3, 3);
    s00 = madd(v, w0, s00);
    s01 = madd(v, w1, s01);
    v = i32x4.shuffle(a1, a1, 3, 3, 3, 3);
    s10 = madd(v, w0, s10);
    s11 = madd(v, w1, s11);
    v = i32x4.shuffle(a2, a2, 3, 3, 3, 3);
    s20 = madd(v, w0, s20);
    s21 = madd(v, w1, s21);
    v = v128.load32_splat(r3, 12);
    s30 = madd(v, w0, s30);
    s31 = madd(v, w1, s31);
    x += 16;
    r1 += 16;
    r2 += 16;
    r3 += 16;
    w += 128;
  }
  storeEight(c, s00, s01, addend);
  if (rows < 2) return;
  storeEight(c + stride, s10, s11, addend + strideAddend);
  if (rows < 3) return;
  storeEight(c + stride * 2, s20, s21, addend + strideAddend * 2);
  if (rows < 4) return;
  storeEight(c + stride * 3, s30, s31, addend + strideAddend * 3);
}

function storeEight(c: usize, a: v128, b: v128, addend: usize): void {
  v128.store(c, f32x4.add(a, v128.load(addend)));
  v128.store(c, f32x4.add(b, v128.load(addend, 16)), 16);
}
