// Rounding of weights so that a layer's results stay near, not its weights: what
// rounding one weight loses, those not yet rounded make good. Source: GPTQ
// (Frantar et al., arXiv 2210.17323, algorithm 1), columns in the order of how
// large their inputs are.

import { FlorenceError } from "../../shared/errors.ts";

/** Sums over the rows that a layer was given. */
export interface Gram {
  /** Inputs of a row, k. */
  readonly size: number;
  /** Of products of two inputs: `[k, k]`. */
  readonly sums: Float64Array;
  /** Of the inputs themselves: `[k]`. */
  readonly totals: Float64Array;
  /** Rows that were summed up. */
  readonly rows: number;
}

/** The nearest value that can be stored at a place of a row. */
export type Rounding = (row: number, column: number, value: number) => number;

/** Share of the mean square added to every input: the paper's. */
const DAMPING = 0.01;

/**
 * Rounds a matrix.
 *
 * @param weights `[outputs, inputs]`; not changed.
 * @param gram of the layer's inputs, `size` at least `inputs`.
 * @returns values that `rounding` gives back as they are.
 */
export function roundWeights(
  weights: Float32Array,
  outputs: number,
  inputs: number,
  gram: Gram,
  rounding: Rounding,
): Float32Array {
  const order = byInput(gram, inputs);
  const factor = inverseFactor(gram, order); // [k, k], upper
  const rounded = new Float32Array(weights.length);
  const rest = new Float64Array(inputs);
  for (let row = 0; row < outputs; row += 1) {
    const first = row * inputs;
    for (const [at, column] of order.entries()) {
      rest[at] = weights[first + column]!;
    }
    for (const [at, column] of order.entries()) {
      const value = rounding(row, column, rest[at]!);
      rounded[first + column] = value;
      const line = at * inputs;
      const error = (rest[at]! - value) / factor[line + at]!;
      for (let other = at + 1; other < inputs; other += 1) {
        rest[other]! -= error * factor[line + other]!;
      }
    }
  }
  return rounded;
}

/** Columns, those with the largest inputs first. */
function byInput({ size, sums }: Gram, inputs: number): Int32Array {
  const squares = Array.from(
    { length: inputs },
    (_, column) => sums[column * size + column]!,
  );
  return Int32Array.from(squares.keys()).sort(
    (a, b) => squares[b]! - squares[a]! || a - b,
  );
}

/**
 * U of H⁻¹ = Uᵀ U, for the damped Gram matrix H in this order.
 *
 * @throws FlorenceError `invalid_request` if the inputs were not numbers.
 */
function inverseFactor({ size, sums }: Gram, order: Int32Array): Float64Array {
  const n = order.length;
  let mean = 0;
  for (const column of order) mean += sums[column * size + column]! / n;
  const damping = mean > 0 ? DAMPING * mean : 1;
  // H reversed in rows and columns: the inverse of its lower factor is then,
  // reversed again, the upper factor of the inverse.
  const h = new Float64Array(n * n);
  for (let row = 0; row < n; row += 1) {
    const from = order[n - 1 - row]! * size;
    for (let column = 0; column <= row; column += 1) {
      h[row * n + column] = sums[from + order[n - 1 - column]!]!;
    }
    h[row * n + row]! += damping;
  }
  factorInto(h, n);
  const inverse = invertedLower(h, n);
  const upper = new Float64Array(n * n);
  for (let row = 0; row < n; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      const to = (n - 1 - row) * n + (n - 1 - column);
      upper[to] = inverse[row * n + column]!;
    }
  }
  return upper;
}

/** The lower Cholesky factor, in place. */
function factorInto(h: Float64Array, n: number): void {
  for (let row = 0; row < n; row += 1) {
    const own = row * n;
    for (let column = 0; column <= row; column += 1) {
      const other = column * n;
      let sum = h[own + column]!;
      for (let at = 0; at < column; at += 1) {
        sum -= h[own + at]! * h[other + at]!;
      }
      if (column < row) {
        h[own + column] = sum / h[other + column]!;
      } else if (sum > 0) {
        h[own + row] = Math.sqrt(sum);
      } else {
        throw new FlorenceError(
          "invalid_request",
          "What a layer saw of the photos for calibration is not usable. Give other photos, or more of them.",
        );
      }
    }
  }
}

/** The inverse of a lower triangle. */
function invertedLower(l: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let row = 0; row < n; row += 1) {
    const own = row * n;
    for (let at = 0; at < row; at += 1) {
      const share = l[own + at]!;
      if (share === 0) continue;
      const from = at * n;
      for (let column = 0; column <= at; column += 1) {
        inverse[own + column]! -= share * inverse[from + column]!;
      }
    }
    const scale = 1 / l[own + row]!;
    for (let column = 0; column < row; column += 1) {
      inverse[own + column]! *= scale;
    }
    inverse[own + row] = scale;
  }
  return inverse;
}
