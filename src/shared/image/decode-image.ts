// Bytes of a JPEG, PNG or WebP to upright RGB pixels.

import type { ImageSize } from "../geometry.ts";
import { decodeJpeg } from "./decode-jpeg.ts";
import type { JpegScaling } from "./decode-jpeg.ts";
import { decodePng } from "./decode-png.ts";
import { decodeWebp } from "./decode-webp.ts";
import {
  DEFAULT_IMAGE_LIMITS,
  checkImageBytes,
  checkImageSize,
} from "./image-limits.ts";
import type { ImageLimits } from "./image-limits.ts";
import { orientImage } from "./orient-image.ts";
import type { RgbImage } from "./rgb-image.ts";
import { sniffImage } from "./sniff-image.ts";
import type { SniffedImage } from "./sniff-image.ts";

/** The decoders' compiled WebAssembly; the host brings it. */
export interface ImageCodecs {
  /** `@cwasm/jpeg-turbo/jpeg-turbo.wasm` */
  readonly jpegTurbo: WebAssembly.Module;
  /** `@jsquash/webp/codec/dec/webp_dec.wasm` */
  readonly webp: WebAssembly.Module;
}

/** A picture as the rest of the core takes it. */
export interface DecodedImage {
  /** Upright; smaller than `size` if `scaled`. */
  readonly image: RgbImage;
  readonly mediaType: string;
  /** Full size after orientation, in pixels: boxes refer to it. */
  readonly size: ImageSize;
  /** Whether an Exif orientation other than "as it is" was applied. */
  readonly orientationApplied: boolean;
  /** Whether a JPEG was decoded below its full size. */
  readonly scaled: boolean;
}

export interface DecodeImageOptions {
  /** Where left out, `DEFAULT_IMAGE_LIMITS` holds. */
  readonly limits?: Partial<ImageLimits>;
  /** Decoding large JPEGs at some eighths of their size; "off" if left out. */
  readonly jpegScaling?: JpegScaling | "off";
}

/**
 * Decodes a picture: first frame, alpha dropped, palette looked up, grey
 * replicated, Exif orientation applied.
 *
 * Pixels of a PNG are exactly Pillow's; those of JPEG and WebP differ from it
 * by rounding at most. `bytes` are read only. Peak memory stands with
 * `decodeJpeg`, `decodePng` and `decodeWebp`; an orientation other than 1 adds
 * 3 bytes a pixel.
 *
 * @throws FlorenceError `image_too_large` or `image_too_small`, told from the
 *   header before anything is allocated; `unsupported_media_type` for any other
 *   kind of file; `image_undecodable` for a damaged one.
 */
export async function decodeImage(
  bytes: Uint8Array,
  codecs: ImageCodecs,
  options: DecodeImageOptions = {},
): Promise<DecodedImage> {
  const limits = { ...DEFAULT_IMAGE_LIMITS, ...options.limits };
  checkImageBytes(bytes.length, limits);
  const header = sniffImage(bytes);
  checkImageSize(header, limits);

  const stored = await decodePixels(bytes, header, codecs, options);
  const { width, height, orientation, mediaType } = header;
  return {
    image: orientImage(stored, orientation),
    mediaType,
    size:
      orientation >= 5 ? { width: height, height: width } : { width, height },
    orientationApplied: orientation !== 1,
    scaled: stored.width !== width || stored.height !== height,
  };
}

async function decodePixels(
  bytes: Uint8Array,
  header: SniffedImage,
  codecs: ImageCodecs,
  options: DecodeImageOptions,
): Promise<RgbImage> {
  switch (header.mediaType) {
    case "image/jpeg": {
      const scaling = options.jpegScaling ?? "off";
      return decodeJpeg(bytes, header, codecs.jpegTurbo, scaling);
    }
    case "image/png":
      return decodePng(bytes, header);
    case "image/webp":
      return decodeWebp(bytes, header, codecs.webp);
  }
}
