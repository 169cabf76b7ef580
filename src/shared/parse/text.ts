// Plain text: captions, descriptions, categories, text read from an image.

import { readPieces, type Dropped, type Parsed } from "./pieces.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

export interface ParsedText {
  readonly text: string;
  /** Positions of its tokens. */
  readonly at: readonly number[];
}

/**
 * Reads an answer as text. Never throws: locations and marks that a model
 * echoes into a text are dropped.
 *
 * @returns at most one item; none where the answer is blank.
 */
export function parseText(
  ids: readonly number[],
  tokenizer: Tokenizer,
): Parsed<ParsedText> {
  const pieces = readPieces(ids, tokenizer);
  const dropped: Dropped[] = [...pieces.dropped];
  const at: number[] = [];
  for (const piece of pieces.items) {
    if (piece.kind === "text") at.push(...piece.at);
    else if (piece.kind === "bins")
      dropped.push({ reason: "unexpected_location", at: piece.at });
    else dropped.push({ reason: "unexpected_token", at: [piece.at] });
  }
  const text = tokenizer.decode(at.map((index) => ids[index]!)).trim();
  if (text !== "") return { items: [{ text, at }], dropped };
  if (at.length > 0) dropped.push({ reason: "blank_text", at });
  return { items: [], dropped };
}
