// From a recognizer's probabilities, step by step along a line, to its text:
// CTC, the best at each step.

import type { ReaderSpec } from "../manifest.ts";

/** What stands in a line. */
export interface ReadText {
  readonly text: string;
  /** Mean probability of its characters, 0 without any. */
  readonly score: number;
}

/**
 * The text of one line: repeats and blanks (output 0) are left out. The
 * recognizer is shy of spaces: one stands between two characters where its
 * probability reaches `spec.space` at a step between them.
 *
 * Source: `training/reader.py`, `decode`.
 *
 * @param probabilities `[steps, 1 + characters]`.
 */
export function readCharacters(
  probabilities: Float32Array,
  spec: ReaderSpec["recognizer"],
): ReadText {
  const outputs = spec.characters.length + 1;
  const space = spec.characters.indexOf(" ") + 1;
  const bar = Math.fround(spec.space);
  let text = "";
  let sum = 0;
  let count = 0;
  let before = 0;
  let mayBeSpace = false;
  for (let at = 0; at < probabilities.length; at += outputs) {
    let best = 0;
    for (let output = 1; output < outputs; output += 1) {
      if (probabilities[at + output]! > probabilities[at + best]!)
        best = output;
    }
    if (best === 0 || best === before) {
      mayBeSpace ||= space > 0 && probabilities[at + space]! >= bar;
    } else {
      if (mayBeSpace && count > 0) text += " ";
      text += spec.characters[best - 1]!;
      sum += probabilities[at + best]!;
      count += 1;
      mayBeSpace = false;
    }
    before = best;
  }
  const words = text.split(" ").filter((word) => word !== "");
  return { text: words.join(" "), score: count === 0 ? 0 : sum / count };
}
