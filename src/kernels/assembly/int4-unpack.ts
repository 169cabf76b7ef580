// 4-bit weights become 7-bit ones, for products of many rows: unpacking costs
// little against them, and then they run at the speed of bytes. Scales of groups
// become whole-number factors of one scale per column.

import { halfFactor, halfMask, highHalves, lowHalves } from "./half";
import { groupBytes, high, low, NIBBLE_ZERO } from "./int4-rows";
import { opaque } from "./lanes";
import { ZERO_POINT } from "./quantize";

/** A nibble is 8 at most, a byte 63: with 9 bits of fraction 16 bits hold it. */
const FRACTION: i32 = 9;
const HALF: i16 = 256; // of 2^9
const NIBBLE_TO_BYTE: f32 = <f32>8 / 63;
/** Keeps a column of zeros from dividing by zero. */
const TINY: f32 = 1e-30;

/**
 * Unpacks a matrix.
 *
 * @param w `[n / 8, k / group]` groups, as `int4Rows` takes them.
 * @param to `[n / 8, k / 4, 8, 4]` bytes 0..127.
 * @param scales `[n]` f32 of the columns: |error| <= 0.6 of one.
 */
export function unpackInt4(
  w: usize,
  n: i32,
  k: i32,
  group: i32,
  to: usize,
  scales: usize,
): void {
  const groups = k / group;
  const size: usize = groupBytes(group);
  for (let column = 0; column < n; column += 8) {
    unpackPanel(w, groups, group, size, to, scales);
    w += size * groups;
    to += (<usize>k) << 3;
    scales += 32;
  }
}

function unpackPanel(
  w: usize,
  groups: i32,
  group: i32,
  size: usize,
  to: usize,
  scales: usize,
): void {
  const mask = halfMask(groups);
  const factor = halfFactor(groups);
  let top0 = f32x4.splat(0);
  let top1 = top0;
  for (let at = 0; at < groups; at++) {
    const halves = v128.load(w + size * at);
    top0 = f32x4.max(top0, f32x4.abs(lowHalves(halves, mask, factor)));
    top1 = f32x4.max(top1, f32x4.abs(highHalves(halves, mask, factor)));
  }
  const ratio = f32x4.splat(NIBBLE_TO_BYTE);
  const tiny = f32x4.splat(TINY);
  top0 = f32x4.max(f32x4.mul(top0, ratio), tiny);
  top1 = f32x4.max(f32x4.mul(top1, ratio), tiny);
  v128.store(scales, top0);
  v128.store(scales, top1, 16);
  const one = f32x4.splat(<f32>(1 << FRACTION));
  const inverse0 = f32x4.div(one, top0);
  const inverse1 = f32x4.div(one, top1);
  const nibble = i8x16.splat(<i8>opaque(15, group));
  for (let at = 0; at < groups; at++) {
    const halves = v128.load(w);
    const f = i16x8.narrow_i32x4_s(
      factors(lowHalves(halves, mask, factor), inverse0),
      factors(highHalves(halves, mask, factor), inverse1),
    ); // [8] whole numbers of at most 63 / 8 * 2^9
    const f01 = i16x8.shuffle(f, f, 0, 0, 0, 0, 1, 1, 1, 1);
    const f23 = i16x8.shuffle(f, f, 2, 2, 2, 2, 3, 3, 3, 3);
    const f45 = i16x8.shuffle(f, f, 4, 4, 4, 4, 5, 5, 5, 5);
    const f67 = i16x8.shuffle(f, f, 6, 6, 6, 6, 7, 7, 7, 7);
    const end = w + size;
    for (w += 16; w < end; w += 32) {
      const u = v128.load(w);
      const v = v128.load(w, 16);
      v128.store(to, toBytes(low(u, nibble), f01, f23));
      v128.store(to, toBytes(low(v, nibble), f45, f67), 16);
      v128.store(to, toBytes(high(u, nibble), f01, f23), 32);
      v128.store(to, toBytes(high(v, nibble), f45, f67), 48);
      to += 64;
    }
  }
}

function factors(scales: v128, inverse: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(scales, inverse)));
}

/** 16 nibbles, 4 columns of 4 k, as bytes. */
function toBytes(nibbles: v128, first: v128, second: v128): v128 {
  return i8x16.add(
    i8x16.narrow_i16x8_s(
      scaled(i16x8.extend_low_i8x16_u(nibbles), first),
      scaled(i16x8.extend_high_i8x16_u(nibbles), second),
    ),
    i8x16.splat(<i8>ZERO_POINT),
  );
}

function scaled(values: v128, factor: v128): v128 {
  const zero = i16x8.splat(<i16>NIBBLE_ZERO);
  const half = i16x8.splat(HALF);
  const product = i16x8.mul(i16x8.sub(values, zero), factor);
  return i16x8.shr_s(i16x8.add(product, half), FRACTION);
}
