// The three kinds of packed weights behind one face, for tests of what comes in
// all three: the head, the embedding, the feed-forward pair.

import { packF32 } from "../../src/shared/model/edge/pack-f32.ts";
import {
  packInt4,
  unpackWeight,
} from "../../src/shared/model/edge/pack-int4.ts";
import {
  int8Offset,
  packInt8,
  ZERO_POINT,
} from "../../src/shared/model/edge/pack-int8.ts";
import type { Arena } from "./arena.ts";

export const KINDS = ["int8", "int4", "f32"] as const;
export type Kind = (typeof KINDS)[number];

/** A matrix in the arena. */
export interface Placed {
  readonly kind: Kind;
  readonly n: number;
  readonly k: number;
  readonly group: number;
  /** The packed weights, and scales of columns for one byte, else 0. */
  readonly w: number;
  readonly scales: number;
  /** A weight as the kernels see it. */
  value(column: number, at: number): number;
}

/** Packs `[outputs, inputs]` and puts it into the arena. */
export function place(
  arena: Arena,
  kind: Kind,
  weights: Float32Array,
  outputs: number,
  inputs: number,
  group: number,
): Placed {
  if (kind === "int8") {
    const { bytes, scales, n, k } = packInt8(weights, outputs, inputs);
    const value = (column: number, at: number): number =>
      (bytes[int8Offset(column, at, k)]! - ZERO_POINT) * scales[column]!;
    const [w, s] = [arena.put(bytes), arena.put(scales)];
    return { kind, n, k, group: k, w, scales: s, value };
  }
  if (kind === "int4") {
    const packed = packInt4(weights, outputs, inputs, group);
    const { n, k } = packed;
    const value = (column: number, at: number): number => {
      const { nibble, scale } = unpackWeight(packed, column, at);
      return nibble * scale;
    };
    return { kind, n, k, group, w: arena.put(packed.bytes), scales: 0, value };
  }
  const { values, n, k } = packF32(weights, outputs, inputs);
  const value = (column: number, at: number): number =>
    values[Math.floor(column / 8) * 8 * k + at * 8 + (column % 8)]!;
  return { kind, n, k, group: k, w: arena.put(values), scales: 0, value };
}

/** A few rows by a matrix, by the kernel of its kind; `[m, n]` f32. */
export function multiply(
  arena: Arena,
  matrix: Placed,
  x: number,
  m: number,
  bias: number,
): Float32Array<ArrayBuffer> {
  const { run } = arena.kernels;
  const { kind, n, k, group, w, scales } = matrix;
  const c = arena.take(m * n * 4);
  if (kind === "int8") {
    const scratch = arena.take(run.int8Scratch(k));
    run.int8Product(x, k * 4, m, k, n, w, scales, bias, c, n * 4, scratch);
  } else if (kind === "int4") {
    const scratch = arena.take(run.int4Scratch(m, k, n, group));
    run.int4Product(x, k * 4, m, k, n, group, w, bias, c, n * 4, scratch);
  } else {
    run.f32Product(x, k * 4, m, k, n, w, bias, c, n * 4);
  }
  return arena.floats(c, m * n);
}
