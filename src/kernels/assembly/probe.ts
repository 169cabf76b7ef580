// What this build's byte products are on this processor, found by values and
// not by a clock: clocks stand still at the edge.

import { DOT, PAIR } from "./variant";

/**
 * Whether this build is the right one here.
 *
 * `DOT`: four products of a byte with a byte above the 7 bits the standard
 * promises come out exact only where the processor adds them in one step
 * (x86's VNNI takes it as unsigned, ARM's SDOT as signed); where it adds them in
 * two steps they saturate. `PAIR`: two products within the promise are right; a
 * V8 without AVX is known to fail this in its baseline compiler.
 *
 * @param seven any 7: arguments are not known while compiling.
 * @returns 1 or 0; always 1 for `PLAIN`.
 */
export function suits(seven: i32): i32 {
  const most = i8x16.splat(<i8>(seven * 18 + 1)); // 127
  if (VARIANT == DOT) {
    const above = i8x16.splat(<i8>(seven * 36 + 3)); // 255 or -1
    const sums = i32x4.relaxed_dot_i8x16_i7x16_add_s(
      most,
      above,
      i32x4.splat(seven),
    );
    const sum = i32x4.extract_lane(sums, 0) - seven;
    return i32(sum == 4 * 127 * 255 || sum == 4 * 127 * -1);
  }
  if (VARIANT == PAIR) {
    const mixed = i16x8.splat(<i16>(seven - 2 * 256 * seven)); // bytes 7, -14
    const sums = i16x8.relaxed_dot_i8x16_i7x16_s(mixed, most);
    const right = i16x8.relaxed_dot_i8x16_i7x16_s(most, most);
    return i32(
      <i32>i16x8.extract_lane_s(sums, 3) == 127 * (7 - 14) &&
        <i32>i16x8.extract_lane_s(right, 5) == 2 * 127 * 127,
    );
  }
  return 1;
}
