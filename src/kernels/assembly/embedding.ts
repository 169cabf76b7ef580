// Rows of an embedding read out of the packed weights of the head, which are
// the same numbers: the vocabulary is not kept twice.

import { halfFactor, halfMask, lowHalves } from "./half";
import { groupBytes, NIBBLE_ZERO } from "./int4-rows";
import { ZERO_POINT } from "./quantize";

/**
 * One column of a one-byte matrix.
 *
 * @param w `[n / 8, k / 4, 8, 4]` bytes, `scales` `[n]` f32.
 * @param to `[k]` f32.
 */
export function int8Column(
  w: usize,
  scales: usize,
  k: i32,
  column: i32,
  to: usize,
): void {
  const panel: usize = (<usize>k) << 3;
  const scale = load<f32>(scales + ((<usize>column) << 2));
  let from = w + panel * (column >> 3) + (((<usize>column) & 7) << 2);
  for (const end = to + ((<usize>k) << 2); to < end; to += 16) {
    for (let at: usize = 0; at < 4; at++) {
      const whole = <i32>load<u8>(from + at) - ZERO_POINT;
      store<f32>(to + (at << 2), <f32>whole * scale);
    }
    from += 32;
  }
}

/**
 * One column of a 4-bit matrix.
 *
 * @param w `[n / 8, k / group]` groups, as `int4Rows` takes them.
 * @param to `[k]` f32.
 */
export function int4Column(
  w: usize,
  k: i32,
  group: i32,
  column: i32,
  to: usize,
): void {
  const size: usize = groupBytes(group);
  const lane: usize = (<usize>column) & 7;
  let from = w + size * ((column >> 3) * (k / group));
  for (let first = 0; first < k; first += group) {
    const scale = scaleOf(from, lane);
    let at = from + 16 + (lane << 2);
    for (let step = 0; step < group; step += 8) {
      for (let i: usize = 0; i < 4; i++) {
        const byte = <i32>load<u8>(at + i);
        const low = (byte & 15) - NIBBLE_ZERO;
        const high = (byte >> 4) - NIBBLE_ZERO;
        store<f32>(to + (i << 2), <f32>low * scale);
        store<f32>(to + (i << 2), <f32>high * scale, 16);
      }
      at += 32;
      to += 32;
    }
    from += size;
  }
}

/** One of the 8 scales of a group. */
function scaleOf(group: usize, lane: usize): f32 {
  const half = i16x8.splat(load<i16>(group + (lane << 1)));
  const all = lowHalves(half, halfMask(1), halfFactor(1));
  return f32x4.extract_lane(all, 0);
}

/**
 * One column of an f32 matrix.
 *
 * @param w `[n / 8, k, 8]` f32.
 * @param to `[k]` f32.
 */
export function f32Column(w: usize, k: i32, column: i32, to: usize): void {
  const panel: usize = (<usize>k) << 5;
  let from = w + panel * (column >> 3) + (((<usize>column) & 7) << 2);
  for (const end = to + ((<usize>k) << 2); to < end; to += 4) {
    store<f32>(to, load<f32>(from));
    from += 32;
  }
}
