// Weights of a linear layer as bytes of 7 bits, in the order the kernels read.

/** Weights stand in panels of this many columns. */
export const PANEL = 8;
/** What a byte means by 0: 0..127 stands for -64..63. */
export const ZERO_POINT = 64;
/** Largest magnitude of a weight, in steps. */
export const INT8_MOST = 63;

/** `value`, rounded up to a multiple of `step`. */
export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

/** One packed matrix; columns and k are rounded up to multiples of 8. */
export interface Int8Weights {
  readonly bytes: Uint8Array<ArrayBuffer>; // [n / 8, k / 4, 8, 4]
  readonly scales: Float32Array<ArrayBuffer>; // [n]
  readonly n: number;
  readonly k: number;
}

/**
 * Packs a matrix, each output with a scale of its own: the largest magnitude
 * becomes 63, if nothing else is said.
 *
 * @param weights `[outputs, inputs]` row-major, as a checkpoint has them.
 * @param own scales of the outputs, where they are chosen already.
 */
export function packInt8(
  weights: Float32Array,
  outputs: number,
  inputs: number,
  own: Float32Array = int8Scales(weights, outputs, inputs),
): Int8Weights {
  const n = roundUp(outputs, PANEL);
  const k = roundUp(inputs, 8);
  const bytes = new Uint8Array(n * k).fill(ZERO_POINT);
  const scales = new Float32Array(n);
  for (let column = 0; column < outputs; column += 1) {
    const row = weights.subarray(column * inputs, (column + 1) * inputs);
    const scale = own[column]!;
    scales[column] = scale;
    const inverse = scale > 0 ? 1 / scale : 0;
    for (let at = 0; at < inputs; at += 1) {
      const whole = Math.round(row[at]! * inverse);
      bytes[int8Offset(column, at, k)] =
        ZERO_POINT + Math.max(-INT8_MOST, Math.min(INT8_MOST, whole));
    }
  }
  return { bytes, scales, n, k };
}

/** A scale for each output: its largest magnitude becomes 63. */
export function int8Scales(
  weights: Float32Array,
  outputs: number,
  inputs: number,
): Float32Array {
  return Float32Array.from({ length: outputs }, (_, column) => {
    const row = weights.subarray(column * inputs, (column + 1) * inputs);
    const top = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return top / INT8_MOST;
  });
}

/** The nearest value that one byte stands for. */
export function int8Value(value: number, scale: number): number {
  if (scale === 0) return 0;
  const whole = Math.round(value / scale);
  return scale * Math.max(-INT8_MOST, Math.min(INT8_MOST, whole));
}

/** Where a weight stands; `k` is the rounded one. */
export function int8Offset(column: number, at: number, k: number): number {
  const panel = Math.floor(column / PANEL) * PANEL * k;
  return panel + (at >> 2) * 4 * PANEL + (column % PANEL) * 4 + (at & 3);
}
