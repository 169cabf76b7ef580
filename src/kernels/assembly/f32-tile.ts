// The heart of the f32 product: 6 rows by 8 columns in registers.

import { madd } from "./lanes";

/** Rows of a tile. */
export const TILE_ROWS: i32 = 6;

/**
 * C = A * W + addend for 6 rows and 8 columns.
 *
 * @param a `[k, 6]` f32.
 * @param w `[k, 8]` f32.
 * @param c f32, `stride` bytes from row to row; `rows` of them are written.
 * @param addend f32, `strideAddend` bytes from row to row: a bias if 0, or C
 *   itself.
 */
export function f32Tile(
  a: usize,
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
  let s40 = s00;
  let s41 = s00;
  let s50 = s00;
  let s51 = s00;
  const end: usize = w + ((<usize>k) << 5);
  while (w < end) {
    const w0 = v128.load(w);
    const w1 = v128.load(w, 16);
    let x = v128.load32_splat(a);
    s00 = madd(x, w0, s00);
    s01 = madd(x, w1, s01);
    x = v128.load32_splat(a, 4);
    s10 = madd(x, w0, s10);
    s11 = madd(x, w1, s11);
    x = v128.load32_splat(a, 8);
    s20 = madd(x, w0, s20);
    s21 = madd(x, w1, s21);
    x = v128.load32_splat(a, 12);
    s30 = madd(x, w0, s30);
    s31 = madd(x, w1, s31);
    x = v128.load32_splat(a, 16);
    s40 = madd(x, w0, s40);
    s41 = madd(x, w1, s41);
    x = v128.load32_splat(a, 20);
    s50 = madd(x, w0, s50);
    s51 = madd(x, w1, s51);
    a += 24;
    w += 32;
  }
  storeEight(c, s00, s01, addend);
  if (rows < 2) return;
  storeEight(c + stride, s10, s11, addend + strideAddend);
  if (rows < 3) return;
  storeEight(c + stride * 2, s20, s21, addend + strideAddend * 2);
  if (rows < 4) return;
  storeEight(c + stride * 3, s30, s31, addend + strideAddend * 3);
  if (rows < 5) return;
  storeEight(c + stride * 4, s40, s41, addend + strideAddend * 4);
  if (rows < 6) return;
  storeEight(c + stride * 5, s50, s51, addend + strideAddend * 5);
}

function storeEight(c: usize, a: v128, b: v128, addend: usize): void {
  v128.store(c, f32x4.add(a, v128.load(addend)));
  v128.store(c, f32x4.add(b, v128.load(addend, 16)), 16);
}

/**
 * Lays rows out as `f32Tile` reads them; a last tile repeats its last row.
 *
 * @param x `[rows, k]` f32, `stride` bytes from row to row; k a multiple of 4.
 * @param to `[ceil(rows / 6), k, 6]` f32.
 */
export function packTiles(
  x: usize,
  stride: usize,
  rows: i32,
  k: i32,
  to: usize,
): void {
  for (let row = 0; row < rows; row += TILE_ROWS) {
    let r0 = x + stride * row;
    const last = x + stride * (rows - 1);
    let r1 = min(r0 + stride, last);
    let r2 = min(r0 + stride * 2, last);
    let r3 = min(r0 + stride * 3, last);
    let r4 = min(r0 + stride * 4, last);
    let r5 = min(r0 + stride * 5, last);
    for (const end = r0 + ((<usize>k) << 2); r0 < end; r0 += 16) {
      const a = v128.load(r0);
      const b = v128.load(r1);
      const c = v128.load(r2);
      const d = v128.load(r3);
      const e = v128.load(r4);
      const f = v128.load(r5);
      const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
      const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
      const ef = i32x4.shuffle(e, f, 0, 4, 1, 5);
      v128.store(to, i64x2.shuffle(ab, cd, 0, 2));
      v128.store64_lane(to, ef, 0, 16);
      v128.store(to, i64x2.shuffle(ab, cd, 1, 3), 24);
      v128.store64_lane(to, ef, 1, 40);
      const gh = i32x4.shuffle(a, b, 2, 6, 3, 7);
      const ij = i32x4.shuffle(c, d, 2, 6, 3, 7);
      const kl = i32x4.shuffle(e, f, 2, 6, 3, 7);
      v128.store(to, i64x2.shuffle(gh, ij, 0, 2), 48);
      v128.store64_lane(to, kl, 0, 64);
      v128.store(to, i64x2.shuffle(gh, ij, 1, 3), 72);
      v128.store64_lane(to, kl, 1, 88);
      to += 96;
      r1 += 16;
      r2 += 16;
      r3 += 16;
      r4 += 16;
      r5 += 16;
    }
  }
}
