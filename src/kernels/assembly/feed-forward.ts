// A transformer's two layers in one: fc1, GELU, fc2, a block of rows at a time,
// so that the hidden values, four times as wide, never leave the cache.

import { f32Product } from "./f32-product";
import { gelu, geluScratch } from "./gelu";
import { int4Product, int4Scratch } from "./int4-product";
import { unpackInt4 } from "./int4-unpack";
import { BLOCK_ROWS, int8Product, int8Scratch, nextRows } from "./int8-product";
import { FEW_ROWS } from "./variant";

/** Bytes of scratch with one-byte weights; `hidden` the width between. */
export function int8FeedForwardScratch(k: i32, hidden: i32): i32 {
  return geluScratch() + BLOCK_ROWS * hidden * 4 + int8Scratch(max(k, hidden));
}

/**
 * C = GELU(A * W1 + bias1) * W2 + bias2 with one-byte weights.
 *
 * @param x `[m, k]` f32, `strideX` bytes from row to row.
 * @param w1, scales1, bias1 as `int8Product` takes them, k to `hidden`.
 * @param w2, scales2, bias2 the same, `hidden` to n.
 * @param c `[m, n]` f32, `strideC` bytes from row to row.
 * @param scratch `int8FeedForwardScratch(k, hidden)` bytes.
 */
export function int8FeedForward(
  x: usize,
  strideX: usize,
  m: i32,
  k: i32,
  hidden: i32,
  n: i32,
  w1: usize,
  scales1: usize,
  bias1: usize,
  w2: usize,
  scales2: usize,
  bias2: usize,
  c: usize,
  strideC: usize,
  scratch: usize,
): void {
  const between = scratch + geluScratch();
  const strideH: usize = (<usize>hidden) << 2;
  const rest = between + strideH * BLOCK_ROWS;
  let rows = 0;
  for (let row = 0; row < m; row += rows) {
    rows = nextRows(m - row);
    int8Product(
      x + strideX * row,
      strideX,
      rows,
      k,
      hidden,
      w1,
      scales1,
      bias1,
      between,
      strideH,
      rest,
    );
    gelu(between, rows * hidden, scratch);
    int8Product(
      between,
      strideH,
      rows,
      hidden,
      n,
      w2,
      scales2,
      bias2,
      c + strideC * row,
      strideC,
      rest,
    );
  }
}

/** Bytes of scratch with 4-bit weights. */
export function int4FeedForwardScratch(
  m: i32,
  k: i32,
  hidden: i32,
  n: i32,
  group: i32,
): i32 {
  if (m <= FEW_ROWS) {
    const first = int4Scratch(m, k, hidden, group);
    const second = int4Scratch(m, hidden, n, group);
    return geluScratch() + FEW_ROWS * hidden * 4 + max(first, second);
  }
  return (
    hidden * (k + 4) + n * (hidden + 4) + int8FeedForwardScratch(k, hidden)
  );
}

/**
 * C = GELU(A * W1 + bias1) * W2 + bias2 with 4-bit weights, as `int4Product`
 * takes them.
 *
 * @param scratch `int4FeedForwardScratch(m, k, hidden, n, group)` bytes.
 */
export function int4FeedForward(
  x: usize,
  strideX: usize,
  m: i32,
  k: i32,
  hidden: i32,
  n: i32,
  group: i32,
  w1: usize,
  bias1: usize,
  w2: usize,
  bias2: usize,
  c: usize,
  strideC: usize,
  scratch: usize,
): void {
  if (m <= FEW_ROWS) {
    const between = scratch + geluScratch();
    const strideH: usize = (<usize>hidden) << 2;
    const rest = between + strideH * FEW_ROWS;
    int4Product(
      x,
      strideX,
      m,
      k,
      hidden,
      group,
      w1,
      bias1,
      between,
      strideH,
      rest,
    );
    gelu(between, m * hidden, scratch);
    int4Product(
      between,
      strideH,
      m,
      hidden,
      n,
      group,
      w2,
      bias2,
      c,
      strideC,
      rest,
    );
    return;
  }
  const scales1 = scratch;
  const bytes1 = scales1 + ((<usize>hidden) << 2);
  const scales2 = bytes1 + <usize>hidden * k;
  const bytes2 = scales2 + ((<usize>n) << 2);
  unpackInt4(w1, hidden, k, group, bytes1, scales1);
  unpackInt4(w2, n, hidden, group, bytes2, scales2);
  int8FeedForward(
    x,
    strideX,
    m,
    k,
    hidden,
    n,
    bytes1,
    scales1,
    bias1,
    bytes2,
    scales2,
    bias2,
    c,
    strideC,
    bytes2 + <usize>n * hidden,
  );
}

/** Bytes of scratch with f32 weights. */
export function f32FeedForwardScratch(hidden: i32): i32 {
  return geluScratch() + BLOCK_ROWS * hidden * 4;
}

/**
 * C = GELU(A * W1 + bias1) * W2 + bias2 in f32, as `f32Product` takes them.
 *
 * @param scratch `f32FeedForwardScratch(hidden)` bytes.
 */
export function f32FeedForward(
  x: usize,
  strideX: usize,
  m: i32,
  k: i32,
  hidden: i32,
  n: i32,
  w1: usize,
  bias1: usize,
  w2: usize,
  bias2: usize,
  c: usize,
  strideC: usize,
  scratch: usize,
): void {
  const between = scratch + geluScratch();
  const strideH: usize = (<usize>hidden) << 2;
  for (let row = 0; row < m; row += BLOCK_ROWS) {
    const rows = min(BLOCK_ROWS, m - row);
    const from = x + strideX * row;
    const to = c + strideC * row;
    f32Product(from, strideX, rows, k, hidden, w1, bias1, between, strideH);
    gelu(between, rows * hidden, scratch);
    f32Product(between, strideH, rows, hidden, n, w2, bias2, to, strideC);
  }
}
