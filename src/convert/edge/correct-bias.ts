// What rounding a layer's weights takes from its results in the mean, so that its
// bias can give it back. Source: Nagel et al., Data-Free Quantization Through
// Weight Equalization and Bias Correction (arXiv 1906.04721, section 4.2), with
// means that were seen in place of derived ones.

import type { Gram } from "./round-weights.ts";

/**
 * The mean of what the outputs lose.
 *
 * @param weights `[outputs, inputs]`, `rounded` what is stored of them.
 * @param gram of the layer's inputs, `size` at least `inputs`.
 * @returns `[outputs]`, to be added to the bias.
 */
export function meanLoss(
  weights: Float32Array,
  rounded: Float32Array,
  outputs: number,
  inputs: number,
  { totals, rows }: Gram,
): Float32Array {
  return Float32Array.from({ length: outputs }, (_, row) => {
    let sum = 0;
    for (let at = 0; at < inputs; at += 1) {
      const index = row * inputs + at;
      sum += (weights[index]! - rounded[index]!) * totals[at]!;
    }
    return rows === 0 ? 0 : sum / rows;
  });
}
