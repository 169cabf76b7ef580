// Turns stored pixels upright.

import type { Orientation } from "./exif-orientation.ts";
import type { RgbImage } from "./rgb-image.ts";

/**
 * Applies an Exif orientation; 1 gives back the same picture, all others a
 * copy. Same result as Pillow's `ImageOps.exif_transpose`.
 */
export function orientImage(
  image: RgbImage,
  orientation: Orientation,
): RgbImage {
  if (orientation === 1) return image;
  const { width, height, data } = image;
  // Where stored pixel (0, 0) goes, and the steps from it along a stored row
  // and down a stored column, in pixels of the upright picture.
  const isTurned = orientation >= 5;
  const [uprightWidth, uprightHeight] = isTurned ? [height, width] : [width, height]; // prettier-ignore
  const lastX = uprightWidth - 1;
  const lastRow = (uprightHeight - 1) * uprightWidth;
  const [start, alongRow, downColumn] = {
    2: [lastX, -1, uprightWidth],
    3: [lastRow + lastX, -1, -uprightWidth],
    4: [lastRow, 1, -uprightWidth],
    5: [0, uprightWidth, 1],
    6: [lastX, uprightWidth, -1],
    7: [lastRow + lastX, -uprightWidth, -1],
    8: [lastRow, -uprightWidth, 1],
  }[orientation] as [number, number, number];

  const upright = new Uint8Array(data.length);
  let from = 0;
  for (let y = 0; y < height; y += 1) {
    let to = 3 * (start + y * downColumn);
    for (let x = 0; x < width; x += 1) {
      upright[to] = data[from]!;
      upright[to + 1] = data[from + 1]!;
      upright[to + 2] = data[from + 2]!;
      from += 3;
      to += 3 * alongRow;
    }
  }
  return { width: uprightWidth, height: uprightHeight, data: upright };
}
