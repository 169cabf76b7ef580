// Attention of one new token to all before it, or to what the encoder wrote:
// keys and values are remembered as f16.

import { expScratch, prepareExp } from "./exp";
import { halfFactor, halfMask, highShifted, lowShifted } from "./half";
import { madd, sumLanes } from "./lanes";
import { softmaxRow } from "./softmax";
import { touchRows } from "./touch";

/** A query's part of the 2^112 that shifted f16 lack; 2^112 could be too much. */
const QUERY_FACTOR: f32 = 1152921504606846976; // 2^60
/** What is left of it for the score. */
const SCORE_FACTOR: f32 = 4503599627370496; // 2^52

/** Bytes of scratch. */
export function cachedAttentionScratch(keys: i32): i32 {
  return expScratch() + 4 * ((keys + 3) & ~3);
}

/**
 * y = softmax(scale * q kT) v for each head, for one row.
 *
 * @param q `[heads, width]` f32; width a multiple of 16.
 * @param k `[keys, heads, width]` f16, `v` of the same shape; `stride` bytes
 *   from key to key.
 * @param y `[heads, width]` f32.
 * @param scratch `cachedAttentionScratch(keys)` bytes.
 */
export function cachedAttention(
  q: usize,
  k: usize,
  v: usize,
  stride: usize,
  keys: i32,
  heads: i32,
  width: i32,
  scale: f32,
  y: usize,
  scratch: usize,
): void {
  const constants = scratch;
  const shares = scratch + expScratch();
  prepareExp(constants);
  const bytes: usize = (<usize>width) << 1;
  for (let head = 0; head < heads; head++) {
    touchRows(k, stride, keys, bytes, y);
    scoreKeys(q, k, stride, keys, width, shares);
    softmaxRow(shares, keys, scale * SCORE_FACTOR, constants);
    touchRows(v, stride, keys, bytes, y);
    let at = 0;
    for (; at + 32 <= width; at += 32) {
      const from = v + ((<usize>at) << 1);
      weighted32(shares, from, stride, keys, y + ((<usize>at) << 2));
    }
    if (at < width) {
      const from = v + ((<usize>at) << 1);
      weighted16(shares, from, stride, keys, y + ((<usize>at) << 2));
    }
    q += (<usize>width) << 2;
    k += bytes;
    v += bytes;
    y += (<usize>width) << 2;
  }
}

/**
 * q `[width]` f32 times each k `[width]` f16, `SCORE_FACTOR` times too small.
 * Four keys at a time share what is read of q, and their sums end in one
 * vector: 1.6 times as fast as one by one.
 */
function scoreKeys(
  q: usize,
  k: usize,
  stride: usize,
  keys: i32,
  width: i32,
  to: usize,
): void {
  const mask = halfMask(width);
  const factor = f32x4.splat(QUERY_FACTOR);
  const bytes: usize = (<usize>width) << 1;
  let key = 0;
  for (; key + 4 <= keys; key += 4) {
    let a = f32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    let from = q;
    for (let at: usize = 0; at < bytes; at += 16) {
      const first = f32x4.mul(v128.load(from), factor);
      const second = f32x4.mul(v128.load(from, 16), factor);
      let line = k + at;
      let halves = v128.load(line);
      a = madd(first, lowShifted(halves, mask), a);
      a = madd(second, highShifted(halves, mask), a);
      line += stride;
      halves = v128.load(line);
      b = madd(first, lowShifted(halves, mask), b);
      b = madd(second, highShifted(halves, mask), b);
      line += stride;
      halves = v128.load(line);
      c = madd(first, lowShifted(halves, mask), c);
      c = madd(second, highShifted(halves, mask), c);
      line += stride;
      halves = v128.load(line);
      d = madd(first, lowShifted(halves, mask), d);
      d = madd(second, highShifted(halves, mask), d);
      from += 32;
    }
    v128.store(to, addPairs(addPairs(a, b), addPairs(c, d)));
    k += stride << 2;
    to += 16;
  }
  for (; key < keys; key++) {
    let sum = f32x4.splat(0);
    for (let at: usize = 0; at < bytes; at += 16) {
      const halves = v128.load(k + at);
      const from = q + (at << 1);
      const first = f32x4.mul(v128.load(from), factor);
      const second = f32x4.mul(v128.load(from, 16), factor);
      sum = madd(first, lowShifted(halves, mask), sum);
      sum = madd(second, highShifted(halves, mask), sum);
    }
    store<f32>(to, sumLanes(sum));
    k += stride;
    to += 4;
  }
}

/** Neighbours' sums: of `a`, then of `b`. */
function addPairs(a: v128, b: v128): v128 {
  return f32x4.add(
    f32x4.shuffle(a, b, 0, 2, 4, 6),
    f32x4.shuffle(a, b, 1, 3, 5, 7),
  );
}

/** 32 channels of the values, each key's times its share. */
function weighted32(
  shares: usize,
  v: usize,
  stride: usize,
  keys: i32,
  y: usize,
): void {
  const mask = halfMask(keys);
  const factor = halfFactor(keys);
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  let g = a;
  let h = a;
  for (let key = 0; key < keys; key++) {
    // One factor for all of a key's channels.
    const share = f32x4.mul(v128.load32_splat(shares), factor);
    let halves = v128.load(v);
    a = madd(share, lowShifted(halves, mask), a);
    b = madd(share, highShifted(halves, mask), b);
    halves = v128.load(v, 16);
    c = madd(share, lowShifted(halves, mask), c);
    d = madd(share, highShifted(halves, mask), d);
    halves = v128.load(v, 32);
    e = madd(share, lowShifted(halves, mask), e);
    f = madd(share, highShifted(halves, mask), f);
    halves = v128.load(v, 48);
    g = madd(share, lowShifted(halves, mask), g);
    h = madd(share, highShifted(halves, mask), h);
    shares += 4;
    v += stride;
  }
  v128.store(y, a);
  v128.store(y, b, 16);
  v128.store(y, c, 32);
  v128.store(y, d, 48);
  v128.store(y, e, 64);
  v128.store(y, f, 80);
  v128.store(y, g, 96);
  v128.store(y, h, 112);
}

/** 16 channels, where no 32 are left. */
function weighted16(
  shares: usize,
  v: usize,
  stride: usize,
  keys: i32,
  y: usize,
): void {
  const mask = halfMask(keys);
  const factor = halfFactor(keys);
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (let key = 0; key < keys; key++) {
    const share = f32x4.mul(v128.load32_splat(shares), factor);
    let halves = v128.load(v);
    a = madd(share, lowShifted(halves, mask), a);
    b = madd(share, highShifted(halves, mask), b);
    halves = v128.load(v, 16);
    c = madd(share, lowShifted(halves, mask), c);
    d = madd(share, highShifted(halves, mask), d);
    shares += 4;
    v += stride;
  }
  v128.store(y, a);
  v128.store(y, b, 16);
  v128.store(y, c, 32);
  v128.store(y, d, 48);
}
