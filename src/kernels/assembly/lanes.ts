// Operations on lanes that several families share. All are small enough for
// the optimizer to put in place.

import { DOT, PAIR, PLAIN } from "./variant";

/** a * b + c, in one rounding where the processor can. */
export function madd(a: v128, b: v128, c: v128): v128 {
  if (VARIANT == PLAIN) return f32x4.add(f32x4.mul(a, b), c);
  return f32x4.relaxed_madd(a, b, c);
}

/** The sum of the four lanes. */
export function sumLanes(a: v128): f32 {
  return (
    f32x4.extract_lane(a, 0) +
    f32x4.extract_lane(a, 1) +
    (f32x4.extract_lane(a, 2) + f32x4.extract_lane(a, 3))
  );
}

/** The greatest lane. */
export function maxLane(a: v128): f32 {
  return max(
    max(f32x4.extract_lane(a, 0), f32x4.extract_lane(a, 1)),
    max(f32x4.extract_lane(a, 2), f32x4.extract_lane(a, 3)),
  );
}

/** The sum of four whole numbers. */
export function sumWhole(a: v128): i32 {
  return (
    i32x4.extract_lane(a, 0) +
    i32x4.extract_lane(a, 1) +
    i32x4.extract_lane(a, 2) +
    i32x4.extract_lane(a, 3)
  );
}

/**
 * `value`, in a way no compiler can see through as long as `size` is not
 * negative. V8 makes a constant vector anew in each round of a loop; as a value
 * of run time it stays in its register (up to 4 times as fast, Node 24).
 */
export function opaque(value: i32, size: i32): i32 {
  return value | (size >>> 31);
}

/** Where `sumProducts` finds ones; only `PAIR` needs them. */
export function ones(size: i32): v128 {
  return i16x8.splat(<i16>opaque(1, size));
}

/**
 * Adds to each lane of `sums` the four products of two steps along k.
 *
 * Activations are signed bytes, weights 0..127, one step is 16 bytes: 4 columns
 * of 4 k. `PAIR` wants |activation| <= 63 if weights reach 127.
 */
export function sumProducts(
  x0: v128,
  w0: v128,
  x1: v128,
  w1: v128,
  sums: v128,
  one: v128,
): v128 {
  if (VARIANT == DOT) {
    return i32x4.relaxed_dot_i8x16_i7x16_add_s(
      x1,
      w1,
      i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, w0, sums),
    );
  }
  if (VARIANT == PAIR) {
    const halves = i16x8.add(
      i16x8.relaxed_dot_i8x16_i7x16_s(x0, w0),
      i16x8.relaxed_dot_i8x16_i7x16_s(x1, w1),
    );
    return i32x4.add(sums, i32x4.dot_i16x8_s(halves, one));
  }
  const wide0 = i16x8.extend_low_i8x16_s(x0); // the 4 k, twice
  const wide1 = i16x8.extend_low_i8x16_s(x1);
  const low = i32x4.add(
    i32x4.dot_i16x8_s(wide0, i16x8.extend_low_i8x16_s(w0)),
    i32x4.dot_i16x8_s(wide1, i16x8.extend_low_i8x16_s(w1)),
  );
  const high = i32x4.add(
    i32x4.dot_i16x8_s(wide0, i16x8.extend_high_i8x16_s(w0)),
    i32x4.dot_i16x8_s(wide1, i16x8.extend_high_i8x16_s(w1)),
  );
  return i32x4.add(sums, addNeighbours(low, high));
}

/** As `sumProducts`; `PAIR` takes |activation| up to 127, for a step more. */
export function sumBytes(
  x0: v128,
  w0: v128,
  x1: v128,
  w1: v128,
  sums: v128,
  one: v128,
): v128 {
  if (VARIANT != PAIR) return sumProducts(x0, w0, x1, w1, sums, one);
  const first = i16x8.relaxed_dot_i8x16_i7x16_s(x0, w0);
  const second = i16x8.relaxed_dot_i8x16_i7x16_s(x1, w1);
  return i32x4.add(
    sums,
    i32x4.add(i32x4.dot_i16x8_s(first, one), i32x4.dot_i16x8_s(second, one)),
  );
}

/** Four sums of two neighbours each: of `low`, then of `high`. */
export function addNeighbours(low: v128, high: v128): v128 {
  return i32x4.add(
    i32x4.shuffle(low, high, 0, 2, 4, 6),
    i32x4.shuffle(low, high, 1, 3, 5, 7),
  );
}
