// From the map of a classifier's outline head to polygons. The map holds, for a
// grid over what the tower looked at, how sure it is that the thing is there.
// Source: `training/polygons.py`.

import { contours } from "d3-contour";
import {
  BINS,
  quantize,
  signedRingArea,
  simplifyRing,
  type Box,
  type ImageSize,
  type Point,
} from "../../geometry.ts";

/** The outline of a thing. */
export interface Outline {
  /**
   * Rings without holes, x and y in turn, in bins of the image; the largest
   * first, clockwise from the topmost point. None where nothing is seen.
   */
  readonly rings: readonly (readonly number[])[];
  /** Mean probability of the grid's points that are in; 0 if none is. */
  readonly score: number;
}

/** Rings below this share of the largest are left out. */
const LEAST_SHARE = 0.1;
/** Of one ring. */
const MOST_POINTS = 64;
/** Bins that a simplified ring may stray, at first. */
const STRAY = 1;

/**
 * The outline of what a region holds.
 *
 * @param logits the map, `[side, side]`.
 * @param crop what the tower looked at, in whole pixels of the image.
 * @param region no ring leaves it; in pixels as well.
 */
export function outlineOf(
  logits: Float32Array,
  crop: Box,
  region: Box,
  image: ImageSize,
): Outline {
  const rings = ringsOf(logits).map((ring) =>
    fromTopmost(ring.map((point) => place(point, logits, crop, region, image))),
  );
  const areas = new Map(rings.map((ring) => [ring, signedRingArea(ring)]));
  rings.sort((a, b) => areas.get(b)! - areas.get(a)!);
  const least = LEAST_SHARE * (areas.get(rings[0] ?? []) ?? 0);
  return {
    rings: rings
      .filter((ring) => areas.get(ring)! >= least)
      .map((ring) => binsOf(fewPoints(ring)))
      .filter((bins) => bins.length >= 3)
      .map((bins) => bins.flat()),
    score: scoreOf(logits),
  };
}

/** Clockwise rings around what is zero or more, on the map's grid. */
function ringsOf(logits: Float32Array): Point[][] {
  const side = Math.sqrt(logits.length);
  const [shape] = contours().size([side, side]).thresholds([0])([...logits]);
  return (shape?.coordinates ?? []).map(([outer]) =>
    // The last point is the first one; d3 runs the other way round.
    outer!
      .slice(0, -1)
      .map(([x, y]): Point => [x!, y!])
      .reverse(),
  );
}

/** A point of the map, 0 to its side, in bins of the image that are not whole. */
function place(
  [x, y]: Point,
  { length }: Float32Array,
  crop: Box,
  region: Box,
  image: ImageSize,
): Point {
  const side = Math.sqrt(length);
  const within = (value: number, low: number, high: number): number =>
    Math.min(high, Math.max(low, value));
  const left = crop.x_min + (x / side) * (crop.x_max - crop.x_min);
  const top = crop.y_min + (y / side) * (crop.y_max - crop.y_min);
  return [
    (within(left, region.x_min, region.x_max) / image.width) * BINS,
    (within(top, region.y_min, region.y_max) / image.height) * BINS,
  ];
}

/** The ring, beginning at its topmost point, the leftmost of several. */
function fromTopmost(ring: readonly Point[]): Point[] {
  let first = 0;
  for (const [index, [x, y]] of ring.entries()) {
    const [leastX, leastY] = ring[first]!;
    if (y < leastY || (y === leastY && x < leastX)) first = index;
  }
  return [...ring.slice(first), ...ring.slice(0, first)];
}

function fewPoints(ring: readonly Point[]): Point[] {
  for (let stray = STRAY; ; stray *= 2) {
    const few = simplifyRing(ring, stray);
    if (few.length <= MOST_POINTS) return few;
  }
}

/** Whole bins; a point that falls on the one before it is left out. */
function binsOf(ring: readonly Point[]): [number, number][] {
  const bins = ring.map(([x, y]): [number, number] => [
    quantize(x, BINS),
    quantize(y, BINS),
  ]);
  return bins.filter(([x, y], index) => {
    const [beforeX, beforeY] = bins.at(index - 1)!;
    return x !== beforeX || y !== beforeY;
  });
}

function scoreOf(logits: Float32Array): number {
  let sum = 0;
  let count = 0;
  for (const logit of logits) {
    if (logit < 0) continue;
    sum += 1 / (1 + Math.exp(-logit));
    count += 1;
  }
  return count === 0 ? 0 : sum / count;
}
