// The three builds of one source. They differ in how four products of bytes
// are added up; everything else is the same code.

/** Relaxed SIMD on a processor that adds four byte products in one step. */
export const DOT: i32 = 0;
/** Relaxed SIMD on any other processor: two products to 16 bits, then four. */
export const PAIR: i32 = 1;
/** No relaxed SIMD. */
export const PLAIN: i32 = 2;

/** Up to this many rows go without tiles. */
export const FEW_ROWS: i32 = 5;

/** Largest magnitude of an activation where four products meet in 16 bits. */
const PAIR_LIMIT: f32 = 63; // 4 * 63 * 127 < 2^15
/** Where two do: 2 * 127 * 127 < 2^15. */
export const BYTE_LIMIT: f32 = 127;

/**
 * Largest magnitude of a quantized activation in products of `rows` rows with
 * one-byte weights. A result depends on the variant by this, and by how f32
 * rounds. Few rows wait for their weights: there is time for another bit.
 */
export function activationLimit(rows: i32): f32 {
  return VARIANT == PAIR && rows > FEW_ROWS ? PAIR_LIMIT : BYTE_LIMIT;
}
