// The product in f32, added up in float64.

import type { F32Weights } from "../../../src/shared/model/edge/pack-f32.ts";
import type { Bounded } from "./int8-product.ts";

/** Half a unit in the last place of float32, relative. */
const UNIT = 2 ** -24;

/**
 * C = A * W + bias; the bound is that of any order of adding in float32.
 *
 * @param x `[m, k]`.
 */
export function f32Product(
  x: Float32Array,
  m: number,
  weights: F32Weights,
  bias: Float32Array,
): Bounded {
  const { n, k, values: w } = weights;
  const values = new Float64Array(m * n);
  const bounds = new Float64Array(m * n);
  for (let row = 0; row < m; row += 1) {
    for (let column = 0; column < n; column += 1) {
      const panel = Math.floor(column / 8) * 8 * k + (column % 8);
      let sum = bias[column]!;
      let magnitude = Math.abs(sum);
      for (let at = 0; at < k; at += 1) {
        const product = x[row * k + at]! * w[panel + at * 8]!;
        sum += product;
        magnitude += Math.abs(product);
      }
      values[row * n + column] = sum;
      bounds[row * n + column] = UNIT * (k + 3) * magnitude;
    }
  }
  return { values, bounds };
}
