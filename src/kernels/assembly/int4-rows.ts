// Weights of 4 bits against 1 or 2 rows at a time, read as they are stored: a
// step of decoding costs what reading its weights costs, so fewer bits are
// faster.

import { halfFactor, halfMask, highHalves, lowHalves } from "./half";
import { madd, ones, opaque, sumProducts, sumWhole } from "./lanes";
import { touchLines } from "./touch";
import { PAIR } from "./variant";

/** What a nibble means by 0: 0..15 stands for -8..7. */
export const NIBBLE_ZERO: i32 = 8;
/** Values along k whose products 16 bits hold: 8 * 2 * 127 * 15 < 2^15. */
const PAIRED: usize = 32;

/** Bytes of one group of a panel: 8 scales of 2 bytes, then 8 columns. */
export function groupBytes(group: i32): i32 {
  return 16 + (group << 2);
}

/**
 * What the nibbles' zero adds to the sum of each group, negated.
 *
 * @param a `[rows * k]` signed bytes.
 * @param starts `[rows * k / group]` i32; group a multiple of 8.
 */
export function groupStarts(
  a: usize,
  count: i32,
  group: i32,
  starts: usize,
): void {
  const one = ones(count);
  const end: usize = a + count;
  while (a < end) {
    let sums = i32x4.splat(0);
    for (const last: usize = a + group; a < last; a += 8) {
      sums = i32x4.add(sums, i32x4.dot_i16x8_s(v128.load8x8_s(a), one));
    }
    store<i32>(starts, -NIBBLE_ZERO * sumWhole(sums));
    starts += 4;
  }
}

/**
 * Up to 5 rows of a product.
 *
 * @param a `[rows, k]` signed bytes; k a multiple of `group`, a multiple of 8.
 * @param w `[n / 8, k / group]` groups, each `[8]` f16 scales and then
 *   `[group / 8, 8, 4]` bytes that hold step 2j below and step 2j + 1 above; a
 *   step is 4 of k.
 * @param starts `[rows, k / group]` i32, of `groupStarts`.
 * @param c `[rows, n]` f32, `stride` bytes from row to row.
 */
export function int4Rows(
  a: usize,
  rows: i32,
  k: i32,
  n: i32,
  group: i32,
  w: usize,
  bias: usize,
  scaleA: usize,
  starts: usize,
  c: usize,
  stride: usize,
): void {
  const groups = k / group;
  const panel: usize = <usize>groups * groupBytes(group);
  if (rows == 1) {
    for (; n >= 16; n -= 16) {
      if ((n & 16) == 0 && n >= 48) touchLines(w + (panel << 1), panel << 2, c);
      oneRowTwoPanels(a, k, group, w, panel, c, scaleA, starts, bias);
      w += panel << 1;
      bias += 64;
      c += 64;
    }
  }
  for (let column = 0; column < n; column += 8) {
    if ((column & 24) == 0 && n - column >= 40) {
      touchLines(w + panel, panel << 2, c);
    }
    let row = 0;
    for (; row + 2 <= rows; row += 2) {
      twoRows(
        a + <usize>row * k,
        k,
        group,
        w,
        c + <usize>row * stride,
        stride,
        scaleA + ((<usize>row) << 2),
        starts + ((<usize>(row * groups)) << 2),
        bias,
      );
    }
    if (row < rows) {
      oneRow(
        a + <usize>row * k,
        k,
        group,
        w,
        c + <usize>row * stride,
        scaleA + ((<usize>row) << 2),
        starts + ((<usize>(row * groups)) << 2),
        bias,
      );
    }
    w += panel;
    bias += 32;
    c += 32;
  }
}

function oneRow(
  a: usize,
  k: i32,
  group: i32,
  w: usize,
  c: usize,
  scaleA: usize,
  starts: usize,
  bias: usize,
): void {
  const one = ones(k);
  const nibble = i8x16.splat(<i8>opaque(15, k));
  const mask = halfMask(k);
  const factor = halfFactor(k);
  let f0 = f32x4.splat(0);
  let f1 = f0;
  const end: usize = a + k;
  while (a < end) {
    const scales = v128.load(w);
    let s0 = v128.load32_splat(starts);
    let s1 = s0;
    w += 16;
    for (const last: usize = a + group; a < last; a += 8) {
      const x = v128.load32_splat(a);
      const y = v128.load32_splat(a, 4);
      const u = v128.load(w);
      const v = v128.load(w, 16);
      s0 = sumProducts(x, low(u, nibble), y, high(u, nibble), s0, one);
      s1 = sumProducts(x, low(v, nibble), y, high(v, nibble), s1, one);
      w += 32;
    }
    f0 = madd(f32x4.convert_i32x4_s(s0), lowHalves(scales, mask, factor), f0);
    f1 = madd(f32x4.convert_i32x4_s(s1), highHalves(scales, mask, factor), f1);
    starts += 4;
  }
  const scale = v128.load32_splat(scaleA);
  v128.store(c, madd(f0, scale, v128.load(bias)));
  v128.store(c, madd(f1, scale, v128.load(bias, 16)), 16);
}

/** Two panels at a time, whose steps share their activations: 1.1 times as fast. */
function oneRowTwoPanels(
  a: usize,
  k: i32,
  group: i32,
  w: usize,
  panel: usize,
  c: usize,
  scaleA: usize,
  starts: usize,
  bias: usize,
): void {
  const one = ones(k);
  const nibble = i8x16.splat(<i8>opaque(15, k));
  const mask = halfMask(k);
  const factor = halfFactor(k);
  let f0 = f32x4.splat(0);
  let f1 = f0;
  let f2 = f0;
  let f3 = f0;
  let z = w + panel;
  const end: usize = a + k;
  while (a < end) {
    let s0 = v128.load32_splat(starts);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    const scales = w;
    const scalesBeside = z;
    const last: usize = a + group;
    if (VARIANT == PAIR) {
      while (a < last) {
        let h0 = i16x8.splat(0);
        let h1 = h0;
        let h2 = h0;
        let h3 = h0;
        for (const stop = min(a + PAIRED, last); a < stop; a += 8) {
          const x = v128.load32_splat(a);
          const y = v128.load32_splat(a, 4);
          let u = v128.load(w, 16);
          h0 = addHalves(x, low(u, nibble), y, high(u, nibble), h0);
          u = v128.load(w, 32);
          h1 = addHalves(x, low(u, nibble), y, high(u, nibble), h1);
          u = v128.load(z, 16);
          h2 = addHalves(x, low(u, nibble), y, high(u, nibble), h2);
          u = v128.load(z, 32);
          h3 = addHalves(x, low(u, nibble), y, high(u, nibble), h3);
          w += 32;
          z += 32;
        }
        s0 = i32x4.add(s0, i32x4.dot_i16x8_s(h0, one));
        s1 = i32x4.add(s1, i32x4.dot_i16x8_s(h1, one));
        s2 = i32x4.add(s2, i32x4.dot_i16x8_s(h2, one));
        s3 = i32x4.add(s3, i32x4.dot_i16x8_s(h3, one));
      }
    }
    for (; a < last; a += 8) {
      const x = v128.load32_splat(a);
      const y = v128.load32_splat(a, 4);
      let u = v128.load(w, 16);
      s0 = sumProducts(x, low(u, nibble), y, high(u, nibble), s0, one);
      u = v128.load(w, 32);
      s1 = sumProducts(x, low(u, nibble), y, high(u, nibble), s1, one);
      u = v128.load(z, 16);
      s2 = sumProducts(x, low(u, nibble), y, high(u, nibble), s2, one);
      u = v128.load(z, 32);
      s3 = sumProducts(x, low(u, nibble), y, high(u, nibble), s3, one);
      w += 32;
      z += 32;
    }
    w += 16;
    z += 16;
    const h = v128.load(scales);
    const i = v128.load(scalesBeside);
    f0 = madd(f32x4.convert_i32x4_s(s0), lowHalves(h, mask, factor), f0);
    f1 = madd(f32x4.convert_i32x4_s(s1), highHalves(h, mask, factor), f1);
    f2 = madd(f32x4.convert_i32x4_s(s2), lowHalves(i, mask, factor), f2);
    f3 = madd(f32x4.convert_i32x4_s(s3), highHalves(i, mask, factor), f3);
    starts += 4;
  }
  const scale = v128.load32_splat(scaleA);
  v128.store(c, madd(f0, scale, v128.load(bias)));
  v128.store(c, madd(f1, scale, v128.load(bias, 16)), 16);
  v128.store(c, madd(f2, scale, v128.load(bias, 32)), 32);
  v128.store(c, madd(f3, scale, v128.load(bias, 48)), 48);
}

function twoRows(
  a: usize,
  k: i32,
  group: i32,
  w: usize,
  c: usize,
  stride: usize,
  scaleA: usize,
  starts: usize,
  bias: usize,
): void {
  const one = ones(k);
  const nibble = i8x16.splat(<i8>opaque(15, k));
  const mask = halfMask(k);
  const factor = halfFactor(k);
  let f0 = f32x4.splat(0);
  let f1 = f0;
  let g0 = f0;
  let g1 = f0;
  const below: usize = k;
  const startsBelow: usize = (<usize>(k / group)) << 2;
  const end: usize = a + k;
  while (a < end) {
    const scales = v128.load(w);
    let s0 = v128.load32_splat(starts);
    let s1 = s0;
    let t0 = v128.load32_splat(starts + startsBelow);
    let t1 = t0;
    w += 16;
    for (const last: usize = a + group; a < last; a += 8) {
      const u = v128.load(w);
      const v = v128.load(w, 16);
      const u0 = low(u, nibble);
      const u1 = high(u, nibble);
      const v0 = low(v, nibble);
      const v1 = high(v, nibble);
      let x = v128.load32_splat(a);
      let y = v128.load32_splat(a, 4);
      s0 = sumProducts(x, u0, y, u1, s0, one);
      s1 = sumProducts(x, v0, y, v1, s1, one);
      x = v128.load32_splat(a + below);
      y = v128.load32_splat(a + below, 4);
      t0 = sumProducts(x, u0, y, u1, t0, one);
      t1 = sumProducts(x, v0, y, v1, t1, one);
      w += 32;
    }
    const scale0 = lowHalves(scales, mask, factor);
    const scale1 = highHalves(scales, mask, factor);
    f0 = madd(f32x4.convert_i32x4_s(s0), scale0, f0);
    f1 = madd(f32x4.convert_i32x4_s(s1), scale1, f1);
    g0 = madd(f32x4.convert_i32x4_s(t0), scale0, g0);
    g1 = madd(f32x4.convert_i32x4_s(t1), scale1, g1);
    starts += 4;
  }
  let scale = v128.load32_splat(scaleA);
  v128.store(c, madd(f0, scale, v128.load(bias)));
  v128.store(c, madd(f1, scale, v128.load(bias, 16)), 16);
  c += stride;
  scale = v128.load32_splat(scaleA, 4);
  v128.store(c, madd(g0, scale, v128.load(bias)));
  v128.store(c, madd(g1, scale, v128.load(bias, 16)), 16);
}

/** Adds the products of two steps to eight sums of 16 bits, two at a time. */
function addHalves(x: v128, u: v128, y: v128, v: v128, sums: v128): v128 {
  return i16x8.add(
    i16x8.add(sums, i16x8.relaxed_dot_i8x16_i7x16_s(x, u)),
    i16x8.relaxed_dot_i8x16_i7x16_s(y, v),
  );
}

/** The lower nibbles of 16 bytes. */
export function low(bytes: v128, nibble: v128): v128 {
  return v128.and(bytes, nibble);
}

/** The upper nibbles of 16 bytes. */
export function high(bytes: v128, nibble: v128): v128 {
  return v128.and(i16x8.shr_u(bytes, 4), nibble);
}
