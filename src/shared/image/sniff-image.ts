// The first look: what the bytes are and how large a picture they promise.

import { FlorenceError } from "../errors.ts";
import { readJpegHeader } from "./jpeg-header.ts";
import type { JpegHeader } from "./jpeg-header.ts";
import { isImageMediaType, recognizeFile } from "./media-type.ts";
import { readPngHeader } from "./png-header.ts";
import type { PngHeader } from "./png-header.ts";
import { readWebpHeader } from "./webp-header.ts";
import type { WebpHeader } from "./webp-header.ts";

/** A header, told apart by `mediaType`. */
export type SniffedImage = JpegHeader | PngHeader | WebpHeader;

/**
 * Reads media type, size and orientation from the content; decodes nothing and
 * allocates nothing that grows with the picture.
 *
 * @throws FlorenceError `unsupported_media_type` for anything but JPEG, PNG and
 *   WebP, naming what it is; `image_undecodable` for a broken header.
 */
export function sniffImage(bytes: Uint8Array): SniffedImage {
  if (bytes.length === 0)
    throw new FlorenceError(
      "image_undecodable",
      "The image is empty (0 bytes). Send the bytes of a JPEG, PNG or WebP.",
    );
  const { mediaType, description } = recognizeFile(bytes);
  if (!isImageMediaType(mediaType))
    throw new FlorenceError(
      "unsupported_media_type",
      `The bytes are ${description} (${mediaType}); JPEG, PNG and WebP can be read. ${advice(mediaType)}`,
    );
  switch (mediaType) {
    case "image/jpeg":
      return readJpegHeader(bytes);
    case "image/png":
      return readPngHeader(bytes);
    case "image/webp":
      return readWebpHeader(bytes);
  }
}

function advice(mediaType: string): string {
  if (mediaType === "text/html")
    return "Download the picture itself, not the page that shows it.";
  if (mediaType === "image/gif")
    return "Save the frame you mean as PNG or JPEG.";
  if (mediaType === "image/svg+xml") return "Draw it into a PNG first.";
  if (mediaType === "application/pdf")
    return "Export the page you mean as PNG or JPEG.";
  if (mediaType.startsWith("video/"))
    return "Save the frame you mean as JPEG or PNG.";
  if (mediaType.startsWith("image/")) return "Convert it to JPEG or PNG.";
  return "Send the bytes of a JPEG, PNG or WebP.";
}
