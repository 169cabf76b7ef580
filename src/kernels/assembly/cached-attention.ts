// Attention of one new token to all before it, or to what the encoder wrote:
// keys and values are remembered as f16.

import { expScratch, prepareExp } from "./exp";
import { halfFactor, halfMask, highHalves, lowHalves } from "./half";
import { madd, sumLanes } from "./lanes";
import { softmaxRow } from "./softmax";

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
  for (let head = 0; head < heads; head++) {
    for (let key = 0; key < keys; key++) {
      const score = product(q, k + stride * key, width);
      store<f32>(shares + ((<usize>key) << 2), score);
    }
    softmaxRow(shares, keys, scale, constants);
    for (let at = 0; at < width; at += 16) {
      const from = v + ((<usize>at) << 1);
      weighted(shares, from, stride, keys, y + ((<usize>at) << 2));
    }
    q += (<usize>width) << 2;
    k += (<usize>width) << 1;
    v += (<usize>width) << 1;
    y += (<usize>width) << 2;
  }
}

/** q `[width]` f32 times k `[width]` f16. */
function product(q: usize, k: usize, width: i32): f32 {
  const mask = halfMask(width);
  const factor = halfFactor(width);
  let a = f32x4.splat(0);
  let b = a;
  for (const end = k + ((<usize>width) << 1); k < end; k += 16) {
    const halves = v128.load(k);
    a = madd(v128.load(q), lowHalves(halves, mask, factor), a);
    b = madd(v128.load(q, 16), highHalves(halves, mask, factor), b);
    q += 32;
  }
  return sumLanes(f32x4.add(a, b));
}

/** 16 channels of the values, each key's times its share. */
function weighted(
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
    const share = v128.load32_splat(shares);
    const first = v128.load(v);
    const second = v128.load(v, 16);
    a = madd(share, lowHalves(first, mask, factor), a);
    b = madd(share, highHalves(first, mask, factor), b);
    c = madd(share, lowHalves(second, mask, factor), c);
    d = madd(share, highHalves(second, mask, factor), d);
    shares += 4;
    v += stride;
  }
  v128.store(y, a);
  v128.store(y, b, 16);
  v128.store(y, c, 32);
  v128.store(y, d, 48);
}
