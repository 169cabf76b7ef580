// PNG, row by row: nothing is inflated beyond what the header promises, so that
// a bomb stops at once, and no more than two rows exist beside the picture.
// Kept packages inflate the whole file first, without a bound.

import { undecodable } from "./image-header.ts";
import { isIntact, pngChunks } from "./png-chunks.ts";
import type { PngHeader } from "./png-header.ts";
import { PngRows } from "./png-rows.ts";
import type { RgbImage } from "./rgb-image.ts";
import { unfilterPngRow } from "./unfilter-png-row.ts";

/** Deflate makes at most 1,032 bytes of one (zlib technical details). */
const MAX_INFLATION = 1032;

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
 * @param header what `readPngHeader` read from the same `bytes`.
 * @throws FlorenceError `image_undecodable` for data that is damaged (also by
 *   the checksums of the chunks that matter) or cut off.
 */
export function decodePng(bytes: Uint8Array, header: PngHeader): RgbImage {
  checkIntact(bytes);
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
  const rows = new PngRows(header.compressed);
  for (const pass of passes) readPass(header, pass, rows, image);
  return image;
}

function checkIntact(bytes: Uint8Array): void {
  for (const chunk of pngChunks(bytes)) {
    const isNeeded = /^[A-Z]/.test(chunk.type);
    if (isNeeded && chunk.isComplete && !isIntact(bytes, chunk))
      throw undecodable(
        "PNG",
        `is damaged (the checksum of its ${chunk.type} chunk is wrong)`,
      );
  }
}

function readPass(
  header: PngHeader,
  pass: Pass,
  rows: PngRows,
  image: RgbImage,
): void {
  const bytes = rowBytes(header, pass);
  // Bytes from one pixel to the next, at least one (section 9.2).
  const step = Math.max(1, (header.samples * header.depth) >> 3);
  let row = new Uint8Array(bytes);
  let above = new Uint8Array(bytes);
  for (let y = pass.y; y < header.height; y += pass.stepY) {
    const filter = rows.read(row);
    unfilterPngRow(filter, row, above, step);
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

/** Writes one unfiltered row of a pass as RGB into the picture. */
function writeRow(
  header: PngHeader,
  pass: Pass,
  row: Uint8Array,
  image: RgbImage,
  y: number,
): void {
  const { width, data } = image;
  const to = (y * width + pass.x) * 3;
  const step = 3 * pass.stepX;
  const end = (y + 1) * width * 3;
  if (header.samples < 3) writeGreyOrIndexed(header, row, data, to, end, step);
  else if (header.samples === 3 && header.depth === 8 && step === 3)
    data.set(row, to);
  else writeColor(header, row, data, to, end, step);
}

function writeColor(
  header: PngHeader,
  row: Uint8Array,
  data: Uint8Array,
  start: number,
  end: number,
  step: number,
): void {
  const sample = header.depth >> 3;
  const pixel = header.samples * sample;
  for (let to = start, at = 0; to < end; to += step, at += pixel) {
    data[to] = row[at]!;
    data[to + 1] = row[at + sample]!;
    data[to + 2] = row[at + 2 * sample]!;
  }
}

function writeGreyOrIndexed(
  header: PngHeader,
  row: Uint8Array,
  data: Uint8Array,
  start: number,
  end: number,
  step: number,
): void {
  const { depth, samples, palette } = header;
  const mask = (1 << Math.min(8, depth)) - 1;
  const stretch = 255 / mask;
  const bits = depth * samples;
  for (let to = start, bit = 0; to < end; to += step, bit += bits) {
    const byte = row[bit >> 3]!;
    const value = depth >= 8 ? byte : (byte >> (8 - depth - (bit & 7))) & mask;
    if (palette === null) {
      const grey = value * stretch;
      data[to] = grey;
      data[to + 1] = grey;
      data[to + 2] = grey;
    } else {
      // An index past the palette's end is black.
      data[to] = palette[3 * value] ?? 0;
      data[to + 1] = palette[3 * value + 1] ?? 0;
      data[to + 2] = palette[3 * value + 2] ?? 0;
    }
  }
}
