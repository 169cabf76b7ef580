// Reads a WebP's chunks (RFC 9649, section 2) and cuts out a first frame.

import { readExifOrientation } from "./exif-orientation.ts";
import type { Orientation } from "./exif-orientation.ts";
import { undecodable } from "./image-header.ts";
import type { ImageHeader } from "./image-header.ts";

/** The first frame of an animation, placed on the canvas. */
export interface WebpFrame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Its ALPH, VP8 or VP8L chunks, headers included; a view, not a copy. */
  readonly chunks: Uint8Array;
}

export interface WebpHeader extends ImageHeader {
  readonly mediaType: "image/webp";
  /** Null for a still picture. */
  readonly firstFrame: WebpFrame | null;
}

/**
 * Reads the canvas' size, Exif orientation and, of an animation, where the
 * first frame lies.
 *
 * @throws FlorenceError `image_undecodable` if no picture is found.
 */
export function readWebpHeader(bytes: Uint8Array): WebpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let size: { width: number; height: number } | undefined;
  let isAnimated = false;
  let firstFrame: WebpFrame | null = null;
  let orientation: Orientation = 1;

  for (let at = 12; at + 8 <= bytes.length;) {
    const type = String.fromCharCode(...bytes.subarray(at, at + 4));
    const length = view.getUint32(at + 4, true);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (type === "VP8X" && body.length >= 10) {
      size ??= { width: uint24(body, 4) + 1, height: uint24(body, 7) + 1 };
      isAnimated = (body[0]! & 0x02) !== 0;
    } else if (type === "VP8 ") size ??= readLossySize(body);
    else if (type === "VP8L") size ??= readLosslessSize(body);
    else if (type === "ANMF" && isAnimated) firstFrame ??= readFrame(body);
    else if (type === "EXIF") orientation = readExifOrientation(body);
    at += 8 + length + (length & 1);
  }

  if (size === undefined)
    throw undecodable("WebP", "ends before its header is complete");
  if (size.width === 0 || size.height === 0)
    throw undecodable("WebP", "states a width or height of 0");
  if (isAnimated && firstFrame === null)
    throw undecodable("WebP", "is an animation without a frame");
  return { mediaType: "image/webp", ...size, orientation, firstFrame };
}

/** RFC 6386, section 9.1: 14 bits each, after the frame tag and start code. */
function readLossySize(
  body: Uint8Array,
): { width: number; height: number } | undefined {
  if (body.length < 10 || body[3] !== 0x9d) return undefined;
  const width = body[6]! | (body[7]! << 8);
  const height = body[8]! | (body[9]! << 8);
  return { width: width & 0x3fff, height: height & 0x3fff };
}

/** RFC 9649, section 3.4: 14 bits each, less one, after the signature byte. */
function readLosslessSize(
  body: Uint8Array,
): { width: number; height: number } | undefined {
  if (body.length < 5 || body[0] !== 0x2f) return undefined;
  const bits = body[1]! | (body[2]! << 8) | (body[3]! << 16) | (body[4]! << 24);
  return {
    width: (bits & 0x3fff) + 1,
    height: ((bits >>> 14) & 0x3fff) + 1,
  };
}

/** RFC 9649, section 2.7.1.1: a frame's offsets count in steps of two pixels. */
function readFrame(body: Uint8Array): WebpFrame | null {
  if (body.length < 16) return null;
  return {
    x: 2 * uint24(body, 0),
    y: 2 * uint24(body, 3),
    width: uint24(body, 6) + 1,
    height: uint24(body, 9) + 1,
    chunks: body.subarray(16),
  };
}

function uint24(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
}
