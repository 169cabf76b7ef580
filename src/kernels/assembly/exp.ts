// The exponential of four lanes: 2^n times a polynomial over half a step of n.

import { madd } from "./lanes";

const LOG2_E: f32 = 1.4426950408889634;
/** ln 2 in two parts: products of the first with whole numbers are exact. */
const LN2_HIGH: f32 = 0.693145751953125;
const LN2_LOW: f32 = 1.428606765330187e-6;
/** Below, exp(x) is no normal f32; above, it overflows. */
const LOWEST: f32 = -87;
const HIGHEST: f32 = 88;

/** Bytes of scratch. */
export function expScratch(): i32 {
  return 48;
}

/**
 * Writes what `exp` reads: constants that V8 would make anew in each round.
 *
 * @param scratch `expScratch()` bytes.
 */
export function prepareExp(scratch: usize): void {
  store<f32>(scratch, LOWEST);
  store<f32>(scratch, HIGHEST, 4);
  store<f32>(scratch, LOG2_E, 8);
  store<f32>(scratch, -LN2_HIGH, 12);
  store<f32>(scratch, -LN2_LOW, 16);
  store<f32>(scratch, <f32>1 / 720, 20);
  store<f32>(scratch, <f32>1 / 120, 24);
  store<f32>(scratch, <f32>1 / 24, 28);
  store<f32>(scratch, <f32>1 / 6, 32);
  store<f32>(scratch, <f32>1 / 2, 36);
  store<f32>(scratch, 1, 40);
  store<f32>(scratch, <f32>1 / 5040, 44);
}

/**
 * exp(x), to 2e-7 relative; of what is below -87, exp(-87) = 1.6e-38; of NaN,
 * NaN.
 *
 * @param scratch what `prepareExp` wrote.
 */
export function exp(x: v128, scratch: usize): v128 {
  x = f32x4.pmax(x, v128.load32_splat(scratch));
  x = f32x4.pmin(x, v128.load32_splat(scratch, 4));
  const n = f32x4.nearest(f32x4.mul(x, v128.load32_splat(scratch, 8)));
  let r = madd(n, v128.load32_splat(scratch, 12), x); // |r| <= 0.35
  r = madd(n, v128.load32_splat(scratch, 16), r);
  const one = v128.load32_splat(scratch, 40);
  let p = v128.load32_splat(scratch, 44);
  p = madd(p, r, v128.load32_splat(scratch, 20));
  p = madd(p, r, v128.load32_splat(scratch, 24));
  p = madd(p, r, v128.load32_splat(scratch, 28));
  p = madd(p, r, v128.load32_splat(scratch, 32));
  p = madd(p, r, v128.load32_splat(scratch, 36));
  p = madd(p, r, one);
  p = madd(p, r, one);
  // A float's exponent stands above 23 bits of fraction.
  return i32x4.add(p, i32x4.shl(i32x4.trunc_sat_f32x4_s(n), 23));
}
