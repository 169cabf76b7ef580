// Boxes, points and the 1,000 location bins of an axis.

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
