// A checksum of bytes whose hash was right once: what is read again is compared by
// it, as fast as memory is read.

/** Where the folding begins, and what each word is multiplied by: FNV-1a's. */
const BASIS: u64 = 0xcbf29ce484222325;
const PRIME: u64 = 0x100000001b3;
/** Bits beyond those that an f64 holds. */
const BEYOND: u64 = 11;

/**
 * A whole number of 53 bits: of sums of 32-bit words, and of the sums so far
 * (Fletcher, 1982), in four lanes, folded into one. Bytes that differ have another
 * one but by chance. For faults, not against who forges.
 *
 * @param x `[count]` bytes; count a multiple of 16.
 */
export function checksum(x: usize, count: i32): f64 {
  let sum = i32x4.splat(0);
  let sums = sum;
  for (const end = x + <usize>count; x < end; x += 16) {
    sum = i32x4.add(sum, v128.load(x));
    sums = i32x4.add(sums, sum);
  }
  return <f64>(fold(sums, fold(sum, BASIS)) >> BEYOND);
}

/** Four words more. */
function fold(words: v128, state: u64): u64 {
  state = (state ^ (<u64>(<u32>i32x4.extract_lane(words, 0)))) * PRIME;
  state = (state ^ (<u64>(<u32>i32x4.extract_lane(words, 1)))) * PRIME;
  state = (state ^ (<u64>(<u32>i32x4.extract_lane(words, 2)))) * PRIME;
  return (state ^ (<u64>(<u32>i32x4.extract_lane(words, 3)))) * PRIME;
}
