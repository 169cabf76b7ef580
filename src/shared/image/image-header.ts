// What the first look at a file yields, before a pixel is decoded.

import { FlorenceError } from "../errors.ts";
import type { Orientation } from "./exif-orientation.ts";
import type { ImageMediaType } from "./media-type.ts";

/** A picture's facts as its header states them; nothing is decoded yet. */
export interface ImageHeader {
  readonly mediaType: ImageMediaType;
  /** Of the stored pixels, before `orientation`. */
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
}

/**
 * The error of a file that is of a known kind but cannot be read.
 *
 * @param problem the sentence's middle: "the JPEG <problem>."
 */
export function undecodable(
  kind: "JPEG" | "PNG" | "WebP",
  problem: string,
  cause?: unknown,
): FlorenceError {
  return new FlorenceError(
    "image_undecodable",
    `The ${kind} ${problem}. Send the original file again, or save it anew as JPEG or PNG.`,
    { cause },
  );
}
