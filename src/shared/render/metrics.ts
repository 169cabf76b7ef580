// The measures of an overlay: all of them follow from the picture's size.

import type { ImageSize } from "../geometry.ts";
import { tagText } from "./mark-text.ts";
import type { Mark } from "./marks.ts";
import { textWidth } from "./text-width.ts";

/** Everything is measured in this: the height of a label's letters, in pixels. */
export interface Metrics {
  readonly font: number;
  readonly stroke: number;
  readonly tagHeight: number;
  readonly padding: number;
}

/**
 * Letters are 3 % of the picture's mean side; smaller in a crowd, and on lines
 * of text no larger than those lines, down to 60 % of it.
 */
export function metricsFor(size: ImageSize, marks: readonly Mark[]): Metrics {
  const side = Math.sqrt(size.width * size.height);
  const shortSide = Math.min(size.width, size.height);
  const full = Math.min(0.03 * side, 0.06 * shortSide);
  const ems = marks.reduce(
    (sum, mark) => sum + textWidth(tagText(mark)) + 1,
    0,
  );
  const share = (ems * 1.5 * full * full) / (side * side);
  // Tags may take an eighth of the picture before they shrink.
  const fitting = Math.min(
    full,
    full * Math.sqrt(0.125 / share),
    medianLineHeight(marks),
  );
  const font = Math.max(0.6 * full, fitting);
  return {
    font,
    stroke: Math.sqrt(full * font) * 0.16,
    tagHeight: font * 1.4,
    padding: font * 0.36,
  };
}

/** Writes a coordinate. */
export type NumberFormat = (value: number) => string;

/** Four to five digits of the longer side: finer than any eye or any bin. */
export function numberFormat(size: ImageSize): NumberFormat {
  const digits = 5 - Math.ceil(Math.log10(Math.max(size.width, size.height)));
  const factor = 10 ** Math.min(4, Math.max(1, digits));
  return (value) => String(Math.round(value * factor) / factor);
}

function medianLineHeight(marks: readonly Mark[]): number {
  const heights = marks
    .filter(({ kind }) => kind === "quad")
    .map(({ bounds }) => bounds.y_max - bounds.y_min)
    .sort((a, b) => a - b);
  return heights[Math.floor(heights.length / 2)] ?? Infinity;
}
