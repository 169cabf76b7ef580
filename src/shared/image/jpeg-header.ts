// Walks a JPEG's markers (ITU-T T.81, annex B) without decoding anything.

import { readExifOrientation } from "./exif-orientation.ts";
import type { Orientation } from "./exif-orientation.ts";
import { undecodable } from "./image-header.ts";
import type { ImageHeader } from "./image-header.ts";

export interface JpegHeader extends ImageHeader {
  readonly mediaType: "image/jpeg";
  /** Color components: 1 grey, 3 color, 4 CMYK or YCCK. */
  readonly components: number;
  /** Scans (SOS markers) in the file. */
  readonly scans: number;
  /** Whether the end-of-image marker is there. */
  readonly isComplete: boolean;
}

/**
 * Reads size, components, Exif orientation and the number of scans.
 *
 * @throws FlorenceError `image_undecodable` if there is no frame header.
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  let frame: { width: number; height: number; components: number } | undefined;
  let orientation: Orientation | undefined;
  let scans = 0;
  let isComplete = false;

  let at = 2;
  for (;;) {
    // Markers are found as libjpeg does: what stands before an FF is skipped,
    // so is a stuffed zero, a restart marker and a fill byte.
    at = bytes.indexOf(0xff, at);
    if (at < 0) break;
    const marker = bytes[at + 1];
    if (marker === undefined) break;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    at += 2;
    if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue;
    if (marker === 0xd9) {
      isComplete = true;
      break;
    }
    const length = uint16(bytes, at);
    if (length === undefined || length < 2) break;
    const segment = bytes.subarray(at + 2, at + length);
    if (isFrameMarker(marker)) frame ??= readFrame(segment);
    else if (marker === 0xda) scans += 1;
    else if (marker === 0xe1 && isExif(segment))
      orientation ??= readExifOrientation(segment);
    at += length;
  }

  if (frame === undefined)
    throw undecodable("JPEG", "ends before its frame header");
  if (frame.width === 0 || frame.height === 0)
    throw undecodable("JPEG", "states a width or height of 0");
  return {
    mediaType: "image/jpeg",
    ...frame,
    orientation: orientation ?? 1,
    scans,
    isComplete,
  };
}

/** SOF0 to SOF15, less DHT, JPG and DAC, which share the range. */
function isFrameMarker(marker: number): boolean {
  if (marker < 0xc0 || marker > 0xcf) return false;
  return marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

function readFrame(
  segment: Uint8Array,
): { width: number; height: number; components: number } | undefined {
  // [precision u8, height u16, width u16, components u8, ...]
  const height = uint16(segment, 1);
  const width = uint16(segment, 3);
  const components = segment[5];
  if (height === undefined || width === undefined || components === undefined)
    return undefined;
  return { width, height, components };
}

function isExif(segment: Uint8Array): boolean {
  return String.fromCharCode(...segment.subarray(0, 6)) === "Exif\0\0";
}

function uint16(bytes: Uint8Array, at: number): number | undefined {
  const high = bytes[at];
  const low = bytes[at + 1];
  return high === undefined || low === undefined
    ? undefined
    : (high << 8) | low;
}
