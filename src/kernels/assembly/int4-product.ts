// C = A * W + bias with weights of 4 bits, scales of f16 for groups along k.

import { groupStarts, int4Rows } from "./int4-rows";
import { unpackInt4 } from "./int4-unpack";
import { int8Product, int8Scratch } from "./int8-product";
import { quantizeRows } from "./quantize";
import { FEW_ROWS } from "./variant";

/** Nibbles leave room: activations have 8 bits on every variant. */
const LIMIT: f32 = 127;

/**
 * Bytes of scratch of a product of `m` rows: past 5 of them the unpacked
 * weights are in it.
 */
export function int4Scratch(m: i32, k: i32, n: i32, group: i32): i32 {
  if (m <= FEW_ROWS) {
    return FEW_ROWS * (k + 8) + 16 + ((FEW_ROWS * k) / group) * 4;
  }
  return int8Scratch(k) + n * (k + 4);
}

/**
 * C = A * W + bias.
 *
 * Few rows are multiplied by the nibbles as they are, many by bytes made of
 * them: the same to within `unpackInt4`'s rounding.
 *
 * @param x `[m, k]` f32, `strideX` bytes from row to row; k a multiple of 8 and
 *   of `group`.
 * @param w groups as `int4Rows` takes them; n a multiple of 8.
 * @param bias `[n]` f32.
 * @param c `[m, n]` f32, `strideC` bytes from row to row.
 * @param scratch `int4Scratch(m, k, n, group)` bytes.
 */
export function int4Product(
  x: usize,
  strideX: usize,
  m: i32,
  k: i32,
  n: i32,
  group: i32,
  w: usize,
  bias: usize,
  c: usize,
  strideC: usize,
  scratch: usize,
): void {
  if (m > FEW_ROWS) {
    const scales = scratch + int8Scratch(k);
    const bytes = scales + ((<usize>n) << 2);
    unpackInt4(w, n, k, group, bytes, scales);
    int8Product(x, strideX, m, k, n, bytes, scales, bias, c, strideC, scratch);
    return;
  }
  const scales = scratch;
  const starts = scales + (FEW_ROWS << 2);
  const bytes = starts + (FEW_ROWS << 2);
  const groups = bytes + FEW_ROWS * k;
  quantizeRows(x, strideX, m, k, 1, LIMIT, bytes, scales, starts);
  groupStarts(bytes, m * k, group, groups);
  int4Rows(bytes, m, k, n, group, w, bias, scales, groups, c, strideC);
}
