// A rotated line of a picture as an upright strip.

import type { RgbImage } from "../../image/rgb-image.ts";
import type { Rectangle } from "./find-lines.ts";

/**
 * A rectangle of a picture as a strip of `width` by `height` pixels: each is
 * the mean of k x k bilinear samples, k being how often the strip's height goes
 * into the rectangle's, rounded up.
 *
 * Source: `training/reader.py`, `straighten`.
 *
 * @returns `[height, width, 3]`, 0..255, R G B.
 */
export function straightenLine(
  image: RgbImage,
  rectangle: Rectangle,
  width: number,
  height: number,
): Float32Array {
  const { cx, cy, ux, uy } = rectangle;
  const fine = Math.max(1, Math.ceil(rectangle.height / height));
  const [right, bottom] = [image.width - 1, image.height - 1];
  const strip = new Float32Array(width * height * 3); // [h, w, 3]
  for (let v = 0; v < height; v += 1) {
    for (let u = 0; u < width; u += 1) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let j = 0; j < fine; j += 1) {
        const rows = v * fine + j + 0.5;
        const down =
          (rows / (height * fine)) * rectangle.height - rectangle.height / 2;
        for (let i = 0; i < fine; i += 1) {
          const columns = u * fine + i + 0.5;
          const along =
            (columns / (width * fine)) * rectangle.width - rectangle.width / 2;
          const x = clamp(cx + along * ux - down * uy - 0.5, right);
          const y = clamp(cy + along * uy + down * ux - 0.5, bottom);
          const x0 = Math.floor(x);
          const y0 = Math.floor(y);
          const x1 = Math.min(x0 + 1, right);
          const y1 = Math.min(y0 + 1, bottom);
          const fx = x - x0;
          const fy = y - y0;
          const at = (row: number, column: number): number =>
            (row * image.width + column) * 3;
          const [a, b, c, d] = [at(y0, x0), at(y0, x1), at(y1, x0), at(y1, x1)];
          const sample = (channel: number): number => {
            const { data } = image;
            const top = data[a + channel]! * (1 - fx) + data[b + channel]! * fx;
            const low = data[c + channel]! * (1 - fx) + data[d + channel]! * fx;
            return top * (1 - fy) + low * fy;
          };
          red += sample(0);
          green += sample(1);
          blue += sample(2);
        }
      }
      const to = (v * width + u) * 3;
      strip[to] = red / (fine * fine);
      strip[to + 1] = green / (fine * fine);
      strip[to + 2] = blue / (fine * fine);
    }
  }
  return strip;
}

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}
