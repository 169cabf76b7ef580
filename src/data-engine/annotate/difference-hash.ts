// A perceptual hash: pictures that look alike have hashes that differ in few
// bits, whatever their size or quality.

import { resizeBicubic } from "../../shared/image/resize-bicubic.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";

/**
 * Difference hash: the picture is brought to 9 x 8 grey pixels, and each bit
 * says whether a pixel is darker than the one to its right.
 *
 * Source: N. Krawetz, "Kind of Like That" (2013), dHash.
 *
 * @returns 64 bits as 16 hexadecimal digits, row by row from the top left.
 */
export function differenceHash(image: RgbImage): string {
  const { data } = resizeBicubic(image, 9, 8); // [8, 9, 3]
  let bits = "";
  for (let y = 0; y < 8; y += 1) {
    for (let x = 0; x < 8; x += 1) {
      const at = (y * 9 + x) * 3;
      bits += luma(data, at) < luma(data, at + 3) ? "1" : "0";
    }
  }
  return BigInt(`0b${bits}`).toString(16).padStart(16, "0");
}

/** Bits in which two hashes differ, 0 to 64. */
export function hammingDistance(one: string, other: string): number {
  let distance = 0;
  for (let at = 0; at < 16; at += 8) {
    const difference =
      Number.parseInt(one.slice(at, at + 8), 16) ^
      Number.parseInt(other.slice(at, at + 8), 16);
    distance += popCount(difference);
  }
  return distance;
}

/** ITU-R BT.601, in thousandths. */
function luma(data: Uint8Array, at: number): number {
  return 299 * data[at]! + 587 * data[at + 1]! + 114 * data[at + 2]!;
}

function popCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
