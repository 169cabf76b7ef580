// Attention of rows to keys, in windows and between channels, in float64.

import { softmax } from "./pointwise.ts";

/** A matrix, row-major. */
export interface Matrix {
  readonly data: Float32Array;
  /** Values from row to row. */
  readonly stride: number;
  /** Where the first row begins. */
  readonly first: number;
}

/** A value of a matrix. */
function at(matrix: Matrix, row: number, column: number): number {
  return matrix.data[matrix.first + row * matrix.stride + column]!;
}

/** softmax(scale * q kT) v for each head; `[rows, heads * width]`. */
export function attention(
  q: Matrix,
  k: Matrix,
  v: Matrix,
  rows: number,
  keys: number,
  heads: number,
  width: number,
  scale: number,
): Float64Array {
  const result = new Float64Array(rows * heads * width);
  for (let head = 0; head < heads; head += 1) {
    for (let row = 0; row < rows; row += 1) {
      const scores = new Float32Array(keys);
      for (let key = 0; key < keys; key += 1) {
        let sum = 0;
        for (let c = head * width; c < (head + 1) * width; c += 1) {
          sum += at(q, row, c) * at(k, key, c);
        }
        scores[key] = sum;
      }
      const shares = softmax(scores, scale);
      for (let c = head * width; c < (head + 1) * width; c += 1) {
        let sum = 0;
        for (let key = 0; key < keys; key += 1) {
          sum += shares[key]! * at(v, key, c);
        }
        result[row * heads * width + c] = sum;
      }
    }
  }
  return result;
}

/** Attention within windows; positions outside the image hold the bias. */
export function windowAttention(
  qkv: Float32Array, // [height, width, 3 * channels]
  bias: Float32Array, // [3 * channels]
  height: number,
  width: number,
  heads: number,
  window: number,
): Float64Array {
  const triple = bias.length;
  const channels = triple / 3;
  const tokens = window * window;
  const result = new Float64Array(height * width * channels);
  for (let top = 0; top < height; top += window) {
    for (let left = 0; left < width; left += window) {
      const data = new Float32Array(tokens * triple);
      const places: number[] = [];
      for (let token = 0; token < tokens; token += 1) {
        const y = top + Math.floor(token / window);
        const x = left + (token % window);
        const place = y < height && x < width ? y * width + x : -1;
        places.push(place);
        const held =
          place < 0 ? bias : qkv.subarray(place * triple, (place + 1) * triple);
        data.set(held, token * triple);
      }
      const part = (first: number): Matrix => ({ data, stride: triple, first });
      const out = attention(
        part(0),
        part(channels),
        part(2 * channels),
        tokens,
        tokens,
        heads,
        channels / heads,
        Math.sqrt(heads / channels),
      );
      for (const [token, place] of places.entries()) {
        if (place < 0) continue;
        const row = out.subarray(token * channels, (token + 1) * channels);
        result.set(row, place * channels);
      }
    }
  }
  return result;
}

/** Attention between the channels of each group; `[rows, groups * width]`. */
export function channelAttention(
  q: Matrix,
  k: Matrix,
  v: Matrix,
  rows: number,
  groups: number,
  width: number,
  scale: number,
): Float64Array {
  const result = new Float64Array(rows * groups * width);
  for (let group = 0; group < groups; group += 1) {
    const first = group * width;
    for (let i = first; i < first + width; i += 1) {
      const scores = Float32Array.from({ length: width }, (_, j) => {
        let sum = 0;
        for (let row = 0; row < rows; row += 1) {
          sum += at(q, row, i) * at(k, row, first + j);
        }
        return sum;
      });
      const shares = softmax(scores, scale);
      for (let row = 0; row < rows; row += 1) {
        let sum = 0;
        for (let j = 0; j < width; j += 1) {
          sum += shares[j]! * at(v, row, first + j);
        }
        result[row * groups * width + i] = sum;
      }
    }
  }
  return result;
}
