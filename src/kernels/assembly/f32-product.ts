// C = A * W + bias in f32.

import { f32Tile, TILE_ROWS } from "./f32-tile";
import { madd } from "./lanes";

/** Rows at a time: they and a panel of weights stay near. */
const BLOCK_ROWS: i32 = 48;
/** Steps of k at a time: short sums round less, and cost nothing. */
const BLOCK_K: i32 = 128;
/** Up to this many rows go without tiles. */
const FEW_ROWS: i32 = 5;

/**
 * C = A * W + bias.
 *
 * @param x `[m, k]` f32, `strideX` bytes from row to row; k a multiple of 4.
 * @param w `[n / 8, k, 8]` f32; n a multiple of 8.
 * @param bias `[n]` f32.
 * @param c `[m, n]` f32, `strideC` bytes from row to row.
 */
export function f32Product(
  x: usize,
  strideX: usize,
  m: i32,
  k: i32,
  n: i32,
  w: usize,
  bias: usize,
  c: usize,
  strideC: usize,
): void {
  if (m <= FEW_ROWS) {
    f32Rows(x, strideX, m, k, n, w, bias, c, strideC);
    return;
  }
  for (let row = 0; row < m; row += BLOCK_ROWS) {
    const rows = min(BLOCK_ROWS, m - row);
    for (let first = 0; first < k; first += BLOCK_K) {
      const steps = min(BLOCK_K, k - first);
      block(
        x + ((<usize>first) << 2),
        strideX,
        rows,
        steps,
        n,
        w + ((<usize>first) << 5),
        (<usize>k) << 5,
        c,
        strideC,
        first == 0 ? bias : c,
        first == 0 ? 0 : strideC,
      );
    }
    x += strideX * BLOCK_ROWS;
    c += strideC * BLOCK_ROWS;
  }
}

function block(
  x: usize,
  strideX: usize,
  rows: i32,
  k: i32,
  n: i32,
  w: usize,
  panel: usize,
  c: usize,
  stride: usize,
  addend: usize,
  strideAddend: usize,
): void {
  for (let column = 0; column < n; column += 8) {
    let at = x;
    let to = c;
    let plus = addend;
    for (let row = 0; row < rows; row += TILE_ROWS) {
      f32Tile(at, strideX, w, k, to, stride, rows - row, plus, strideAddend);
      at += strideX * TILE_ROWS;
      to += stride * TILE_ROWS;
      plus += strideAddend * TILE_ROWS;
    }
    w += panel;
    c += 32;
    addend += 32;
  }
}

/** Up to 5 rows: the cost is the reading of weights, a panel of 8 at a time. */
function f32Rows(
  x: usize,
  strideX: usize,
  rows: i32,
  k: i32,
  n: i32,
  w: usize,
  bias: usize,
  c: usize,
  strideC: usize,
): void {
  for (let column = 0; column < n; column += 8) {
    for (let row = 0; row < rows; row++) {
      oneRow(x + strideX * row, k, w, bias, c + strideC * row);
    }
    w += (<usize>k) << 5;
    bias += 32;
    c += 32;
  }
}

/** Eight sums of 4 columns in four steps of k. */
function oneRow(a: usize, k: i32, w: usize, bias: usize, c: usize): void {
  let a0 = v128.load(bias);
  let a1 = v128.load(bias, 16);
  let b0 = f32x4.splat(0);
  let b1 = b0;
  let c0 = b0;
  let c1 = b0;
  let d0 = b0;
  let d1 = b0;
  for (const end = a + ((<usize>k) << 2); a < end; a += 16) {
    let x = v128.load32_splat(a);
    a0 = madd(x, v128.load(w), a0);
    a1 = madd(x, v128.load(w, 16), a1);
    x = v128.load32_splat(a, 4);
    b0 = madd(x, v128.load(w, 32), b0);
    b1 = madd(x, v128.load(w, 48), b1);
    x = v128.load32_splat(a, 8);
    c0 = madd(x, v128.load(w, 64), c0);
    c1 = madd(x, v128.load(w, 80), c1);
    x = v128.load32_splat(a, 12);
    d0 = madd(x, v128.load(w, 96), d0);
    d1 = madd(x, v128.load(w, 112), d1);
    w += 128;
  }
  v128.store(c, f32x4.add(f32x4.add(a0, b0), f32x4.add(c0, d0)));
  v128.store(c, f32x4.add(f32x4.add(a1, b1), f32x4.add(c1, d1)), 16);
}
