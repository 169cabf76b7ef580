// Numbers of 16 bits: scales of weights, and what the decoder remembers.

/** 2^112: between the exponents of 16 and of 32 bits. */
const REBIAS: f32 = 5.192296858534828e33;
const LARGEST: f32 = 65504;

/** The first four of eight f16 as f32; infinities and NaN are not told apart from large numbers. */
export function lowHalves(halves: v128): v128 {
  return widen(i32x4.extend_low_i16x8_s(halves));
}

/** The last four of eight f16 as f32. */
export function highHalves(halves: v128): v128 {
  return widen(i32x4.extend_high_i16x8_s(halves));
}

/** The sign goes to the top, exponent and fraction under f32's own. */
function widen(halves: v128): v128 {
  const bits = v128.and(i32x4.shl(halves, 13), i32x4.splat(0x8fffe000));
  return f32x4.mul(bits, f32x4.splat(REBIAS));
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
  const end = from + ((<usize>count) << 1);
  for (; from < end; from += 16) {
    const halves = v128.load(from);
    v128.store(to, lowHalves(halves));
    v128.store(to, highHalves(halves), 16);
    to += 32;
  }
}
