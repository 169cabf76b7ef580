// The passes of resizing on the kernels, in a memory of their own: pictures come
// while the arena's room is in use, and pass through in bands.

import type {
  ResizePasses,
  ResizeWeights,
} from "../../image/resize-bicubic.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import { aligned } from "./arena.ts";
import { instantiate, type KernelExports } from "./kernels.ts";

const PAGE = 65_536;
/** Bytes of a picture at a time; more where one row's taps have more. */
const BAND_BYTES = 65_536;
/** What may be read past the last taps, and written; taps of weight 0 are read. */
const MARGIN = 16;
/** A weight is 4096 times its high part, and its low part. */
const LOW_BITS = 12;
const LOW_MASK = 4095;

/** Most pages: taps of the longest side that is read, over lines as long. */
const MOST_PAGES = 512;

/**
 * Passes on a module of the kernels.
 *
 * @param shared whether the module takes memory that threads share.
 */
export async function openPasses(
  module: WebAssembly.Module | BufferSource,
  shared: boolean,
): Promise<ResizePasses> {
  const size = { initial: 1, maximum: MOST_PAGES };
  const memory = new WebAssembly.Memory({ ...size, shared });
  return kernelPasses(await instantiate(module, memory), memory);
}

/**
 * Resizes with what `resizeBicubic` resizes with in JavaScript, to the bit, some
 * five times as fast.
 *
 * @param run kernels over `memory`, which nothing else uses.
 */
function kernelPasses(
  run: Pick<KernelExports, "resizeRows" | "resizeColumns">,
  memory: WebAssembly.Memory,
): ResizePasses {
  /** Makes room, and says where each piece of so many bytes begins. */
  const places = (...sizes: readonly number[]): readonly number[] => {
    const starts: number[] = [];
    let end = 0;
    for (const bytes of sizes) {
      starts.push(end);
      end = aligned(end + bytes);
    }
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    return starts;
  };
  const bytes = (at: number, count: number): Uint8Array =>
    new Uint8Array(memory.buffer, at, count);
  const wholes = (at: number, count: number): Int32Array =>
    new Int32Array(memory.buffer, at, count);

  return {
    rows(image, width, weights) {
      const { data, height } = image;
      const line = image.width * 3;
      const output = new Uint8Array(width * height * 3); // [H, width, 3]
      const { pairs, table } = tableOf(weights);
      const longest = Math.max(line, width * 3);
      const band = Math.max(1, Math.floor(BAND_BYTES / longest));
      const [first, taps, x, y] = places(
        weights.first.byteLength,
        table.byteLength,
        band * line + pairs * 6 + MARGIN,
        band * width * 3 + MARGIN,
      ) as [number, number, number, number];
      wholes(first, width).set(weights.first);
      wholes(taps, table.length).set(table);
      for (let row = 0; row < height; row += band) {
        const rows = Math.min(band, height - row);
        const from = row * line;
        bytes(x, rows * line).set(data.subarray(from, from + rows * line));
        run.resizeRows(x, line, rows, width, first, pairs, taps, y);
        output.set(bytes(y, rows * width * 3), row * width * 3);
      }
      return { width, height, data: output };
    },
    columns(image, height, weights) {
      const { data, width } = image;
      const line = width * 3;
      const output = new Uint8Array(line * height); // [height, W, 3]
      const { pairs, table } = tableOf(weights);
      const bands = bandsOf(image, height, weights);
      const most = (of: (band: Band) => number): number =>
        Math.max(...bands.map(of));
      const [first, taps, x, y] = places(
        weights.first.byteLength,
        table.byteLength,
        (most(({ inputs }) => inputs) + 2 * pairs) * line + MARGIN,
        most(({ outputs }) => outputs) * line + MARGIN,
      ) as [number, number, number, number];
      wholes(taps, table.length).set(table);
      for (const { top, inputs, row, outputs } of bands) {
        bytes(x, inputs * line).set(
          data.subarray(top * line, (top + inputs) * line),
        );
        const starts = wholes(first, outputs);
        for (let at = 0; at < outputs; at += 1) {
          starts[at] = weights.first[row + at]! - top;
        }
        const own = taps + row * pairs * 8;
        run.resizeColumns(x, line, outputs, first, pairs, own, y);
        output.set(bytes(y, outputs * line), row * line);
      }
      return { width, height, data: output };
    },
  };
}

/** Some rows of the output, and the rows of the input that they are made of. */
interface Band {
  readonly row: number;
  readonly outputs: number;
  readonly top: number;
  readonly inputs: number;
}

function bandsOf(
  image: RgbImage,
  height: number,
  { first, count }: ResizeWeights,
): readonly Band[] {
  const most = BAND_BYTES / (image.width * 3);
  const bands: Band[] = [];
  for (let row = 0; row < height;) {
    const top = first[row]!;
    let outputs = 1;
    let inputs = count[row]!;
    for (; row + outputs < height; outputs += 1) {
      const next = first[row + outputs]! + count[row + outputs]! - top;
      if (Math.max(next, outputs + 1) > most) break;
      inputs = Math.max(inputs, next);
    }
    bands.push({ row, outputs, top, inputs });
    row += outputs;
  }
  return bands;
}

/** Weights as the kernels read them, `[outputs, pairs, 2]` of two i16. */
function tableOf({ taps, values, count }: ResizeWeights): {
  readonly pairs: number;
  readonly table: Int32Array;
} {
  const outputs = values.length / taps;
  const pairs = Math.ceil(Math.max(...count) / 2);
  const table = new Int32Array(outputs * pairs * 2);
  let to = 0;
  for (let output = 0; output < outputs; output += 1) {
    const start = output * taps;
    for (let tap = 0; tap < 2 * pairs; tap += 2) {
      const a = tap < taps ? values[start + tap]! : 0;
      const b = tap + 1 < taps ? values[start + tap + 1]! : 0;
      table[to] = ((a >> LOW_BITS) & 0xffff) | ((b >> LOW_BITS) << 16);
      table[to + 1] = (a & LOW_MASK) | ((b & LOW_MASK) << 16);
      to += 2;
    }
  }
  return { pairs, table };
}
