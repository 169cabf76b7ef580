// The product with one-byte weights, as one would write it on paper.

import {
  int8Offset,
  type Int8Weights,
  ZERO_POINT,
} from "../../../src/shared/model/edge/pack-int8.ts";

/** A row as whole numbers and what one of them is worth. */
export interface QuantizedRow {
  readonly wholes: Int32Array; // [k]
  readonly scale: number;
}

/** The whole number nearest to `value`, ties to even. */
export function roundEven(value: number): number {
  const floor = Math.floor(value);
  const part = value - floor;
  if (part !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Quantizes one row to whole numbers of at most `limit`, in float32. */
export function quantizeRow(row: Float32Array, limit: number): QuantizedRow {
  const top = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const inverse = top > 0 ? Math.fround(limit / top) : 0;
  return {
    wholes: Int32Array.from(row, (value) =>
      roundEven(Math.fround(value * inverse)),
    ),
    scale: Math.fround(top / limit),
  };
}

/** Results and how far float32 may be from them. */
export interface Bounded {
  readonly values: Float64Array; // [m, n]
  readonly bounds: Float64Array; // [m, n]
}

/** A rounding of float32 or two, of the terms that are added last. */
const ROUNDING = 2.5e-7;

/**
 * C = A * W + bias in float64, of the numbers that quantization leaves.
 *
 * @param x `[m, k]`.
 */
export function int8Product(
  x: Float32Array,
  m: number,
  weights: Int8Weights,
  bias: Float32Array,
  limit: number,
): Bounded {
  const { n, k, bytes, scales } = weights;
  const values = new Float64Array(m * n);
  const bounds = new Float64Array(m * n);
  for (let row = 0; row < m; row += 1) {
    const { wholes, scale } = quantizeRow(
      x.subarray(row * k, (row + 1) * k),
      limit,
    );
    for (let column = 0; column < n; column += 1) {
      let sum = 0;
      for (let at = 0; at < k; at += 1) {
        sum += wholes[at]! * (bytes[int8Offset(column, at, k)]! - ZERO_POINT);
      }
      const product = sum * scale * scales[column]!;
      values[row * n + column] = product + bias[column]!;
      bounds[row * n + column] =
        ROUNDING * (Math.abs(product) + Math.abs(bias[column]!));
    }
  }
  return { values, bounds };
}
