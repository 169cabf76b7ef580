// Activations in place, over any number of values. Bounds are `pmax` and `pmin`:
// one instruction each, where `max` and `min` take V8 eight; NaN stays NaN.

import { expTwo, firstExp, prepareExp, secondExp } from "./exp";

/** max(x, 0). `[count]` f32; count a multiple of 4. */
export function relu(x: usize, count: i32): void {
  const zero = f32x4.splat(0);
  const end = x + ((<usize>count) << 2);
  for (; x < end; x += 16) v128.store(x, f32x4.pmax(v128.load(x), zero));
}

/** min(max(x, 0), 6). `[count]` f32; count a multiple of 4. */
export function relu6(x: usize, count: i32): void {
  const zero = f32x4.splat(0);
  const six = f32x4.splat(6);
  const end = x + ((<usize>count) << 2);
  for (; x < end; x += 16) {
    v128.store(x, f32x4.pmin(f32x4.pmax(v128.load(x), zero), six));
  }
}

/**
 * 1 / (1 + exp(-x)). `[count]` f32; count a multiple of 4.
 *
 * @param scratch `expScratch()` bytes.
 */
export function sigmoid(x: usize, count: i32, scratch: usize): void {
  prepareExp(scratch);
  const end = x + ((<usize>count) << 2);
  for (; x < end; x += 32) {
    const next = min(x + 16, end - 16); // the last vector twice if it is alone
    expTwo(f32x4.neg(v128.load(x)), f32x4.neg(v128.load(next)), scratch);
    v128.store(x, oneBy(firstExp(scratch)));
    v128.store(next, oneBy(secondExp(scratch)));
  }
}

/**
 * x / (1 + exp(-x)). `[count]` f32; count a multiple of 4.
 *
 * @param scratch `expScratch()` bytes.
 */
export function silu(x: usize, count: i32, scratch: usize): void {
  prepareExp(scratch);
  const end = x + ((<usize>count) << 2);
  for (; x < end; x += 32) {
    const next = min(x + 16, end - 16);
    const a = v128.load(x);
    const b = v128.load(next);
    expTwo(f32x4.neg(a), f32x4.neg(b), scratch);
    v128.store(x, f32x4.mul(a, oneBy(firstExp(scratch))));
    v128.store(next, f32x4.mul(b, oneBy(secondExp(scratch))));
  }
}

/** min(max(x + 3, 0), 6) / 6. `[count]` f32; count a multiple of 4. */
export function hardSigmoid(x: usize, count: i32): void {
  const end = x + ((<usize>count) << 2);
  for (; x < end; x += 16) v128.store(x, hardSigmoidLanes(v128.load(x)));
}

/** x min(max(x + 3, 0), 6) / 6. `[count]` f32; count a multiple of 4. */
export function hardSwish(x: usize, count: i32): void {
  const end = x + ((<usize>count) << 2);
  for (; x < end; x += 16) {
    const a = v128.load(x);
    v128.store(x, f32x4.mul(a, hardSigmoidLanes(a)));
  }
}

/** 1 / (1 + x). */
function oneBy(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, x));
}

function hardSigmoidLanes(a: v128): v128 {
  const shifted = f32x4.add(a, f32x4.splat(3));
  const clamped = f32x4.pmin(
    f32x4.pmax(shifted, f32x4.splat(0)),
    f32x4.splat(6),
  );
  return f32x4.mul(clamped, f32x4.splat(<f32>1 / 6));
}
