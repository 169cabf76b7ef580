// PNG, inflated by the platform and unfiltered here row by row: the inflated
// bytes are counted against what the header promises, so that a bomb stops at
// once, and no more than two rows exist beside the picture.

import { undecodable } from "./image-header.ts";
import type { PngHeader } from "./png-header.ts";
import type { RgbImage } from "./rgb-image.ts";

/** Deflate makes at most 1,032 bytes of one (zlib technical details). */
const MAX_INFLATION = 1032;

/** Compressed bytes handed over at a time: at most 17 MB inflated wait. */
const PIECE = 16_384;

/** One pass of a picture: all of it, or one of Adam7's seven (section 8). */
interface Pass {
  readonly x: number;
  readonly y: number;
  readonly stepX: number;
  readonly stepY: number;
}

const WHOLE: readonly Pass[] = [{ x: 0, y: 0, stepX: 1, stepY: 1 }];
const ADAM7: readonly Pass[] = [
  { x: 0, y: 0, stepX: 8, stepY: 8 },
  { x: 4, y: 0, stepX: 8, stepY: 8 },
  { x: 0, y: 4, stepX: 4, stepY: 8 },
  { x: 2, y: 0, stepX: 4, stepY: 4 },
  { x: 0, y: 2, stepX: 2, stepY: 4 },
  { x: 1, y: 0, stepX: 2, stepY: 2 },
  { x: 0, y: 1, stepX: 1, stepY: 2 },
];

/**
 * Decodes a PNG of any color type and depth, interlaced or not.
 *
 * Alpha and transparent colors are dropped, not composited; 16 bits keep their
 * high byte; fewer than 8 are stretched to 0..255; grey is replicated. Pillow
 * does the same, save that it clips 16-bit grey: here that too is its high byte.
 *
 * Peak: 3 bytes a pixel, two rows, and at most 17 MB of inflated bytes.
 *
 * @param header what `readPngHeader` read; its `compressed` is the input.
 * @throws FlorenceError `image_undecodable` for data that is damaged or cut off.
 */
export async function decodePng(header: PngHeader): Promise<RgbImage> {
  const passes = (header.isInterlaced ? ADAM7 : WHOLE).filter(
    (pass) => header.width > pass.x && header.height > pass.y,
  );
  const rawLength = passes.reduce(
    (sum, pass) => sum + passRows(header, pass) * (1 + rowBytes(header, pass)),
    0,
  );
  const available = header.compressed.reduce((sum, part) => sum + part.length, 0); // prettier-ignore
  if (rawLength > available * MAX_INFLATION)
    throw undecodable("PNG", `states ${header.width} x ${header.height} pixels, which ${available} bytes cannot hold`); // prettier-ignore

  const { width, height } = header;
  const image = { width, height, data: new Uint8Array(width * height * 3) };
  const rows = new RowReader(inflate(header.compressed));
  try {
    for (const pass of passes) await readPass(header, pass, rows, image);
  } finally {
    await rows.close();
  }
  return image;
}

async function readPass(
  header: PngHeader,
  pass: Pass,
  rows: RowReader,
  image: RgbImage,
): Promise<void> {
  const bytes = rowBytes(header, pass);
  // Bytes from one pixel to the next, at least one (section 9.2).
  const step = Math.max(1, (header.samples * header.depth) >> 3);
  let row = new Uint8Array(bytes);
  let above = new Uint8Array(bytes);
  for (let y = pass.y; y < header.height; y += pass.stepY) {
    const filter = rows.tryRead(row) ?? (await rows.read(row));
    unfilter(filter, row, above, step);
    writeRow(header, pass, row, image, y);
    [row, above] = [above, row];
  }
}

function passRows(header: PngHeader, pass: Pass): number {
  return Math.ceil((header.height - pass.y) / pass.stepY);
}

/** Bytes of a row of a pass, without the filter's byte. */
function rowBytes(header: PngHeader, pass: Pass): number {
  const pixels = Math.ceil((header.width - pass.x) / pass.stepX);
  return Math.ceil((pixels * header.samples * header.depth) / 8);
}

/** Undoes a row's filter in place (section 9.2). */
function unfilter(
  filter: number,
  row: Uint8Array,
  above: Uint8Array,
  step: number,
): void {
  const { length } = row;
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let at = step; at < length; at += 1)
        row[at] = row[at]! + row[at - step]!;
      return;
    case 2:
      for (let at = 0; at < length; at += 1) row[at] = row[at]! + above[at]!;
      return;
    case 3:
      for (let at = 0; at < length; at += 1) {
        const left = at < step ? 0 : row[at - step]!;
        row[at] = row[at]! + ((left + above[at]!) >> 1);
      }
      return;
    case 4:
      for (let at = 0; at < length; at += 1) {
        const left = at < step ? 0 : row[at - step]!;
        const corner = at < step ? 0 : above[at - step]!;
        row[at] = row[at]! + paeth(left, above[at]!, corner);
      }
      return;
    default:
      throw undecodable("PNG", `is damaged (row filter ${filter})`);
  }
}

/** The neighbor nearest to left + above - corner (section 9.4). */
function paeth(left: number, above: number, corner: number): number {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

/** Writes one unfiltered row of a pass as RGB into the picture. */
function writeRow(
  header: PngHeader,
  pass: Pass,
  row: Uint8Array,
  image: RgbImage,
  y: number,
): void {
  const { depth, samples, palette } = header;
  const { width, data } = image;
  const isColor = samples >= 3;
  const bytesPerSample = depth >> 3;
  const pixelBytes = samples * bytesPerSample;
  const mask = (1 << depth) - 1;
  const stretch = palette === null ? 255 / mask : 1;
  let to = (y * width + pass.x) * 3;
  for (let x = pass.x, index = 0; x < width; x += pass.stepX, index += 1) {
    if (isColor) {
      const at = index * pixelBytes;
      data[to] = row[at]!;
      data[to + 1] = row[at + bytesPerSample]!;
      data[to + 2] = row[at + 2 * bytesPerSample]!;
    } else {
      const value =
        depth >= 8
          ? row[index * pixelBytes]!
          : ((row[(index * depth) >> 3]! >> (8 - depth - ((index * depth) & 7))) & mask) * stretch; // prettier-ignore
      if (palette === null) data.fill(value, to, to + 3);
      else {
        // An index past the palette's end is black, as in libpng and Pillow.
        data[to] = palette[3 * value] ?? 0;
        data[to + 1] = palette[3 * value + 1] ?? 0;
        data[to + 2] = palette[3 * value + 2] ?? 0;
      }
    }
    to += 3 * pass.stepX;
  }
}

/** The IDAT chunks as one zlib stream, inflated. */
function inflate(parts: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  let part = 0;
  let offset = 0;
  const compressed = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        while (part < parts.length && offset >= parts[part]!.length) {
          part += 1;
          offset = 0;
        }
        const bytes = parts[part];
        if (bytes === undefined) {
          controller.close();
          return;
        }
        controller.enqueue(bytes.slice(offset, offset + PIECE));
        offset += PIECE;
      },
    },
    { highWaterMark: 0 },
  );
  return compressed.pipeThrough(new DecompressionStream("deflate"));
}

/** Hands out filter bytes and rows from a stream of chunks of any length. */
class RowReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk = new Uint8Array(0);
  #at = 0;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** `read` without a wait, or undefined if the row is not here as a whole. */
  tryRead(row: Uint8Array): number | undefined {
    const end = this.#at + 1 + row.length;
    if (end > this.#chunk.length) return undefined;
    const filter = this.#chunk[this.#at]!;
    row.set(this.#chunk.subarray(this.#at + 1, end));
    this.#at = end;
    return filter;
  }

  /** Fills `row` and returns the filter byte before it. */
  async read(row: Uint8Array): Promise<number> {
    while (this.#at >= this.#chunk.length) await this.#next();
    const filter = this.#chunk[this.#at]!;
    this.#at += 1;
    for (let filled = 0; filled < row.length;) {
      while (this.#at >= this.#chunk.length) await this.#next();
      const part = this.#chunk.subarray(this.#at, this.#at + row.length - filled); // prettier-ignore
      row.set(part, filled);
      filled += part.length;
      this.#at += part.length;
    }
    return filter;
  }

  /** Stops inflating; what comes after the last row is never made. */
  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }

  async #next(): Promise<void> {
    const result = await this.#reader.read().catch((cause: unknown) => {
      throw undecodable("PNG", "is damaged or cut off (its compressed data ends early or is not valid)", cause); // prettier-ignore
    });
    if (result.done)
      throw undecodable("PNG", "is cut off: some rows are missing");
    this.#chunk = result.value as Uint8Array<ArrayBuffer>;
    this.#at = 0;
  }
}
