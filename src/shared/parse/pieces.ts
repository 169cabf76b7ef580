// An answer cut into what the parsers read: runs of text, runs of location
// bins, and marks. A bin is a token and nothing else: text that only looks like
// one stays text.

import type { Tokenizer } from "../tokenizer/tokenizer.ts";

export type Mark = "separator" | "poly_open" | "poly_close" | "and";

export interface TextPiece {
  readonly kind: "text";
  readonly text: string;
  /** Positions of its tokens in the answer. */
  readonly at: readonly number[];
}

export interface BinsPiece {
  readonly kind: "bins";
  readonly bins: readonly number[];
  /** One for each of `bins`. */
  readonly at: readonly number[];
}

export interface MarkPiece {
  readonly kind: "mark";
  readonly mark: Mark;
  readonly at: number;
}

export type Piece = TextPiece | BinsPiece | MarkPiece;

/** Tokens of an answer that no item was made of. */
export interface Dropped {
  readonly reason: string;
  /** Positions of the tokens in the answer; never empty. */
  readonly at: readonly number[];
}

/** What a parser made of an answer; every token is in one of the two, or framing. */
export interface Parsed<Item> {
  readonly items: Item[];
  readonly dropped: Dropped[];
}

/**
 * Cuts an answer into pieces.
 *
 * `<s>`, `</s>` and `<pad>` are framing at either end; in the middle they and
 * other added tokens are dropped, and the text around them is one run.
 */
export function readPieces(
  ids: readonly number[],
  tokenizer: Tokenizer,
): Parsed<Piece> {
  const marks = markOfId(tokenizer);
  const { from, to } = contentRange(ids, tokenizer);
  const items: Piece[] = [];
  const dropped: Dropped[] = [];
  let text: number[] = [];
  let bins: number[] = [];
  let binsAt: number[] = [];

  const endText = (): void => {
    if (text.length === 0) return;
    const run = tokenizer.decode(text.map((at) => ids[at]!));
    items.push({ kind: "text", text: run, at: text });
    text = [];
  };
  const endBins = (): void => {
    if (bins.length > 0) items.push({ kind: "bins", bins, at: binsAt });
    bins = [];
    binsAt = [];
  };

  for (let at = from; at < to; at += 1) {
    const id = ids[at]!;
    const bin = tokenizer.locationBin(id);
    const mark = marks.get(id);
    if (bin !== undefined) {
      endText();
      bins.push(bin);
      binsAt.push(at);
    } else if (mark !== undefined) {
      endText();
      endBins();
      items.push({ kind: "mark", mark, at });
    } else if (isText(id, tokenizer)) {
      endBins();
      text.push(at);
    } else {
      dropped.push({ reason: "unexpected_token", at: [at] });
    }
  }
  endText();
  endBins();
  return { items, dropped };
}

/** Where an answer's content begins and ends, framing left out. */
export function contentRange(
  ids: readonly number[],
  { special }: Tokenizer,
): { readonly from: number; readonly to: number } {
  const isFraming = (id: number | undefined): boolean =>
    id === special.bos || id === special.eos || id === special.pad;
  let from = 0;
  while (from < ids.length && isFraming(ids[from])) from += 1;
  let to = ids.length;
  while (to > from && isFraming(ids[to - 1])) to -= 1;
  return { from, to };
}

/** Whether an id is a token of text: in the vocabulary, and none of the added. */
export function isText(id: number, tokenizer: Tokenizer): boolean {
  return (
    Number.isInteger(id) &&
    id >= 0 &&
    id < tokenizer.size &&
    !tokenizer.isAdded(id)
  );
}

function markOfId({ special }: Tokenizer): ReadonlyMap<number, Mark> {
  return new Map<number, Mark>([
    [special.separator, "separator"],
    [special.polyOpen, "poly_open"],
    [special.polyClose, "poly_close"],
    [special.and, "and"],
  ]);
}

/** A label as we give it: white space runs become one space. */
export function tidyLabel(text: string): string {
  return text.replace(/\s+/gu, " ").trim();
}
