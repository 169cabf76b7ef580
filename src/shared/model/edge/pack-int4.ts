// Weights of a linear layer as nibbles in groups, each with a scale of f16, in
// the order the kernels read.

import { FlorenceError } from "../../errors.ts";
import { fromHalf, toHalf } from "./half.ts";
import { PANEL, roundUp } from "./pack-int8.ts";

/** What a nibble means by 0: 0..15 stands for -8..7. */
export const NIBBLE_ZERO = 8;

/** One packed matrix; columns are rounded up to 8, k to the group. */
export interface Int4Weights {
  /** `[n / 8, k / group]` groups: 8 scales of f16, then the nibbles. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly n: number;
  readonly k: number;
  readonly group: number;
}

/** Bytes of one group of a panel. */
export function int4GroupBytes(group: number): number {
  return 2 * PANEL + (PANEL * group) / 2;
}

/**
 * Packs a matrix by rounding to the nearest.
 *
 * @param weights `[outputs, inputs]` row-major, as a checkpoint has them.
 * @param group values along k that share a scale: a multiple of 8.
 * @param own scales `[outputs, groups]`, where they are chosen already; those of
 *   `int4Scales` if left out.
 * @throws FlorenceError `invalid_request` for another group.
 */
export function packInt4(
  weights: Float32Array,
  outputs: number,
  inputs: number,
  group: number,
  own: Float32Array = int4Scales(weights, outputs, inputs, group),
): Int4Weights {
  checkGroup(group);
  const n = roundUp(outputs, PANEL);
  const k = roundUp(inputs, group);
  const groups = k / group;
  const bytes = new Uint8Array((n / PANEL) * groups * int4GroupBytes(group));
  const view = new DataView(bytes.buffer);
  for (let column = 0; column < n; column += 1) {
    for (let first = 0; first < k; first += group) {
      const isReal = column < outputs;
      const scale = isReal ? own[column * groups + first / group]! : 0;
      const start = int4Group(column, first, k, group);
      view.setUint16(start + (column % PANEL) * 2, toHalf(scale), true);
      for (let at = 0; at < group; at += 1) {
        const place = start + nibbleOffset(column, at);
        const input = first + at;
        const value =
          isReal && input < inputs ? weights[column * inputs + input]! : 0;
        const nibble = nibbleOf(value, scale);
        bytes[place]! |= (at & 4) === 0 ? nibble : nibble << 4;
      }
    }
  }
  return { bytes, n, k, group };
}

/**
 * A scale for each group of each output, as f16 has it: the value of largest
 * magnitude becomes -8, so that a scale may be negative.
 *
 * @returns `[outputs, groups]`.
 * @throws FlorenceError `invalid_request` for a group that cannot be packed.
 */
export function int4Scales(
  weights: Float32Array,
  outputs: number,
  inputs: number,
  group: number,
): Float32Array {
  checkGroup(group);
  const groups = Math.ceil(inputs / group);
  const scales = new Float32Array(outputs * groups);
  for (let column = 0; column < outputs; column += 1) {
    const line = column * inputs;
    for (let index = 0; index < groups; index += 1) {
      let top = 0;
      const end = Math.min(inputs, (index + 1) * group);
      for (let at = index * group; at < end; at += 1) {
        const value = weights[line + at]!;
        if (Math.abs(value) > Math.abs(top)) top = value;
      }
      const half = toHalf(top / -NIBBLE_ZERO);
      scales[column * groups + index] = fromHalf(half);
    }
  }
  return scales;
}

/** The nearest value that a nibble stands for. */
export function int4Value(value: number, scale: number): number {
  return scale * (nibbleOf(value, scale) - NIBBLE_ZERO);
}

function nibbleOf(value: number, scale: number): number {
  const whole = scale === 0 ? 0 : Math.round(value / scale);
  return Math.max(0, Math.min(15, whole + NIBBLE_ZERO));
}

function checkGroup(group: number): void {
  if (group >= 8 && group % 8 === 0) return;
  throw new FlorenceError(
    "invalid_request",
    `A group of ${group} weights cannot be packed. Use a multiple of 8, such as 32.`,
  );
}

/** One weight as the kernels see it. */
export function unpackWeight(
  weights: Int4Weights,
  column: number,
  at: number,
): { readonly nibble: number; readonly scale: number } {
  const { bytes, k, group } = weights;
  const start = int4Group(column, at, k, group);
  const scaleAt = start + (column % PANEL) * 2;
  const byte = bytes[start + nibbleOffset(column, at % group)]!;
  return {
    nibble: ((at & 4) === 0 ? byte & 15 : byte >> 4) - NIBBLE_ZERO,
    scale: fromHalf(bytes[scaleAt]! | (bytes[scaleAt + 1]! << 8)),
  };
}

/** Where the group of a weight begins. */
function int4Group(
  column: number,
  at: number,
  k: number,
  group: number,
): number {
  const groups = Math.floor(column / PANEL) * (k / group);
  return (groups + Math.floor(at / group)) * int4GroupBytes(group);
}

/** The byte of a weight in its group: steps of 4 along k go in pairs. */
function nibbleOffset(column: number, at: number): number {
  return 16 + (at >> 3) * 32 + (column % PANEL) * 4 + (at & 3);
}
