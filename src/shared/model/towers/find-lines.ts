// From a map of how likely each pixel is text to the rectangles of lines, as DB
// (arXiv 1911.08947) has it: groups of likely pixels, the smallest rotated
// rectangle around each, grown by what the network was taught to shrink.
// Source: `training/reader.py`, `find_lines`.

import type { Point } from "../../geometry.ts";
import type { ReaderSpec } from "../manifest.ts";

/** A rotated rectangle; the unit vector (ux, uy) runs along its width. */
export interface Rectangle {
  readonly cx: number;
  readonly cy: number;
  readonly ux: number;
  readonly uy: number;
  readonly width: number;
  readonly height: number;
}

/** A line of text: its rectangle has the width along the reading direction. */
export interface FoundLine {
  /** Mean of the map over the line's pixels. */
  readonly score: number;
  readonly rectangle: Rectangle;
}

/**
 * The lines of a map, in reading order.
 *
 * @param map `[height, width]`, 0..1.
 * @returns rectangles in pixels of the map.
 */
export function findLines(
  map: Float32Array,
  width: number,
  spec: ReaderSpec["detector"],
): FoundLine[] {
  const found: FoundLine[] = [];
  for (const group of groupsOf(map, width, spec.pixel_threshold)) {
    let sum = 0;
    for (const at of group) sum += map[at]!;
    const score = sum / group.length;
    if (score < spec.line_threshold) continue;
    const tight = smallestRectangle(outlineOf(group, width));
    if (Math.min(tight.width, tight.height) < spec.least_side) continue;
    const area = tight.width * tight.height;
    const by = (area * spec.grow) / (2 * (tight.width + tight.height));
    const rectangle = alongText({
      ...tight,
      width: tight.width + 2 * by,
      height: tight.height + 2 * by,
    });
    found.push({ score, rectangle });
  }
  found.sort((a, b) => b.score - a.score);
  return inReadingOrder(found.slice(0, spec.max));
}

/** Corners clockwise from the text's top left. */
export function cornersOf(rectangle: Rectangle): [Point, Point, Point, Point] {
  const { cx, cy, ux, uy, width, height } = rectangle;
  const corner = (along: number, down: number): Point => [
    cx + along * ((ux * width) / 2) - down * ((uy * height) / 2),
    cy + along * ((uy * width) / 2) + down * ((ux * height) / 2),
  ];
  return [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)];
}

/** Groups of pixels above a threshold that touch, corners included. */
function groupsOf(
  map: Float32Array,
  width: number,
  threshold: number,
): number[][] {
  const bar = Math.fround(threshold);
  const height = map.length / width;
  const isLeft = Uint8Array.from(map, (value) => (value > bar ? 1 : 0));
  const groups: number[][] = [];
  for (let start = 0; start < map.length; start += 1) {
    if (isLeft[start] === 0) continue;
    isLeft[start] = 0;
    const group = [start];
    // The group is its own queue.
    for (let next = 0; next < group.length; next += 1) {
      const at = group[next]!;
      const y = Math.floor(at / width);
      const x = at - y * width;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v += 1)
        for (
          let u = Math.max(0, x - 1);
          u <= Math.min(width - 1, x + 1);
          u += 1
        )
          if (isLeft[v * width + u] === 1) {
            isLeft[v * width + u] = 0;
            group.push(v * width + u);
          }
    }
    groups.push(group);
  }
  return groups;
}

/** Corners of the outermost pixels of each row: no others are on the hull. */
function outlineOf(group: readonly number[], width: number): Point[] {
  const ends = new Map<number, { least: number; most: number }>();
  for (const at of group) {
    const y = Math.floor(at / width);
    const x = at - y * width;
    const row = ends.get(y);
    if (row === undefined) ends.set(y, { least: x, most: x });
    else {
      row.least = Math.min(row.least, x);
      row.most = Math.max(row.most, x);
    }
  }
  return [...ends].flatMap(([y, { least, most }]) =>
    [least, most + 1].flatMap((x): Point[] => [
      [x, y],
      [x, y + 1],
    ]),
  );
}

/** Convex hull, counter-clockwise where y points up: Andrew's monotone chain. */
function hullOf(points: readonly Point[]): Point[] {
  const sorted = [...points]
    .sort((a, b) => a[0] - b[0] || a[1] - b[1])
    .filter(
      (p, at, all) =>
        at === 0 || p[0] !== all[at - 1]![0] || p[1] !== all[at - 1]![1],
    );
  const half = (ordered: readonly Point[]): Point[] => {
    const chain: Point[] = [];
    for (const p of ordered) {
      while (chain.length > 1) {
        const a = chain[chain.length - 2]!;
        const b = chain[chain.length - 1]!;
        const turn =
          (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
        if (turn > 0) break;
        chain.pop();
      }
      chain.push(p);
    }
    return chain.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.toReversed())];
}

/** The rectangle of least area around points: one side lies on the hull. */
function smallestRectangle(points: readonly Point[]): Rectangle {
  const hull = hullOf(points);
  let best: Rectangle | null = null;
  for (const [at, a] of hull.entries()) {
    const b = hull[(at + 1) % hull.length]!;
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
    if (length === 0) continue;
    const ux = (b[0] - a[0]) / length;
    const uy = (b[1] - a[1]) / length;
    const along = rangeOf(hull, ([x, y]) => x * ux + y * uy);
    const across = rangeOf(hull, ([x, y]) => y * ux - x * uy);
    const width = along.most - along.least;
    const height = across.most - across.least;
    if (best !== null && width * height >= best.width * best.height - 1e-6)
      continue;
    const m = (along.most + along.least) / 2;
    const n = (across.most + across.least) / 2;
    best = { cx: m * ux - n * uy, cy: m * uy + n * ux, ux, uy, width, height };
  }
  if (best === null) throw new Error("internal: a rectangle around no pixel");
  return best;
}

function rangeOf(
  points: readonly Point[],
  valueOf: (point: Point) => number,
): { readonly least: number; readonly most: number } {
  let least = Infinity;
  let most = -Infinity;
  for (const point of points) {
    const value = valueOf(point);
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return { least, most };
}

/** From this proportion on a rectangle stands: its line runs downwards. */
const STANDING = 1.5;

/** The width to the right, or downwards where the rectangle stands. */
function alongText(rectangle: Rectangle): Rectangle {
  let { ux, uy, width, height } = rectangle;
  if (Math.abs(ux) < Math.abs(uy))
    [ux, uy, width, height] = [uy, -ux, height, width];
  if (ux < 0) [ux, uy] = [-ux, -uy];
  if (height >= STANDING * width)
    [ux, uy, width, height] = [-uy, ux, height, width];
  return { ...rectangle, ux, uy, width, height };
}

/**
 * From the top, and from the left in a row. A line is in a row if its middle is
 * less than half the lower one's height from that of the row's first line.
 */
function inReadingOrder(lines: readonly FoundLine[]): FoundLine[] {
  const rows: [FoundLine, ...FoundLine[]][] = [];
  for (const line of lines.toSorted(
    (a, b) => a.rectangle.cy - b.rectangle.cy,
  )) {
    const { cy, height } = line.rectangle;
    const row = rows.find(
      ([{ rectangle: first }]) =>
        Math.abs(first.cy - cy) < 0.5 * Math.min(first.height, height),
    );
    if (row === undefined) rows.push([line]);
    else row.push(line);
  }
  return rows.flatMap((row) =>
    row.toSorted((a, b) => a.rectangle.cx - b.rectangle.cx),
  );
}
