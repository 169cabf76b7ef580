// From a mask to polygons.

import { contours } from "d3-contour";
import { ringArea, simplifyRing, type Box } from "../../shared/geometry.ts";

/** Which pixels are part of something. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  /** `height * width`, 0 to 1: how much of the pixel is part of it. */
  readonly data: Float32Array;
}

/** The outline of a mask. */
export interface Outline {
  /** Around the pixels that are more than half part of it. */
  readonly box: Box;
  /** Open rings without holes, the largest first. */
  readonly polygons: [number, number][][];
  /** Pixels inside. */
  readonly area: number;
}

export interface OutlineOptions {
  /** Rings of a smaller area, in pixels, are left out. */
  readonly minArea: number;
  /** How far a simplified ring may stray, in pixels. */
  readonly tolerance: number;
}

/**
 * The outline of what is more than half part of a mask; null for an empty one.
 * Holes are not told of: they stay inside the polygons.
 */
export function outlineMask(
  mask: Mask,
  { minArea, tolerance }: OutlineOptions,
): Outline | null {
  const { width, height, data } = mask;
  const shape = contours().size([width, height]).thresholds([0.5])([
    ...data,
  ])[0];
  const rings = (shape?.coordinates ?? [])
    .map(([outer]) =>
      outer!.slice(0, -1).map(([x, y]): [number, number] => [x!, y!]),
    )
    .map((ring) => ({ ring, area: ringArea(ring) }))
    .filter(({ area }) => area >= minArea)
    .sort((a, b) => b.area - a.area);
  if (rings.length === 0) return null;
  const points = rings.flatMap(({ ring }) => ring);
  return {
    box: {
      x_min: Math.max(0, Math.floor(Math.min(...minMax(points, 0)) + 0.5)),
      y_min: Math.max(0, Math.floor(Math.min(...minMax(points, 1)) + 0.5)),
      x_max: Math.min(width, Math.ceil(Math.max(...minMax(points, 0)) - 0.5)),
      y_max: Math.min(height, Math.ceil(Math.max(...minMax(points, 1)) - 0.5)),
    },
    polygons: rings
      .map(({ ring }) => simplifyRing(ring, tolerance))
      .filter((ring) => ring.length >= 3),
    area: data.reduce((sum, value) => sum + Number(value >= 0.5), 0),
  };
}

/** Smallest and largest of a coordinate; a spread of points could be too long. */
function minMax(
  points: readonly (readonly [number, number])[],
  axis: 0 | 1,
): [number, number] {
  let [least, most] = [Infinity, -Infinity];
  for (const point of points) {
    least = Math.min(least, point[axis]);
    most = Math.max(most, point[axis]);
  }
  return [least, most];
}
