// Reads a PNG's chunks (PNG specification, third edition, sections 5 and 11).

import { readExifOrientation } from "./exif-orientation.ts";
import type { Orientation } from "./exif-orientation.ts";
import { undecodable } from "./image-header.ts";
import type { ImageHeader } from "./image-header.ts";

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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let head: Omit<PngHeader, "palette" | "compressed" | "orientation"> | null =
    null;
  let isIndexed = false;
  let palette: Uint8Array | null = null;
  let orientation: Orientation = 1;
  const compressed: Uint8Array[] = [];

  for (let at = 8; at + 8 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (head === null && type !== "IHDR") break;
    if (type === "IEND") break;
    if (body.length < length) {
      // A cut-off IDAT is kept: whether it holds enough shows when inflating.
      if (type === "IDAT") compressed.push(body);
      break;
    }
    if (type === "IHDR") {
      head = readIhdr(body);
      isIndexed = body[9] === 3;
    } else if (type === "PLTE") palette ??= body;
    else if (type === "IDAT") compressed.push(body);
    else if (type === "eXIf") orientation = readExifOrientation(body);
    at += 12 + length;
  }

  if (head === null)
    throw undecodable("PNG", "ends before its header is complete");
  if (isIndexed && palette === null)
    throw undecodable("PNG", "has a palette's indices but no palette");
  if (compressed.length === 0) throw undecodable("PNG", "holds no pixels");
  return {
    ...head,
    orientation,
    palette: isIndexed ? palette : null,
    compressed,
  };
}

function readIhdr(
  body: Uint8Array,
): Omit<PngHeader, "palette" | "compressed" | "orientation"> {
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
  };
}
