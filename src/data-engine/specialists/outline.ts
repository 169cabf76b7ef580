// From a mask to polygons.

import { contours } from "d3-contour";
import type { Box } from "../../shared/geometry.ts";

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

/** Area of a ring in square pixels (shoelace formula). */
export function ringArea(ring: readonly (readonly [number, number])[]): number {
  let twice = 0;
  for (const [index, [x, y]] of ring.entries()) {
    const [nextX, nextY] = ring[(index + 1) % ring.length]!;
    twice += x * nextY - nextX * y;
  }
  return Math.abs(twice) / 2;
}

/**
 * Leaves points out that stand within `tolerance` of the line between those
 * that stay (Douglas and Peucker, 1973).
 */
export function simplifyRing(
  ring: readonly [number, number][],
  tolerance: number,
): [number, number][] {
  if (ring.length < 4) return [...ring];
  // Two far points split the ring into two lines.
  const far = farthest(ring, ring[0]!);
  const first = simplifyLine(ring.slice(0, far + 1), tolerance);
  const second = simplifyLine([...ring.slice(far), ring[0]!], tolerance);
  return [...first.slice(0, -1), ...second.slice(0, -1)];
}

function simplifyLine(
  line: readonly [number, number][],
  tolerance: number,
): [number, number][] {
  const keep = new Set([0, line.length - 1]);
  const open: [number, number][] = [[0, line.length - 1]];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const [from, to] = part;
    let worst = from;
    let distance = tolerance;
    for (let index = from + 1; index < to; index += 1) {
      const away = distanceToLine(line[index]!, line[from]!, line[to]!);
      if (away > distance) [worst, distance] = [index, away];
    }
    if (worst === from) continue;
    keep.add(worst);
    open.push([from, worst], [worst, to]);
  }
  return line.filter((_, index) => keep.has(index));
}

function distanceToLine(
  [x, y]: readonly [number, number],
  [x0, y0]: readonly [number, number],
  [x1, y1]: readonly [number, number],
): number {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (length === 0) return Math.hypot(x - x0, y - y0);
  return Math.abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length;
}

function farthest(
  ring: readonly [number, number][],
  [x0, y0]: readonly [number, number],
): number {
  let best = 0;
  let distance = -1;
  for (const [index, [x, y]] of ring.entries()) {
    const away = Math.hypot(x - x0, y - y0);
    if (away > distance) [best, distance] = [index, away];
  }
  return best;
}
