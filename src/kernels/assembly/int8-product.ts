// C = A * W + bias with weights of one byte (7 bits) and a scale per column.
// Activations are quantized on the way, a block of rows at a time.

import { int8Rows } from "./int8-rows";
import { int8Tile, TILE_ROWS } from "./int8-tile";
import { quantizeRows } from "./quantize";
import { activationLimit, FEW_ROWS } from "./variant";

/** Rows quantized at a time: their bytes and a panel of weights stay near. */
export const BLOCK_ROWS: i32 = 48;

/**
 * Rows of a block, of `left`, where each block is a product of its own. What is
 * left after it is never few: few rows are quantized otherwise than many.
 */
export function nextRows(left: i32): i32 {
  const after = left - BLOCK_ROWS;
  if (after <= 0) return left;
  return after <= FEW_ROWS ? BLOCK_ROWS - TILE_ROWS : BLOCK_ROWS;
}

/** Bytes of scratch of a product of any number of rows; k a multiple of 8. */
export function int8Scratch(k: i32): i32 {
  return BLOCK_ROWS * (k + 8);
}

/**
 * C = A * W + bias.
 *
 * @param x `[m, k]` f32, `strideX` bytes from row to row; k a multiple of 8.
 * @param w `[n / 8, k / 4, 8, 4]` bytes 0..127; n a multiple of 8.
 * @param scaleW `[n]` f32, `bias` `[n]` f32: of the columns.
 * @param c `[m, n]` f32, `strideC` bytes from row to row.
 * @param scratch `int8Scratch(k)` bytes.
 */
export function int8Product(
  x: usize,
  strideX: usize,
  m: i32,
  k: i32,
  n: i32,
  w: usize,
  scaleW: usize,
  bias: usize,
  c: usize,
  strideC: usize,
  scratch: usize,
): void {
  const scales = scratch;
  const starts = scratch + (BLOCK_ROWS << 2);
  const bytes = scratch + (BLOCK_ROWS << 3);
  const limit = activationLimit(m);
  if (m <= FEW_ROWS) {
    quantizeRows(x, strideX, m, k, 1, limit, bytes, scales, starts);
    int8Rows(bytes, m, k, n, w, scaleW, bias, scales, starts, c, strideC);
    return;
  }
  for (let row = 0; row < m; row += BLOCK_ROWS) {
    const rows = min(BLOCK_ROWS, m - row);
    quantizeRows(x, strideX, rows, k, TILE_ROWS, limit, bytes, scales, starts);
    int8Block(bytes, rows, k, n, w, scaleW, bias, scales, starts, c, strideC);
    x += strideX * BLOCK_ROWS;
    c += strideC * BLOCK_ROWS;
  }
}

/**
 * The product of rows that are quantized already.
 *
 * @param a `[ceil(rows / 6), k / 8, 6, 8]` signed bytes.
 */
export function int8Block(
  a: usize,
  rows: i32,
  k: i32,
  n: i32,
  w: usize,
  scaleW: usize,
  bias: usize,
  scaleA: usize,
  starts: usize,
  c: usize,
  stride: usize,
): void {
  const panel: usize = (<usize>k) << 3;
  const tile: usize = <usize>k * TILE_ROWS;
  for (let column = 0; column < n; column += 8) {
    let at = a;
    let to = c;
    for (let row = 0; row < rows; row += TILE_ROWS) {
      const first: usize = (<usize>row) << 2;
      int8Tile(
        at,
        w,
        k,
        to,
        stride,
        rows - row,
        scaleA + first,
        starts + first,
        scaleW,
        bias,
      );
      at += tile;
      to += stride * TILE_ROWS;
    }
    w += panel;
    scaleW += 32;
    bias += 32;
    c += 32;
  }
}
