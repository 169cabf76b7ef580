// How pictures are decoded in an isolate, and up to which size.

import jpegTurbo from "@cwasm/jpeg-turbo/jpeg-turbo.wasm";
import webp from "@jsquash/webp/codec/dec/webp_dec.wasm";
import type {
  DecodeImageOptions,
  ImageCodecs,
} from "../../src/shared/image/decode-image.ts";
import type { SniffedImage } from "../../src/shared/image/sniff-image.ts";

/** Decoders, one of each in an isolate. */
export const EDGE_CODECS: ImageCodecs = { jpegTurbo, webp };

/**
 * Most pixels of a picture. A decoder takes 3 bytes a pixel for PNG, 6 for a
 * progressive JPEG, 11 for WebP; a baseline JPEG is decoded at a fraction of its
 * size.
 */
export interface PixelLimits {
  readonly baselineJpeg: number;
  readonly progressiveJpeg: number;
  readonly png: number;
  readonly webp: number;
}

/** Pixels of some 50 MB, which a small model leaves of an isolate. */
export const SMALL_MODEL_PIXELS: PixelLimits = {
  baselineJpeg: 100_000_000,
  progressiveJpeg: 8_000_000,
  png: 12_000_000,
  webp: 4_000_000,
};

/** Decoding within limits; a JPEG above `scaleAbove` pixels is scaled down. */
export function decodingWithin(
  limits: PixelLimits,
  scaleAbove: number,
): (header: SniffedImage) => DecodeImageOptions {
  return (header) => ({
    limits: { maxPixels: maxPixelsOf(header, limits) },
    jpegScaling: { abovePixels: scaleAbove, minSide: 768 },
  });
}

function maxPixelsOf(header: SniffedImage, limits: PixelLimits): number {
  switch (header.mediaType) {
    case "image/jpeg":
      return header.scans > 1 ? limits.progressiveJpeg : limits.baselineJpeg;
    case "image/png":
      return limits.png;
    case "image/webp":
      return limits.webp;
  }
}
