// One-byte weights against 1 or 2 rows at a time: a step of decoding. Here the
// reading of weights is the cost: for one row four panels are read side by side,
// for others sums run along k in many short chains.

import { ones, sumBytes } from "./lanes";
import { storeFour } from "./int8-tile";

/**
 * Up to 5 rows of a product. A panel of weights is read from far away once; for
 * the rows after the first two it comes from the first cache.
 *
 * @param a `[rows, k]` signed bytes; k a multiple of 8.
 * @param w `[n / 8, k / 4, 8, 4]` bytes 0..127; n a multiple of 8.
 * @param c `[rows, n]` f32, `stride` bytes from row to row.
 */
export function int8Rows(
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
  let column = 0;
  if (rows == 1) {
    for (; column + 32 <= n; column += 32) {
      fourPanels(a, k, w, c, scaleA, starts, scaleW, bias);
      w += panel << 2;
      scaleW += 128;
      bias += 128;
      c += 128;
    }
  }
  for (; column < n; column += 8) {
    let row: usize = 0;
    for (; row + 2 <= <usize>rows; row += 2) {
      const at = row << 2;
      twoRows(
        a + row * k,
        k,
        w,
        c + row * stride,
        stride,
        scaleA + at,
        starts + at,
        scaleW,
        bias,
      );
    }
    if (row < <usize>rows) {
      const at = row << 2;
      oneRow(
        a + row * k,
        k,
        w,
        c + row * stride,
        scaleA + at,
        starts + at,
        scaleW,
        bias,
      );
    }
    w += panel;
    scaleW += 32;
    bias += 32;
    c += 32;
  }
}

/** One row of 32 columns: four panels are on their way from memory at once. */
function fourPanels(
  a: usize,
  k: i32,
  w: usize,
  c: usize,
  scaleA: usize,
  starts: usize,
  scaleW: usize,
  bias: usize,
): void {
  const one = ones(k);
  const panel: usize = (<usize>k) << 3;
  let second = w + panel;
  let third = second + panel;
  let fourth = third + panel;
  let a0 = v128.load32_splat(starts);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  for (const end: usize = a + k; a < end; a += 8) {
    const x = v128.load32_splat(a);
    const y = v128.load32_splat(a, 4);
    a0 = sumBytes(x, v128.load(w), y, v128.load(w, 32), a0, one);
    a1 = sumBytes(x, v128.load(w, 16), y, v128.load(w, 48), a1, one);
    b0 = sumBytes(x, v128.load(second), y, v128.load(second, 32), b0, one);
    b1 = sumBytes(x, v128.load(second, 16), y, v128.load(second, 48), b1, one);
    c0 = sumBytes(x, v128.load(third), y, v128.load(third, 32), c0, one);
    c1 = sumBytes(x, v128.load(third, 16), y, v128.load(third, 48), c1, one);
    d0 = sumBytes(x, v128.load(fourth), y, v128.load(fourth, 32), d0, one);
    d1 = sumBytes(x, v128.load(fourth, 16), y, v128.load(fourth, 48), d1, one);
    w += 64;
    second += 64;
    third += 64;
    fourth += 64;
  }
  storeFour(c, a0, scaleA, scaleW, bias);
  storeFour(c + 16, a1, scaleA, scaleW + 16, bias + 16);
  storeFour(c + 32, b0, scaleA, scaleW + 32, bias + 32);
  storeFour(c + 48, b1, scaleA, scaleW + 48, bias + 48);
  storeFour(c + 64, c0, scaleA, scaleW + 64, bias + 64);
  storeFour(c + 80, c1, scaleA, scaleW + 80, bias + 80);
  storeFour(c + 96, d0, scaleA, scaleW + 96, bias + 96);
  storeFour(c + 112, d1, scaleA, scaleW + 112, bias + 112);
}

function oneRow(
  a: usize,
  k: i32,
  w: usize,
  c: usize,
  scaleA: usize,
  starts: usize,
  scaleW: usize,
  bias: usize,
): void {
  const one = ones(k);
  let a0 = v128.load32_splat(starts);
  let a1 = a0;
  let b0 = i32x4.splat(0);
  let b1 = b0;
  let c0 = b0;
  let c1 = b0;
  let d0 = b0;
  let d1 = b0;
  const end: usize = a + k;
  for (; a + 32 <= end; a += 32) {
    let x = v128.load32_splat(a);
    let y = v128.load32_splat(a, 4);
    a0 = sumBytes(x, v128.load(w), y, v128.load(w, 32), a0, one);
    a1 = sumBytes(x, v128.load(w, 16), y, v128.load(w, 48), a1, one);
    x = v128.load32_splat(a, 8);
    y = v128.load32_splat(a, 12);
    b0 = sumBytes(x, v128.load(w, 64), y, v128.load(w, 96), b0, one);
    b1 = sumBytes(x, v128.load(w, 80), y, v128.load(w, 112), b1, one);
    x = v128.load32_splat(a, 16);
    y = v128.load32_splat(a, 20);
    c0 = sumBytes(x, v128.load(w, 128), y, v128.load(w, 160), c0, one);
    c1 = sumBytes(x, v128.load(w, 144), y, v128.load(w, 176), c1, one);
    x = v128.load32_splat(a, 24);
    y = v128.load32_splat(a, 28);
    d0 = sumBytes(x, v128.load(w, 192), y, v128.load(w, 224), d0, one);
    d1 = sumBytes(x, v128.load(w, 208), y, v128.load(w, 240), d1, one);
    w += 256;
  }
  for (; a < end; a += 8) {
    const x = v128.load32_splat(a);
    const y = v128.load32_splat(a, 4);
    a0 = sumBytes(x, v128.load(w), y, v128.load(w, 32), a0, one);
    a1 = sumBytes(x, v128.load(w, 16), y, v128.load(w, 48), a1, one);
    w += 64;
  }
  a0 = i32x4.add(i32x4.add(a0, b0), i32x4.add(c0, d0));
  a1 = i32x4.add(i32x4.add(a1, b1), i32x4.add(c1, d1));
  storeFour(c, a0, scaleA, scaleW, bias);
  storeFour(c + 16, a1, scaleA, scaleW + 16, bias + 16);
}

function twoRows(
  a: usize,
  k: i32,
  w: usize,
  c: usize,
  stride: usize,
  scaleA: usize,
  starts: usize,
  scaleW: usize,
  bias: usize,
): void {
  const one = ones(k);
  let a0 = v128.load32_splat(starts);
  let a1 = a0;
  let b0 = v128.load32_splat(starts, 4);
  let b1 = b0;
  let c0 = i32x4.splat(0);
  let c1 = c0;
  let d0 = c0;
  let d1 = c0;
  const end: usize = a + k;
  let other: usize = a + k;
  for (; a + 16 <= end; a += 16) {
    let w0 = v128.load(w);
    let w1 = v128.load(w, 32);
    let x = v128.load32_splat(a);
    let y = v128.load32_splat(a, 4);
    let u = v128.load32_splat(other);
    let v = v128.load32_splat(other, 4);
    a0 = sumBytes(x, w0, y, w1, a0, one);
    b0 = sumBytes(u, w0, v, w1, b0, one);
    w0 = v128.load(w, 16);
    w1 = v128.load(w, 48);
    a1 = sumBytes(x, w0, y, w1, a1, one);
    b1 = sumBytes(u, w0, v, w1, b1, one);
    w0 = v128.load(w, 64);
    w1 = v128.load(w, 96);
    x = v128.load32_splat(a, 8);
    y = v128.load32_splat(a, 12);
    u = v128.load32_splat(other, 8);
    v = v128.load32_splat(other, 12);
    c0 = sumBytes(x, w0, y, w1, c0, one);
    d0 = sumBytes(u, w0, v, w1, d0, one);
    w0 = v128.load(w, 80);
    w1 = v128.load(w, 112);
    c1 = sumBytes(x, w0, y, w1, c1, one);
    d1 = sumBytes(u, w0, v, w1, d1, one);
    w += 128;
    other += 16;
  }
  if (a < end) {
    const x = v128.load32_splat(a);
    const y = v128.load32_splat(a, 4);
    const u = v128.load32_splat(other);
    const v = v128.load32_splat(other, 4);
    a0 = sumBytes(x, v128.load(w), y, v128.load(w, 32), a0, one);
    a1 = sumBytes(x, v128.load(w, 16), y, v128.load(w, 48), a1, one);
    b0 = sumBytes(u, v128.load(w), v, v128.load(w, 32), b0, one);
    b1 = sumBytes(u, v128.load(w, 16), v, v128.load(w, 48), b1, one);
  }
  storeFour(c, i32x4.add(a0, c0), scaleA, scaleW, bias);
  storeFour(c + 16, i32x4.add(a1, c1), scaleA, scaleW + 16, bias + 16);
  c += stride;
  storeFour(c, i32x4.add(b0, d0), scaleA + 4, scaleW, bias);
  storeFour(c + 16, i32x4.add(b1, d1), scaleA + 4, scaleW + 16, bias + 16);
}
