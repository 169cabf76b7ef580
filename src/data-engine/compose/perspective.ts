// A picture seen at an angle: the projective map of its corners.

import type { Point } from "../../shared/geometry.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";

/** A projective map, row by row; the ninth number is 1. */
export type Homography = readonly [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

export type Quad = readonly [Point, Point, Point, Point];

/**
 * The map that takes four points to four others.
 *
 * Source: P. Heckbert, "Fundamentals of Texture Mapping and Image Warping"
 * (1989), section 2.2: eight linear equations.
 */
export function homographyOf(from: Quad, to: Quad): Homography {
  const rows = from.flatMap(([x, y], at): number[][] => {
    const [u, v] = to[at]!;
    return [
      [x, y, 1, 0, 0, 0, -u * x, -u * y, u],
      [0, 0, 0, x, y, 1, -v * x, -v * y, v],
    ];
  });
  const [a, b, c, d, e, f, g, h] = solve(rows);
  return [a!, b!, c!, d!, e!, f!, g!, h!];
}

/** Where a point goes. */
export function mapPoint(
  [a, b, c, d, e, f, g, h]: Homography,
  [x, y]: Point,
): [number, number] {
  const w = g * x + h * y + 1;
  return [(a * x + b * y + c) / w, (d * x + e * y + f) / w];
}

/**
 * The picture through the inverse of a map, bilinear; what lies outside is
 * filled.
 *
 * @param inverse takes points of the result to points of the picture.
 */
export function warpImage(
  image: RgbImage,
  inverse: Homography,
  fill: readonly [number, number, number],
): RgbImage {
  const { width, height } = image;
  const data = new Uint8Array(width * height * 3); // [height, width, 3]
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [u, v] = mapPoint(inverse, [x + 0.5, y + 0.5]);
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel += 1)
        data[at + channel] = sample(image, u - 0.5, v - 0.5, channel, fill);
    }
  }
  return { width, height, data };
}

function sample(
  { width, height, data }: RgbImage,
  x: number,
  y: number,
  channel: number,
  fill: readonly [number, number, number],
): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const at = (column: number, row: number): number =>
    column < 0 || row < 0 || column >= width || row >= height
      ? fill[channel]!
      : data[(row * width + column) * 3 + channel]!;
  const across = x - left;
  const upper = at(left, top) * (1 - across) + at(left + 1, top) * across;
  const lower =
    at(left, top + 1) * (1 - across) + at(left + 1, top + 1) * across;
  return Math.round(upper + (lower - upper) * (y - top));
}

/** Gauss and Jordan, with pivoting; the last column is the right side. */
function solve(rows: number[][]): number[] {
  const count = rows.length;
  for (let column = 0; column < count; column += 1) {
    let pivot = column;
    for (let row = column + 1; row < count; row += 1)
      if (Math.abs(rows[row]![column]!) > Math.abs(rows[pivot]![column]!))
        pivot = row;
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const own = rows[column]!;
    for (const [index, row] of rows.entries()) {
      if (index === column) continue;
      const factor = row[column]! / own[column]!;
      for (let at = column; at <= count; at += 1) row[at]! -= factor * own[at]!;
    }
  }
  return rows.map((row, index) => row[count]! / row[index]!);
}
