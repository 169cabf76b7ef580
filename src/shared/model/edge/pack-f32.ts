// Weights of a linear layer as f32, in the order the kernels read.

import { PANEL, roundUp } from "./pack-int8.ts";

/** One packed matrix; columns and k are rounded up to multiples of 8. */
export interface F32Weights {
  readonly values: Float32Array<ArrayBuffer>; // [n / 8, k, 8]
  readonly n: number;
  readonly k: number;
}

/**
 * Packs a matrix.
 *
 * @param weights `[outputs, inputs]` row-major, as a checkpoint has them.
 */
export function packF32(
  weights: Float32Array,
  outputs: number,
  inputs: number,
): F32Weights {
  const n = roundUp(outputs, PANEL);
  const k = roundUp(inputs, 8);
  const values = new Float32Array(n * k);
  for (let column = 0; column < outputs; column += 1) {
    const panel = Math.floor(column / PANEL) * PANEL * k + (column % PANEL);
    for (let at = 0; at < inputs; at += 1) {
      values[panel + at * PANEL] = weights[column * inputs + at]!;
    }
  }
  return { values, n, k };
}
