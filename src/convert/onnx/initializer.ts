// Weights of a graph as they will lie on disk, made from checkpoint tensors
// when the bundle writer asks: streamed where the order of values stays, one
// whole matrix at a time where it is transposed.

import { FlorenceError } from "../../shared/errors.ts";
import type { CheckpointTensor } from "../checkpoint.ts";

/** A weight: what the graph says of it, and how its bytes come about. */
export interface Initializer {
  readonly name: string;
  readonly type: "float32" | "float16" | "int8";
  readonly dims: readonly number[];
  readonly bytes: number;
  /** Tensor of the checkpoint it belongs to, for the count by part. */
  readonly tensor: string;
  chunks(): AsyncIterable<Uint8Array>;
}

export type FloatType = "float32" | "float16";

/** Values read at a time. */
const CHUNK = 1 << 20;
const WIDTH = { float32: 4, float16: 2, int8: 1 } as const;

/**
 * A tensor in its stored order.
 *
 * @param options `dims` other than the tensor's own; `from`, the first value
 *   kept (the rest up to the size of `dims`).
 */
export function plainInitializer(
  tensor: CheckpointTensor,
  type: FloatType,
  name: string,
  options: { readonly dims?: readonly number[]; readonly from?: number } = {},
): Initializer {
  const dims = options.dims ?? tensor.shape;
  const count = sizeOf(dims);
  const from = options.from ?? 0;
  return {
    ...describe(name, type, dims, tensor.nativeName),
    async *chunks() {
      for (let at = 0; at < count; at += CHUNK) {
        const values = await tensor.read(
          from + at,
          Math.min(CHUNK, count - at),
        );
        yield encode(values, type, tensor.name);
      }
    },
  };
}

/**
 * Matrices `[out, in]` side by side as one `[in, sum of out]`, as a product
 * `x @ W` wants it. Holds the whole result.
 */
export function transposedInitializer(
  tensors: readonly CheckpointTensor[],
  type: FloatType,
  name: string,
): Initializer {
  const [total, depth] = joinedShape(tensors);
  return {
    ...describe(name, type, [depth, total], tensors[0]!.nativeName),
    async *chunks() {
      const whole = new Float32Array(depth * total); // [in, out]
      let column = 0;
      for (const tensor of tensors) {
        for await (const { row, values } of readRows(tensor)) {
          scatterColumns(values, depth, whole, total, column + row);
        }
        column += outputsOf(tensor);
      }
      for (let at = 0; at < whole.length; at += CHUNK) {
        yield encode(whole.subarray(at, at + CHUNK), type, name);
      }
    },
  };
}

/**
 * Matrices `[out, in]` as one int8 `[in, sum of out]`, symmetric with a scale
 * for each output: see `scaleInitializer`. Holds the whole result.
 */
export function transposedInt8Initializer(
  tensors: readonly CheckpointTensor[],
  name: string,
): Initializer {
  const [total, depth] = joinedShape(tensors);
  return {
    ...describe(name, "int8", [depth, total], tensors[0]!.nativeName),
    async *chunks() {
      const whole = new Int8Array(depth * total); // [in, out]
      let column = 0;
      for (const tensor of tensors) {
        for await (const { row, values } of readRows(tensor)) {
          const rows = quantizeRows(values, depth);
          scatterColumns(rows, depth, whole, total, column + row);
        }
        column += outputsOf(tensor);
      }
      yield bytesOf(whole);
    },
  };
}

/** A tensor as int8 in its stored order, symmetric, a scale for each row. */
export function int8Initializer(
  tensor: CheckpointTensor,
  name: string,
): Initializer {
  return {
    ...describe(name, "int8", tensor.shape, tensor.nativeName),
    async *chunks() {
      for await (const { values } of readRows(tensor)) {
        yield bytesOf(quantizeRows(values, tensor.count / tensor.shape[0]!));
      }
    },
  };
}

/**
 * The scales of `int8Initializer` and `transposedInt8Initializer`: largest
 * absolute value of each output's row over 127.
 */
export function scaleInitializer(
  tensors: readonly CheckpointTensor[],
  name: string,
  dims?: readonly number[],
): Initializer {
  const total = tensors.reduce((sum, tensor) => sum + tensor.shape[0]!, 0);
  return {
    ...describe(name, "float32", dims ?? [total], tensors[0]!.nativeName),
    async *chunks() {
      for (const tensor of tensors) {
        const depth = tensor.count / tensor.shape[0]!;
        for await (const { values } of readRows(tensor)) {
          const scales = new Float32Array(values.length / depth);
          for (let row = 0; row < scales.length; row += 1) {
            scales[row] = rowScale(values, row * depth, depth);
          }
          yield bytesOf(scales);
        }
      }
    },
  };
}

/** 1-D tensors one after another. */
export function joinedVectorInitializer(
  tensors: readonly CheckpointTensor[],
  name: string,
): Initializer {
  const total = tensors.reduce((sum, tensor) => sum + tensor.count, 0);
  return {
    ...describe(name, "float32", [total], tensors[0]!.nativeName),
    async *chunks() {
      for (const tensor of tensors)
        yield bytesOf(await tensor.read(0, tensor.count));
    },
  };
}

function describe(
  name: string,
  type: Initializer["type"],
  dims: readonly number[],
  tensor: string,
): Omit<Initializer, "chunks"> {
  return { name, type, dims, bytes: sizeOf(dims) * WIDTH[type], tensor };
}

function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, side) => product * side, 1);
}

function outputsOf(tensor: CheckpointTensor): number {
  return tensor.shape[0]!;
}

function joinedShape(tensors: readonly CheckpointTensor[]): [number, number] {
  const depth = tensors[0]!.count / outputsOf(tensors[0]!);
  const total = tensors.reduce((sum, tensor) => sum + outputsOf(tensor), 0);
  return [total, depth];
}

/** Whole rows of a tensor, some megabytes at a time. */
async function* readRows(
  tensor: CheckpointTensor,
): AsyncGenerator<{ row: number; values: Float32Array }> {
  const rows = tensor.shape[0]!;
  const depth = tensor.count / rows;
  const step = Math.max(1, Math.floor(CHUNK / depth));
  for (let row = 0; row < rows; row += step) {
    const count = Math.min(step, rows - row) * depth;
    yield { row, values: await tensor.read(row * depth, count) };
  }
}

/** Puts rows of length `depth` into the columns of a `[depth, width]` matrix. */
function scatterColumns<Values extends Float32Array | Int8Array>(
  rows: Values,
  depth: number,
  whole: Values,
  width: number,
  column: number,
): void {
  const count = rows.length / depth;
  // Input by input: the writes are then contiguous, which is twice as fast.
  for (let input = 0; input < depth; input += 1) {
    const start = input * width + column;
    for (let row = 0; row < count; row += 1) {
      whole[start + row] = rows[row * depth + input]!;
    }
  }
}

function rowScale(values: Float32Array, start: number, depth: number): number {
  let largest = 0;
  for (let at = start; at < start + depth; at += 1) {
    const size = Math.abs(values[at]!);
    if (size > largest) largest = size;
  }
  return largest === 0 ? 1 : Math.fround(largest / 127);
}

function quantizeRows(values: Float32Array, depth: number): Int8Array {
  const quantized = new Int8Array(values.length);
  for (let start = 0; start < values.length; start += depth) {
    const inverse = 1 / rowScale(values, start, depth);
    for (let at = start; at < start + depth; at += 1) {
      const level = Math.round(values[at]! * inverse);
      quantized[at] = Math.max(-127, Math.min(127, level));
    }
  }
  return quantized;
}

const LARGEST_HALF = 65504;

function encode(
  values: Float32Array,
  type: FloatType,
  tensor: string,
): Uint8Array {
  if (type === "float32") return bytesOf(values);
  const halves = Float16Array.from(values);
  const at = halves.findIndex((value) => Math.abs(value) > LARGEST_HALF);
  if (at < 0) return bytesOf(halves);
  throw new FlorenceError(
    "bundle_invalid",
    `${tensor} holds ${values[at]!}, which float16 cannot store. Convert with --precision fp32.`,
  );
}

function bytesOf(values: Float32Array | Float16Array | Int8Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
