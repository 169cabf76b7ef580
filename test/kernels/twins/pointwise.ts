// What is done to each value, or each row, by itself; in float64.

/** The error function, to about 1e-13. */
export function erf(x: number): number {
  if (x < 0) return -erf(-x);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 60; n += 1) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = x;
  for (let n = 80; n >= 1; n -= 1) fraction = x + n / 2 / fraction;
  return 1 - Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}

/** x times the share of a normal distribution below it. */
export function gelu(x: number): number {
  return (x * (1 + erf(x / Math.SQRT2))) / 2;
}

/** Between 0 and 1. */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** The straight line for `sigmoid` from -3 to 3. */
export function hardSigmoid(x: number): number {
  return Math.min(Math.max(x + 3, 0), 6) / 6;
}

/** Shares of a row's exponentials. */
export function softmax(row: Float32Array, scale: number): Float64Array {
  const scaled = Float64Array.from(row, (value) => value * scale);
  const top = scaled.reduce((most, value) => Math.max(most, value), -Infinity);
  const powers = scaled.map((value) => Math.exp(value - top));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

/** A row brought to mean 0 and variance 1, scaled and shifted. */
export function layerNorm(
  row: Float32Array,
  gamma: Float32Array,
  beta: Float32Array,
  epsilon: number,
): Float64Array {
  const count = row.length;
  const mean = row.reduce((sum, value) => sum + value, 0) / count;
  const variance =
    row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  const factor = 1 / Math.sqrt(variance + epsilon);
  return Float64Array.from(
    row,
    (value, at) => (value - mean) * factor * gamma[at]! + beta[at]!,
  );
}
