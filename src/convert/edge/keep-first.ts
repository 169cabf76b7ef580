// The first matrices of a model's towers stay in f32, as far as bytes allow.

import type { EdgePart, Matrix } from "./edge-part.ts";

/** Bytes that f32 takes more than 7 bits. */
const MORE_BYTES = 3;

/**
 * Keeps matrices in f32 one after another, in the order of their use, up to the
 * first that `bytes` do not pay for.
 *
 * @param parts of the towers.
 * @param isRounded whether a matrix would not be in f32 anyhow.
 */
export function keepFirst(
  parts: readonly EdgePart[],
  bytes: number,
  isRounded: (matrix: Matrix) => boolean,
): readonly EdgePart[] {
  let left = bytes;
  return parts.map((part) => {
    if (part.kind === "vector" || !isRounded(part)) return part;
    const more = MORE_BYTES * part.outputs * part.inputs;
    if (more > left) {
      left = 0;
      return part;
    }
    left -= more;
    return { ...part, keep: "f32" };
  });
}
