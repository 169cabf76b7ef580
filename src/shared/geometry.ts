// Boxes, rings and the 1,000 location bins of an axis.

/** Size of the image the caller sent, after EXIF orientation, in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** A box; the unit is pixels unless a name says otherwise. */
export interface Box {
  readonly x_min: number;
  readonly y_min: number;
  readonly x_max: number;
  readonly y_max: number;
}

/** `[x, y]`. */
export type Point = readonly [number, number];

/** Location tokens per axis. */
export const BINS = 1000;

/**
 * The bin of a coordinate: floor, clamped to 0..999.
 *
 * Source: `BoxQuantizer` (mode floor) of the original `processing_florence2.py`.
 */
export function quantize(value: number, side: number): number {
  const bin = Math.floor(value / (side / BINS));
  return Math.min(BINS - 1, Math.max(0, bin));
}

/** The middle of a bin, in the unit of `side`. */
export function dequantize(bin: number, side: number): number {
  return ((bin + 0.5) * side) / BINS;
}

/** Intersection over union of two boxes, 0 where either is empty. */
export function intersectionOverUnion(a: Box, b: Box): number {
  const width = Math.min(a.x_max, b.x_max) - Math.max(a.x_min, b.x_min);
  const height = Math.min(a.y_max, b.y_max) - Math.max(a.y_min, b.y_min);
  if (width <= 0 || height <= 0) return 0;
  const overlap = width * height;
  return overlap / (boxArea(a) + boxArea(b) - overlap);
}

/** Area of a box in square units, 0 for an inverted one. */
export function boxArea(box: Box): number {
  const width = Math.max(0, box.x_max - box.x_min);
  return width * Math.max(0, box.y_max - box.y_min);
}

/** Area that an open ring encloses, in square units (shoelace formula). */
export function ringArea(ring: readonly Point[]): number {
  return Math.abs(signedRingArea(ring));
}

/** Positive where a ring runs clockwise as one looks at the picture: y points down. */
export function signedRingArea(ring: readonly Point[]): number {
  let twice = 0;
  for (const [index, [x, y]] of ring.entries()) {
    const [nextX, nextY] = ring[(index + 1) % ring.length]!;
    twice += x * nextY - nextX * y;
  }
  return twice / 2;
}

/**
 * Leaves points of an open ring out that stand within `tolerance` of the line
 * between those that stay (Douglas and Peucker, 1973). Its first point stays.
 */
export function simplifyRing<P extends Point>(
  ring: readonly P[],
  tolerance: number,
): P[] {
  if (ring.length < 4) return [...ring];
  // Two far points split the ring into two lines.
  const far = farthest(ring, ring[0]!);
  const first = simplifyLine(ring.slice(0, far + 1), tolerance);
  const second = simplifyLine([...ring.slice(far), ring[0]!], tolerance);
  return [...first.slice(0, -1), ...second.slice(0, -1)];
}

function simplifyLine<P extends Point>(
  line: readonly P[],
  tolerance: number,
): P[] {
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
  [x, y]: Point,
  [x0, y0]: Point,
  [x1, y1]: Point,
): number {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (length === 0) return Math.hypot(x - x0, y - y0);
  return Math.abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length;
}

function farthest(ring: readonly Point[], [x0, y0]: Point): number {
  let best = 0;
  let distance = -1;
  for (const [index, [x, y]] of ring.entries()) {
    const away = Math.hypot(x - x0, y - y0);
    if (away > distance) [best, distance] = [index, away];
  }
  return best;
}
