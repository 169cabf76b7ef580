// From polygons to a mask.

import type { Mask } from "../specialists/outline.ts";

/** Lines a pixel row is cut into: edges get seventeen shades. */
const SUBROWS = 4;

/**
 * How much of each pixel lies inside polygons, by the even-odd rule.
 *
 * @param polygons rings in pixels of the mask.
 */
export function fillPolygons(
  polygons: readonly (readonly (readonly [number, number])[])[],
  width: number,
  height: number,
): Mask {
  const data = new Float32Array(width * height); // [height, width]
  for (let row = 0; row < height * SUBROWS; row += 1) {
    const y = (row + 0.5) / SUBROWS;
    const crossings = polygons
      .flatMap((ring) => crossingsOf(ring, y))
      .sort((a, b) => a - b);
    const start = Math.floor(row / SUBROWS) * width;
    for (let at = 0; at + 1 < crossings.length; at += 2)
      fillInto(data, start, width, crossings[at]!, crossings[at + 1]!);
  }
  for (let at = 0; at < data.length; at += 1)
    data[at] = Math.min(1, data[at]! / SUBROWS);
  return { width, height, data };
}

function crossingsOf(
  ring: readonly (readonly [number, number])[],
  y: number,
): number[] {
  return ring.flatMap(([x0, y0], index) => {
    const [x1, y1] = ring[(index + 1) % ring.length]!;
    if (y0 <= y === y1 <= y) return [];
    return [x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)];
  });
}

/** Adds the covered part of each pixel between two places of a row. */
function fillInto(
  data: Float32Array,
  start: number,
  width: number,
  from: number,
  to: number,
): void {
  const left = Math.min(width, Math.max(0, from));
  const right = Math.min(width, Math.max(0, to));
  for (let x = Math.floor(left); x < right; x += 1) {
    const covered = Math.min(right, x + 1) - Math.max(left, x);
    data[start + x]! += covered;
  }
}
