// Labels followed by boxes: detection, dense captions, grounding, proposals.

import {
  readPieces,
  tidyLabel,
  type Dropped,
  type Parsed,
  type TextPiece,
} from "./pieces.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** Four bins as the model gave them: x1, y1, x2, y2, not yet sorted. */
export interface LabeledBins {
  /** `""` where the model named none. */
  readonly label: string;
  /** Positions of the label's tokens; shared by all boxes of one label. */
  readonly labelAt: readonly number[];
  readonly bins: readonly number[];
  /** Positions of the bins' tokens. */
  readonly binsAt: readonly number[];
}

/**
 * Reads `label <loc x1> <loc y1> <loc x2> <loc y2> …`: every run of four bins
 * is one box, and a label holds for all the boxes that follow it.
 *
 * Never throws. A label without a box and bins that make no box are dropped.
 *
 * @returns boxes in the model's order.
 */
export function parseBoxes(
  ids: readonly number[],
  tokenizer: Tokenizer,
): Parsed<LabeledBins> {
  return parseBinRuns(ids, tokenizer, 4, "incomplete_box");
}

/**
 * Reads `text <loc x1> <loc y1> … <loc x4> <loc y4>`: one line of text and the
 * four corners around it. Line breaks inside a text are kept.
 *
 * Never throws. Corners without a text are dropped: nothing was read there.
 */
export function parseQuads(
  ids: readonly number[],
  tokenizer: Tokenizer,
): Parsed<LabeledBins> {
  const parsed = parseBinRuns(ids, tokenizer, 8, "incomplete_quad");
  const items: LabeledBins[] = [];
  const dropped = [...parsed.dropped];
  const read = new Set<number>();
  for (const item of parsed.items) {
    const first = item.labelAt[0];
    if (first === undefined || item.label === "" || read.has(first)) {
      dropped.push({ reason: "quad_without_text", at: item.binsAt });
      if (first !== undefined && !read.has(first))
        dropped.push({ reason: "blank_text", at: item.labelAt });
    } else {
      items.push(item);
    }
    if (first !== undefined) read.add(first);
  }
  return { items, dropped };
}

/** The machine under both: a label, then runs of `count` bins. */
function parseBinRuns(
  ids: readonly number[],
  tokenizer: Tokenizer,
  count: number,
  incomplete: string,
): Parsed<LabeledBins> {
  const pieces = readPieces(ids, tokenizer);
  const items: LabeledBins[] = [];
  const dropped: Dropped[] = [...pieces.dropped];
  let label: TextPiece | null = null;
  let isLabelUsed = false;

  const endLabel = (): void => {
    if (label !== null && !isLabelUsed)
      dropped.push({ reason: "label_without_box", at: label.at });
    label = null;
    isLabelUsed = false;
  };

  for (const piece of pieces.items) {
    if (piece.kind === "text") {
      endLabel();
      label = piece;
    } else if (piece.kind === "mark") {
      endLabel();
      dropped.push({ reason: "unexpected_token", at: [piece.at] });
    } else {
      const whole = piece.bins.length - (piece.bins.length % count);
      for (let start = 0; start < whole; start += count) {
        items.push({
          label:
            count === 4
              ? tidyLabel(label?.text ?? "")
              : (label?.text ?? "").trim(),
          labelAt: label?.at ?? [],
          bins: piece.bins.slice(start, start + count),
          binsAt: piece.at.slice(start, start + count),
        });
        isLabelUsed = true;
      }
      if (whole < piece.bins.length)
        dropped.push({ reason: incomplete, at: piece.at.slice(whole) });
    }
  }
  endLabel();
  return { items, dropped };
}
