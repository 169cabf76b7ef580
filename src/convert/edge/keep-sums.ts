// Rounding of weights without having seen an input: the errors of a row are made
// to add up to nothing. What follows a ReLU is never negative, so that errors that
// point one way add up over a row, and those that cancel do not. Source: SQuant
// (Guo et al., arXiv 2202.07471), its flips over a whole output channel.

/**
 * Rounds a matrix to whole multiples of its rows' scales. Where the errors of a
 * row add up to half a step or more, the weights that were nearest to being
 * rounded the other way are.
 *
 * @param weights `[outputs, inputs]`; not changed.
 * @param scales `[outputs]`: no magnitude of a row is above `most` of them.
 * @returns `[outputs, inputs]`; each is less than one step from where it was.
 */
export function roundKeepingSums(
  weights: Float32Array,
  outputs: number,
  inputs: number,
  scales: Float32Array,
  most: number,
): Float32Array {
  const rounded = new Float32Array(weights.length);
  const wholes = new Int32Array(inputs);
  const errors = new Float64Array(inputs); // of a step, what rounding took away
  for (let row = 0; row < outputs; row += 1) {
    const scale = scales[row]!;
    if (scale === 0) continue;
    const first = row * inputs;
    let sum = 0;
    for (let at = 0; at < inputs; at += 1) {
      const value = weights[first + at]! / scale;
      const whole = Math.max(-most, Math.min(most, Math.round(value)));
      wholes[at] = whole;
      errors[at] = value - whole;
      sum += value - whole;
    }
    const step = Math.sign(sum);
    const order = Int32Array.from(errors.keys())
      .filter((at) => Math.abs(wholes[at]! + step) <= most)
      .sort((a, b) => step * (errors[b]! - errors[a]!) || a - b);
    for (const at of order.subarray(0, Math.round(Math.abs(sum)))) {
      wholes[at]! += step;
    }
    for (let at = 0; at < inputs; at += 1) {
      rounded[first + at] = wholes[at]! * scale;
    }
  }
  return rounded;
}
