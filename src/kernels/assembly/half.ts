// Numbers of 16 bits: scales of weights, and what the decoder remembers.

import { opaque } from "./lanes";

/** 2^112: between the exponents of 16 and of 32 bits. */
const REBIAS: f32 = 5.192296858534828e33;
const REBIAS_BITS: i32 = 0x77800000;
const LARGEST: f32 = 65504;

/** All of a shifted f16 that counts: sign, exponent and fraction. */
export function halfMask(size: i32): v128 {
  return i32x4.splat(opaque(0x8fffe000, size));
}

/** The factor that brings a shifted f16's exponent to that of f32. */
export function halfFactor(size: i32): v128 {
  return i32x4.splat(opaque(REBIAS_BITS, size));
}

/**
 * The first four of eight f16 as f32; infinities and NaN are not told apart
 * from large numbers.
 *
 * @param mask `halfMask`, `factor` `halfFactor`: made outside the loop.
 */
export function lowHalves(halves: v128, mask: v128, factor: v128): v128 {
  return f32x4.mul(lowShifted(halves, mask), factor);
}

/** The last four of eight f16 as f32. */
export function highHalves(halves: v128, mask: v128, factor: v128): v128 {
  return f32x4.mul(highShifted(halves, mask), factor);
}

/** The first four of eight f16, as f32 that lack `halfFactor`. */
export function lowShifted(halves: v128, mask: v128): v128 {
  return shifted(i32x4.extend_low_i16x8_s(halves), mask);
}

/** The last four of eight f16, as f32 that lack `halfFactor`. */
export function highShifted(halves: v128, mask: v128): v128 {
  return shifted(i32x4.extend_high_i16x8_s(halves), mask);
}

/** The sign goes to the top, exponent and fraction under f32's own. */
function shifted(halves: v128, mask: v128): v128 {
  return v128.and(i32x4.shl(halves, 13), mask);
}

/**
 * Writes f32 as f16, rounded to nearest, ties to even; beyond the largest f16
 * they become it, NaN stays a large number.
 *
 * @param from `[count]` f32, `to` `[count]` f16; count a multiple of 8.
 */
export function storeHalves(from: usize, count: i32, to: usize): void {
  const end = from + ((<usize>count) << 2);
  for (; from < end; from += 32) {
    const low = narrow(v128.load(from));
    const high = narrow(v128.load(from, 16));
    v128.store(to, i16x8.narrow_i32x4_s(low, high));
    to += 16;
  }
}

/** The 16 bits of each lane, as a signed whole number. */
function narrow(a: v128): v128 {
  const most = f32x4.splat(LARGEST);
  const clamped = f32x4.pmax(f32x4.neg(most), f32x4.pmin(most, a));
  const small = f32x4.mul(clamped, f32x4.splat(<f32>1 / REBIAS));
  const magnitude = v128.and(small, i32x4.splat(0x7fffffff));
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const rounded = i32x4.shr_u(
    i32x4.add(i32x4.add(magnitude, i32x4.splat(0xfff)), odd),
    13,
  );
  const sign = v128.and(i32x4.shr_s(small, 31), i32x4.splat(-0x8000));
  return v128.or(rounded, sign);
}

/**
 * Writes f16 as f32.
 *
 * @param from `[count]` f16, `to` `[count]` f32; count a multiple of 8.
 */
export function loadHalves(from: usize, count: i32, to: usize): void {
  const mask = halfMask(count);
  const factor = halfFactor(count);
  const end = from + ((<usize>count) << 1);
  for (; from < end; from += 16) {
    const halves = v128.load(from);
    v128.store(to, lowHalves(halves, mask, factor));
    v128.store(to, highHalves(halves, mask, factor), 16);
    to += 32;
  }
}
