// The exponential of four lanes: 2^n times a polynomial over half a step of n.

import { madd } from "./lanes";

const LOG2_E: f32 = 1.4426950408889634;
/** ln 2 in two parts: products of the first with whole numbers are exact. */
const LN2_HIGH: f32 = 0.693145751953125;
const LN2_LOW: f32 = 1.428606765330187e-6;
/**
 * Below, exp(x) is taken as exp(-64) = 1.6e-28: beside a softmax's largest term
 * it adds nothing to an f32. Smaller ones would be no normal f32 once they are
 * divided by a sum, and processors of Intel's take a hundred times as long for a
 * product with such a number. Above the other, exp(x) overflows.
 */
const LOWEST: f32 = -64;
const HIGHEST: f32 = 88;

/**
 * 1.5 * 2^23: added to a value below 2^22 in magnitude, it leaves the nearest
 * whole number in the last bits.
 */
const WHOLE: f32 = 12582912;
/** Where `expTwo` leaves its results. */
const RESULTS: usize = 64;

/** Bytes of scratch. */
export function expScratch(): i32 {
  return 96;
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
  // The least largest error over half a step, 3e-9, with 1 + x to begin with.
  store<f32>(scratch, 0.0013814539415761828, 20);
  store<f32>(scratch, 0.00836874544620514, 24);
  store<f32>(scratch, 0.04166838899254799, 28);
  store<f32>(scratch, 0.1666652113199234, 32);
  store<f32>(scratch, 0.4999999403953552, 36);
  store<f32>(scratch, 1, 40);
  store<f32>(scratch, WHOLE, 44);
}

/**
 * exp(x), to 2e-7 relative; of what is below -64, exp(-64) = 1.6e-28; of NaN,
 * NaN.
 *
 * @param scratch what `prepareExp` wrote.
 */
export function exp(x: v128, scratch: usize): v128 {
  expTwo(x, x, scratch);
  return firstExp(scratch);
}

/**
 * exp of two vectors, for little more than that of one: the constants are read
 * once. `firstExp` and `secondExp` give the results.
 */
export function expTwo(a: v128, b: v128, scratch: usize): void {
  let c = v128.load32_splat(scratch);
  a = f32x4.pmax(a, c);
  b = f32x4.pmax(b, c);
  c = v128.load32_splat(scratch, 4);
  a = f32x4.pmin(a, c);
  b = f32x4.pmin(b, c);
  // The whole steps stand in the last bits of m and n.
  const log2e = v128.load32_splat(scratch, 8);
  const whole = v128.load32_splat(scratch, 44);
  const m = madd(a, log2e, whole);
  const n = madd(b, log2e, whole);
  let p = f32x4.sub(m, whole);
  let q = f32x4.sub(n, whole);
  c = v128.load32_splat(scratch, 12);
  a = madd(p, c, a);
  b = madd(q, c, b);
  c = v128.load32_splat(scratch, 16);
  a = madd(p, c, a); // |a| <= 0.35
  b = madd(q, c, b);
  p = v128.load32_splat(scratch, 20);
  c = v128.load32_splat(scratch, 24);
  q = madd(p, b, c);
  p = madd(p, a, c);
  c = v128.load32_splat(scratch, 28);
  p = madd(p, a, c);
  q = madd(q, b, c);
  c = v128.load32_splat(scratch, 32);
  p = madd(p, a, c);
  q = madd(q, b, c);
  c = v128.load32_splat(scratch, 36);
  p = madd(p, a, c);
  q = madd(q, b, c);
  c = v128.load32_splat(scratch, 40);
  p = madd(madd(p, a, c), a, c);
  q = madd(madd(q, b, c), b, c);
  // A float's exponent stands above 23 bits of fraction: the bits of 2^n are
  // those of 1, the exponent n larger.
  v128.store(scratch, f32x4.mul(p, i32x4.add(i32x4.shl(m, 23), c)), RESULTS);
  v128.store(
    scratch,
    f32x4.mul(q, i32x4.add(i32x4.shl(n, 23), c)),
    RESULTS + 16,
  );
}

/** Of the first vector that `expTwo` was given. */
export function firstExp(scratch: usize): v128 {
  return v128.load(scratch, RESULTS);
}

/** Of the second. */
export function secondExp(scratch: usize): v128 {
  return v128.load(scratch, RESULTS + 16);
}
