// Reads a PNG's chunks (PNG specification, third edition, sections 5 and 11).

import { readExifOrientation } from "./exif-orientation.ts";
import type { Orientation } from "./exif-orientation.ts";
import { undecodable } from "./image-header.ts";
import type { ImageHeader } from "./image-header.ts";
import { pngChunks } from "./png-chunks.ts";

export interface PngHeader extends ImageHeader {
  readonly mediaType: "image/png";
  /** Bits per sample: 1, 2, 4, 8 or 16. */
  readonly depth: number;
  /** Samples per pixel: 1 grey or palette index, 2 grey and alpha, 3 RGB, 4 RGBA. */
  readonly samples: number;
  readonly isInterlaced: boolean;
  /** `R G B` of each palette entry, or null where pixels are no indices. */
  readonly palette: Uint8Array | null;
  /** The IDAT chunks' contents, in order; views, not copies. */
  readonly compressed: readonly Uint8Array[];
}

/** Color type: [samples per pixel, allowed depths] (table 12 of section 11.2.1). */
const COLOR_TYPES: Readonly<
  Record<number, readonly [number, readonly number[]]>
> = {
  0: [1, [1, 2, 4, 8, 16]],
  2: [3, [8, 16]],
  3: [1, [1, 2, 4, 8]],
  4: [2, [8, 16]],
  6: [4, [8, 16]],
};

/**
 * Reads the header, palette, Exif orientation and where the pixels lie. For an
 * animated PNG that is its default image.
 *
 * @throws FlorenceError `image_undecodable` if a chunk that is needed is
 *   missing, cut off or contradicts the specification.
 */
export function readPngHeader(bytes: Uint8Array): PngHeader {
  let head: IhdrFields | null = null;
  let palette: Uint8Array | null = null;
  let orientation: Orientation = 1;
  const compressed: Uint8Array[] = [];

  for (const { type, body, isComplete } of pngChunks(bytes)) {
    if (head === null && type !== "IHDR") break;
    // A cut-off IDAT is kept: whether it holds enough shows when inflating.
    if (type === "IDAT") compressed.push(body);
    if (!isComplete) break;
    if (type === "IHDR") head ??= readIhdr(body);
    else if (type === "PLTE") palette ??= body;
    else if (type === "eXIf") orientation = readExifOrientation(body);
  }

  if (head === null)
    throw undecodable("PNG", "ends before its header is complete");
  const { isIndexed, ...fields } = head;
  if (isIndexed && palette === null)
    throw undecodable("PNG", "has a palette's indices but no palette");
  if (compressed.length === 0) throw undecodable("PNG", "holds no pixels");
  return {
    ...fields,
    orientation,
    palette: isIndexed ? palette : null,
    compressed,
  };
}

type IhdrFields = Omit<PngHeader, "palette" | "compressed" | "orientation"> & {
  readonly isIndexed: boolean;
};

function readIhdr(body: Uint8Array): IhdrFields {
  if (body.length < 13)
    throw undecodable("PNG", "ends before its header is complete");
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, colorType] = [view.getUint8(8), view.getUint8(9)];
  const [samples, depths] = COLOR_TYPES[colorType] ?? [0, []];
  if (!depths.includes(depth))
    throw undecodable(
      "PNG",
      `states color type ${colorType} at ${depth} bits, which does not exist`,
    );
  if (width === 0 || height === 0)
    throw undecodable("PNG", "states a width or height of 0");
  if (view.getUint8(10) !== 0 || view.getUint8(11) !== 0)
    throw undecodable("PNG", "uses an unknown compression or filter method");
  if (view.getUint8(12) > 1)
    throw undecodable("PNG", "uses an unknown interlace method");
  return {
    mediaType: "image/png",
    width,
    height,
    depth,
    samples,
    isInterlaced: view.getUint8(12) === 1,
    isIndexed: colorType === 3,
  };
}
