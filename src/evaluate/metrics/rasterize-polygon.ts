// A polygon's pixels, exactly those that `pycocotools` gives it: AP of masks
// depends on every one of them.

import { mergeMasks, type Mask } from "./masks.ts";

/** Boundary points per pixel. */
const SCALE = 5;

interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * The mask of one ring.
 *
 * The boundary is walked in fifths of a pixel; where it crosses the middle of a
 * column, the row it crosses at starts or ends a run.
 *
 * @param ring x, y, x, y, …, in pixels; need not be closed.
 * Source: `rleFrPoly` of pycocotools, common/maskApi.c.
 */
export function rasterizePolygon(
  ring: readonly number[],
  width: number,
  height: number,
): Mask {
  const starts = runStarts(walkBoundary(ring), width, height);
  return { width, height, counts: runLengths(starts, width * height) };
}

/**
 * The mask of an object of several rings: what is in any of them.
 *
 * @param rings at least one.
 */
export function rasterizePolygons(
  rings: readonly (readonly number[])[],
  width: number,
  height: number,
): Mask {
  const [first, ...rest] = rings.map((ring) =>
    rasterizePolygon(ring, width, height),
  );
  if (first === undefined) {
    return { width, height, counts: [width * height] };
  }
  return mergeMasks([first, ...rest]);
}

/** Points along the ring, one for each step of the longer axis, whole numbers. */
function walkBoundary(ring: readonly number[]): Point[] {
  const corners: Point[] = [];
  for (let at = 0; at + 1 < ring.length; at += 2) {
    corners.push({
      x: Math.trunc(SCALE * ring[at]! + 0.5),
      y: Math.trunc(SCALE * ring[at + 1]! + 0.5),
    });
  }
  const points: Point[] = [];
  for (const [at, from] of corners.entries()) {
    const to = corners[(at + 1) % corners.length]!;
    const steps = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y));
    if (steps === 0) {
      points.push(from);
      continue;
    }
    const isWide = Math.abs(to.x - from.x) >= Math.abs(to.y - from.y);
    // Always walked from the lower end, so that an edge two objects share is
    // rounded in the same way for both.
    const isBackward = isWide ? from.x > to.x : from.y > to.y;
    const [start, end] = isBackward ? [to, from] : [from, to];
    const slope = isWide
      ? (end.y - start.y) / steps
      : (end.x - start.x) / steps;
    for (let step = 0; step <= steps; step += 1) {
      const along = isBackward ? steps - step : step;
      points.push(
        isWide
          ? { x: start.x + along, y: Math.trunc(start.y + slope * along + 0.5) }
          : {
              x: Math.trunc(start.x + slope * along + 0.5),
              y: start.y + along,
            },
      );
    }
  }
  return points;
}

/** Where, counted down the columns, the mask changes. */
function runStarts(
  points: readonly Point[],
  width: number,
  height: number,
): number[] {
  const starts: number[] = [];
  for (let at = 1; at < points.length; at += 1) {
    const [before, point] = [points[at - 1]!, points[at]!];
    if (point.x === before.x) continue;
    const left = point.x < before.x ? point.x : point.x - 1;
    const column = (left + 0.5) / SCALE - 0.5;
    if (!Number.isInteger(column) || column < 0 || column > width - 1) continue;
    const row = (Math.min(point.y, before.y) + 0.5) / SCALE - 0.5;
    starts.push(
      column * height + Math.ceil(Math.min(height, Math.max(0, row))),
    );
  }
  return starts;
}

/** Runs between sorted starts; two starts at one place undo each other. */
function runLengths(starts: readonly number[], pixels: number): number[] {
  const sorted = [...starts, pixels].sort((a, b) => a - b);
  const lengths = sorted.map((start, at) => start - (sorted[at - 1] ?? 0));
  const counts = [lengths[0]!];
  for (let at = 1; at < lengths.length; at += 1) {
    if (lengths[at]! > 0) {
      counts.push(lengths[at]!);
      continue;
    }
    at += 1;
    if (at < lengths.length) {
      const last = counts.length - 1;
      counts[last] = counts[last]! + lengths[at]!;
    }
  }
  return counts;
}
