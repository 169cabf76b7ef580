// Reads safetensors files: the header once, then ranges of tensors from disk.
// Format: 8 bytes of header length, a JSON header, raw little-endian values.
// Source: README of huggingface/safetensors, section "Format".

import { open, type FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import * as v from "valibot";
import { FlorenceError } from "../shared/errors.ts";

/** One tensor on disk; its values are read in ranges. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Number of values. */
  readonly count: number;
  /** Bytes it takes in its file. */
  readonly bytes: number;

  /** Values `from` to `from + count` of the flattened tensor, as float32. */
  read(from: number, count: number): Promise<Float32Array<ArrayBuffer>>;
}

/** An open safetensors file; whoever opened it closes it. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  close(): Promise<void>;
}

const MAX_HEADER_BYTES = 100_000_000; // the format's own limit

const Size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Entry = v.object({
  dtype: v.string(),
  shape: v.array(Size),
  data_offsets: v.tuple([Size, Size]),
});

const WIDTH = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const;
type FloatType = keyof typeof WIDTH;

/**
 * Opens a safetensors file and reads its header. Tensors that are not of
 * floating point (counters, masks) are left out.
 *
 * @throws FlorenceError `bundle_invalid` if it is not such a file or is cut off.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const name = basename(path);
  const file = await open(path).catch((cause: unknown) => {
    throw new FlorenceError(
      "bundle_invalid",
      `${name} cannot be read. Download the checkpoint again.`,
      { cause },
    );
  });
  try {
    const tensors = await readHeader(file, name);
    return { tensors, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(
  file: FileHandle,
  name: string,
): Promise<Map<string, StoredTensor>> {
  const { size } = await file.stat();
  const length =
    size < 8
      ? 0
      : Number(new DataView(await readBytes(file, 0, 8)).getBigUint64(0, true));
  if (length < 2 || length > MAX_HEADER_BYTES || 8 + length > size) {
    throw notSafetensors(name, "its header is missing or cut off");
  }
  const header = parseHeader(await readBytes(file, 8, length), name);
  const tensors = new Map<string, StoredTensor>();
  for (const [key, value] of Object.entries(header)) {
    if (key === "__metadata__") continue;
    const parsed = v.safeParse(Entry, value);
    if (!parsed.success) {
      throw notSafetensors(name, `tensor ${key} is not described`);
    }
    const { dtype, shape, data_offsets: offsets } = parsed.output;
    const [start, end] = offsets;
    if (end < start || 8 + length + end > size) {
      throw notSafetensors(name, `it has ${size} bytes and ends before ${key}`);
    }
    if (!isFloatType(dtype)) continue;
    const count = shape.reduce((product, side) => product * side, 1);
    if (count * WIDTH[dtype] !== end - start) {
      throw notSafetensors(name, `${key} has not the size of its shape`);
    }
    tensors.set(key, storedTensor(file, key, shape, dtype, 8 + length + start));
  }
  return tensors;
}

function storedTensor(
  file: FileHandle,
  name: string,
  shape: readonly number[],
  dtype: FloatType,
  offset: number,
): StoredTensor {
  const count = shape.reduce((product, side) => product * side, 1);
  const width = WIDTH[dtype];
  return {
    name,
    shape,
    count,
    bytes: count * width,
    async read(from, wanted) {
      const start = offset + from * width;
      return toFloat32(await readBytes(file, start, wanted * width), dtype);
    },
  };
}

function isFloatType(dtype: string): dtype is FloatType {
  return dtype in WIDTH;
}

function parseHeader(
  bytes: ArrayBuffer,
  name: string,
): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw notSafetensors(name, "its header is not JSON", cause);
  }
  if (typeof header === "object" && header !== null) {
    return header as Record<string, unknown>;
  }
  throw notSafetensors(name, "its header is not an object");
}

async function readBytes(
  file: FileHandle,
  position: number,
  length: number,
): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const rest = length - done;
    const { bytesRead } = await file.read(bytes, done, rest, position + done);
    if (bytesRead === 0) throw new Error("internal: read past a checked end");
    done += bytesRead;
  }
  return bytes.buffer;
}

function toFloat32(
  bytes: ArrayBuffer,
  dtype: FloatType,
): Float32Array<ArrayBuffer> {
  if (dtype === "F32") return new Float32Array(bytes);
  if (dtype === "F64") return Float32Array.from(new Float64Array(bytes));
  const halves = new Uint16Array(bytes);
  const bits = new Uint32Array(halves.length);
  if (dtype === "BF16") {
    for (let i = 0; i < halves.length; i += 1) bits[i] = halves[i]! << 16;
    return new Float32Array(bits.buffer);
  }
  const table = float16Table();
  for (let i = 0; i < halves.length; i += 1) bits[i] = table[halves[i]!]!;
  return new Float32Array(bits.buffer);
}

let cachedTable: Uint32Array | null = null;

/** The float32 bits of every float16, 256 kB; made at the first use. */
function float16Table(): Uint32Array {
  if (cachedTable !== null) return cachedTable;
  const halves = new Float16Array(
    Uint16Array.from({ length: 65536 }, (_, bits) => bits).buffer,
  );
  cachedTable = new Uint32Array(Float32Array.from(halves).buffer);
  return cachedTable;
}

function notSafetensors(
  name: string,
  reason: string,
  cause?: unknown,
): FlorenceError {
  return new FlorenceError(
    "bundle_invalid",
    `${name} is not a whole safetensors file: ${reason}. Download the checkpoint again.`,
    { cause },
  );
}
