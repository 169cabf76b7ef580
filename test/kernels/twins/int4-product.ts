// The product with 4-bit weights: as nibbles, and as bytes made of them.

import {
  int8Offset,
  type Int8Weights,
  ZERO_POINT,
} from "../../../src/shared/model/edge/pack-int8.ts";
import {
  type Int4Weights,
  unpackWeight,
} from "../../../src/shared/model/edge/pack-int4.ts";
import { type Bounded, quantizeRow, roundEven } from "./int8-product.ts";

const FRACTION = 512;

/** The bytes and column scales that stand for the nibbles, in float32. */
export function unpackInt4(weights: Int4Weights): Int8Weights {
  const { n, k, group } = weights;
  const bytes = new Uint8Array(n * k);
  const scales = new Float32Array(n);
  for (let column = 0; column < n; column += 1) {
    let top = 0;
    for (let at = 0; at < k; at += group) {
      top = Math.max(top, Math.abs(unpackWeight(weights, column, at).scale));
    }
    const scale = Math.max(
      Math.fround(top * Math.fround(8 / 63)),
      Math.fround(1e-30),
    );
    scales[column] = scale;
    const inverse = Math.fround(FRACTION / scale);
    for (let at = 0; at < k; at += 1) {
      const weight = unpackWeight(weights, column, at);
      const factor = roundEven(Math.fround(weight.scale * inverse));
      const byte = Math.floor(weight.nibble * (factor / FRACTION) + 0.5);
      bytes[int8Offset(column, at, k)] = ZERO_POINT + byte;
    }
  }
  return { bytes, scales, n, k };
}

/**
 * C = A * W + bias by the nibbles themselves, in float64.
 *
 * @param x `[m, k]`.
 */
export function int4Rows(
  x: Float32Array,
  m: number,
  weights: Int4Weights,
  bias: Float32Array,
): Bounded {
  const { n, k, group } = weights;
  const values = new Float64Array(m * n);
  const bounds = new Float64Array(m * n);
  for (let row = 0; row < m; row += 1) {
    const { wholes, scale } = quantizeRow(
      x.subarray(row * k, (row + 1) * k),
      127,
    );
    for (let column = 0; column < n; column += 1) {
      let sum = 0;
      let magnitude = 0;
      for (let first = 0; first < k; first += group) {
        let inGroup = 0;
        for (let at = first; at < first + group; at += 1) {
          inGroup += wholes[at]! * unpackWeight(weights, column, at).nibble;
        }
        const part = inGroup * unpackWeight(weights, column, first).scale;
        sum += part;
        magnitude += Math.abs(part);
      }
      values[row * n + column] = sum * scale + bias[column]!;
      bounds[row * n + column] =
        6e-8 * (k / group + 3) * (magnitude * scale + Math.abs(bias[column]!));
    }
  }
  return { values, bounds };
}
