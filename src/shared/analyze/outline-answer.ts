// Answers whose boxes are told as outlines: the language model chose where a
// thing is, the vision side knows its shape.

import type { BoxOutline } from "../model/model.ts";
import type { Answer } from "../parse/answer.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** A token of the answer that is made. */
interface Token {
  readonly id: number;
  readonly logProb: number;
  readonly spread: number | null;
}

/**
 * The answer with the outline of each box in its place, as the polygon parser
 * reads them: one alone, several between `<poly>` and `</poly>`. Each token of
 * an outline has the mean log-probability of its box's tokens; a box whose
 * outline is not known is told as a rectangle. Other tokens stay; locations
 * that do not make a box are left out. Source: `training/polygons.py`,
 * `with_outlines`.
 */
export function outlineAnswer(
  answer: Answer,
  outlines: readonly BoxOutline[],
  tokenizer: Tokenizer,
): Answer {
  const { polyOpen, polyClose } = tokenizer.special;
  const parts = partsOf(answer, tokenizer);
  const boxes = parts.filter(({ kind }) => kind === "box").length;
  const tokens = parts.flatMap(({ kind, at }): Token[] => {
    if (kind === "other")
      return at.map((index) => ({
        id: answer.ids[index]!,
        logProb: answer.logProbs[index]!,
        spread: answer.spreads[index] ?? null,
      }));
    const sum = at.reduce((all, index) => all + answer.logProbs[index]!, 0);
    const box = at.map((index) => answer.ids[index]!);
    const known = outlines.find((outline) => isSame(outline.box, box));
    const ids = known?.ids ?? rectangle(box);
    const whole = boxes > 1 ? [polyOpen, ...ids, polyClose] : ids;
    return whole.map((id) => ({ id, logProb: sum / 4, spread: null }));
  });
  return {
    ids: tokens.map(({ id }) => id),
    logProbs: tokens.map(({ logProb }) => logProb),
    spreads: tokens.map(({ spread }) => spread),
    finishReason: answer.finishReason,
  };
}

interface Part {
  readonly kind: "box" | "other";
  /** Positions in the answer. */
  readonly at: readonly number[];
}

/** Every four locations that follow one another, and what is between. */
function partsOf({ ids }: Answer, tokenizer: Tokenizer): Part[] {
  const parts: Part[] = [];
  let run: number[] = [];
  for (const [at, id] of ids.entries()) {
    if (tokenizer.locationBin(id) === undefined) {
      run = [];
      parts.push({ kind: "other", at: [at] });
      continue;
    }
    run.push(at);
    if (run.length < 4) continue;
    parts.push({ kind: "box", at: run });
    run = [];
  }
  return parts;
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, at) => id === b[at]);
}

/** A box as a ring, clockwise from the top left. */
function rectangle(box: readonly number[]): number[] {
  const [left, top, right, bottom] = box as [number, number, number, number];
  return [left, top, right, top, right, bottom, left, bottom];
}
