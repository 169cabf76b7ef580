// Pictures as PNG, on every platform.

import { encode } from "fast-png";
import type { RgbImage } from "../image/rgb-image.ts";

/** Writes a picture as PNG, 8 bits a channel. Peak memory: twice the picture. */
export function encodePng({ width, height, data }: RgbImage): Uint8Array {
  return encode({ width, height, data, channels: 3 }, { zlib: { level: 6 } });
}
