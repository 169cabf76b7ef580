// The photo with its overlay, as PNG.

import type { RgbImage } from "../image/rgb-image.ts";
import { resizeBicubic } from "../image/resize-bicubic.ts";
import { encodePng } from "./encode-png.ts";
import type { Rasterizer, RgbaImage } from "./rasterizer.ts";

/** Below this the letters of a label could not be read. */
const MIN_LONG_SIDE = 800;

/**
 * Lays an overlay over its photo and writes both as one PNG.
 *
 * The PNG has the photo's size, but its long side is brought to 800 pixels at
 * least, so that labels are readable, and to what the rasterizer draws at most.
 * Peak memory: the photo, and 10 bytes for each pixel of the PNG.
 *
 * @param overlay an SVG of `renderSvg`, without a background.
 */
export async function annotatePhoto(
  photo: RgbImage,
  overlay: string,
  rasterizer: Rasterizer,
): Promise<Uint8Array> {
  const longSide = Math.max(photo.width, photo.height);
  const target = Math.min(
    rasterizer.maxSide,
    Math.max(MIN_LONG_SIDE, longSide),
  );
  const width = Math.max(1, Math.round((photo.width * target) / longSide));
  const drawn = await rasterizer.rasterize(overlay, width);
  const resized = resizeBicubic(photo, drawn.width, drawn.height);
  // `resizeBicubic` gives back the caller's own picture if the size is right.
  const data = resized === photo ? Uint8Array.from(photo.data) : resized.data;
  layOverInto(data, drawn);
  return encodePng({ width: drawn.width, height: drawn.height, data });
}

/** "Over" with premultiplied colors: the overlay, plus what shines through. */
function layOverInto(rgb: Uint8Array, { data: rgba }: RgbaImage): void {
  for (let to = 0, from = 0; from < rgba.length; to += 3, from += 4) {
    const alpha = rgba[from + 3]!;
    if (alpha === 0) continue;
    const through = 255 - alpha;
    rgb[to] = rgba[from]! + Math.round((rgb[to]! * through) / 255);
    rgb[to + 1] = rgba[from + 1]! + Math.round((rgb[to + 1]! * through) / 255);
    rgb[to + 2] = rgba[from + 2]! + Math.round((rgb[to + 2]! * through) / 255);
  }
}
