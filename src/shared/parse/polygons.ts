// Polygons: `<sep>` parts one object's rings, `<poly>` and `</poly>` wrap one
// of several objects under a label.

import {
  readPieces,
  tidyLabel,
  type Dropped,
  type Parsed,
  type TextPiece,
} from "./pieces.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** One object: its rings in bins, x and y in turn. */
export interface PolygonBins {
  readonly label: string;
  readonly labelAt: readonly number[];
  /** Rings of at least three points. */
  readonly rings: readonly (readonly number[])[];
  /** Positions of the rings' tokens, and of the marks between them. */
  readonly at: readonly number[];
  /** False where the answer opened `<poly>` and did not close it. */
  readonly isClosed: boolean;
}

/** Fewer bins than this enclose no area. */
const MIN_RING_BINS = 6;

/**
 * Reads polygons with or without labels.
 *
 * Never throws. Rings of fewer than three points and an odd last number are
 * dropped; a label without a polygon as well.
 */
export function parsePolygons(
  ids: readonly number[],
  tokenizer: Tokenizer,
): Parsed<PolygonBins> {
  const pieces = readPieces(ids, tokenizer);
  const items: PolygonBins[] = [];
  const dropped: Dropped[] = [...pieces.dropped];
  let label: TextPiece | null = null;
  let isLabelUsed = false;
  let isOpen = false;
  let rings: (readonly number[])[] = [];
  let at: number[] = [];

  const endInstance = (isClosed: boolean): void => {
    if (rings.length > 0) {
      items.push({
        label: tidyLabel(label?.text ?? ""),
        labelAt: label?.at ?? [],
        rings,
        at,
        isClosed,
      });
      isLabelUsed = true;
    } else if (at.length > 0) {
      dropped.push({ reason: "empty_polygon", at });
    }
    rings = [];
    at = [];
    isOpen = false;
  };
  const endLabel = (): void => {
    if (label !== null && !isLabelUsed)
      dropped.push({ reason: "label_without_polygon", at: label.at });
    label = null;
    isLabelUsed = false;
  };

  for (const piece of pieces.items) {
    if (piece.kind === "text") {
      endInstance(!isOpen);
      endLabel();
      label = piece;
    } else if (piece.kind === "bins") {
      const count = piece.bins.length;
      const even = count - (count % 2);
      if (even < MIN_RING_BINS) {
        dropped.push({ reason: "incomplete_polygon", at: piece.at });
        continue;
      }
      rings.push(piece.bins.slice(0, even));
      at.push(...piece.at.slice(0, even));
      if (even < count)
        dropped.push({ reason: "incomplete_point", at: piece.at.slice(even) });
    } else if (piece.mark === "separator") {
      at.push(piece.at);
    } else if (piece.mark === "poly_open") {
      endInstance(!isOpen);
      isOpen = true;
      at.push(piece.at);
    } else if (piece.mark === "poly_close" && isOpen) {
      at.push(piece.at);
      endInstance(true);
    } else {
      dropped.push({ reason: "unexpected_token", at: [piece.at] });
    }
  }
  endInstance(!isOpen);
  endLabel();
  return { items, dropped };
}

/** Whether an answer holds polygons: it has a `<poly>`. */
export function hasPolygons(
  ids: readonly number[],
  { special }: Tokenizer,
): boolean {
  return ids.includes(special.polyOpen);
}
