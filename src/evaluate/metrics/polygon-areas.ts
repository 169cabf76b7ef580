// Areas of polygons, and of what two of them share.

import { intersection } from "polyclip-ts";
import type { Point } from "../../shared/geometry.ts";

/** Area of a ring in square units, by its winding; the order does not matter. */
export function polygonArea(ring: readonly Point[]): number {
  let twice = 0;
  for (const [at, [x, y]] of ring.entries()) {
    const [nextX, nextY] = ring[(at + 1) % ring.length]!;
    twice += x * nextY - nextX * y;
  }
  return Math.abs(twice) / 2;
}

/** Area that two rings share, 0 where they only touch. */
export function polygonIntersection(
  a: readonly Point[],
  b: readonly Point[],
): number {
  if (!mayTouch(a, b)) return 0;
  const shared = intersection([copy(a)], [copy(b)]);
  return shared.reduce(
    (sum, [outer = [], ...holes]) =>
      sum +
      polygonArea(outer) -
      holes.reduce((total, hole) => total + polygonArea(hole), 0),
    0,
  );
}

/** Whether the boxes around them meet: most pairs of lines end here. */
function mayTouch(a: readonly Point[], b: readonly Point[]): boolean {
  return ([0, 1] as const).every((axis) => {
    const [from, to] = rangeOf(a, axis);
    const [start, end] = rangeOf(b, axis);
    return from < end && start < to;
  });
}

function rangeOf(ring: readonly Point[], axis: 0 | 1): [number, number] {
  const values = ring.map((point) => point[axis]);
  return [Math.min(...values), Math.max(...values)];
}

function copy(ring: readonly Point[]): [number, number][] {
  return ring.map(([x, y]) => [x, y]);
}
