// How large a picture may be. Every check reads the header only, so that a
// file that lies about its size costs nothing.

import { FlorenceError } from "../errors.ts";
import type { ImageSize } from "../geometry.ts";

/** Bounds of one picture; sides and pixels count before orientation. */
export interface ImageLimits {
  readonly maxBytes: number;
  readonly maxPixels: number;
  /** Pixels, of the shorter side. */
  readonly minSide: number;
  /** Pixels, of the longer side. */
  readonly maxSide: number;
}

/**
 * 20 MB and 50 to 16,000 pixels a side are the API's published limits. The
 * 100 megapixels keep a decoded picture (3 bytes a pixel) below 300 MB.
 */
export const DEFAULT_IMAGE_LIMITS: ImageLimits = {
  maxBytes: 20_000_000,
  maxPixels: 100_000_000,
  minSide: 50,
  maxSide: 16_000,
};

/** @throws FlorenceError `image_too_large` for a file of more bytes than allowed. */
export function checkImageBytes(length: number, limits: ImageLimits): void {
  if (length <= limits.maxBytes) return;
  throw new FlorenceError(
    "image_too_large",
    `The image is ${megabytes(length)}; ${allowed(limits)}. Resize it and send it again.`,
  );
}

/** @throws FlorenceError `image_too_large` or `image_too_small`, with the size and the limits. */
export function checkImageSize(size: ImageSize, limits: ImageLimits): void {
  const { width, height } = size;
  const stated = `The image is ${count(width)} x ${count(height)} pixels`;
  if (
    Math.max(width, height) > limits.maxSide ||
    width * height > limits.maxPixels
  )
    // prettier-ignore
    throw new FlorenceError(
      "image_too_large",
      `${stated} (${megapixels(width * height)}); ${allowed(limits)}. Resize it and send it again.`,
    );
  if (Math.min(width, height) < limits.minSide)
    throw new FlorenceError(
      "image_too_small",
      `${stated}; each side must have at least ${count(limits.minSide)}. Send a larger picture.`,
    );
}

function allowed(limits: ImageLimits): string {
  return `the limits are ${megabytes(limits.maxBytes)}, ${count(limits.maxSide)} pixels a side and ${megapixels(limits.maxPixels)}`;
}

function megabytes(bytes: number): string {
  return `${trimmed(bytes / 1e6)} MB`;
}

function megapixels(pixels: number): string {
  return `${trimmed(pixels / 1e6)} megapixels`;
}

/** One decimal, none where it is zero; what is over a limit never reads as equal to it. */
function trimmed(value: number): string {
  const digits = value < 10 ? 2 : 1;
  return String(Number(value.toFixed(digits)));
}

/** 16000 as `16,000`, whatever the locale. */
function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}
