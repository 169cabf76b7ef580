// The last word of hints that are for a prompt's words: how many of a box's
// tokens stand in the prompt, so that a phrase is matched before it is read.

import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

/** Score tokens `<score_0>`..`<score_9>`. */
const SCORES = 10;

/**
 * Puts behind each box of near hints a score token that tells how many
 * different tokens of the box's words stand in the prompt, at most nine.
 *
 * Source: `training/near.py`, `mark_matches`.
 *
 * @param prompt ids, `<s>` and `</s>` included.
 */
export function markMatches(
  hintIds: readonly number[],
  prompt: readonly number[],
  tokenizer: Tokenizer,
): number[] {
  const firstScore = tokenizer.encode("<score_0>")[1]!;
  const asked = new Set(prompt);
  const marked: number[] = [];
  let words = new Set<number>();
  let places = 0;
  for (const id of hintIds) {
    marked.push(id);
    if (tokenizer.locationBin(id) !== undefined) {
      places += 1;
    } else if (id >= firstScore && id < firstScore + SCORES) {
      if (places === 4) {
        const matches = [...words].filter((word) => asked.has(word)).length;
        marked.push(firstScore + Math.min(SCORES - 1, matches));
      }
      words = new Set();
      places = 0;
    } else {
      words.add(id);
    }
  }
  return marked;
}
