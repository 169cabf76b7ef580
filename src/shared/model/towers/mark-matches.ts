// The last word of hints that are for a prompt's words: how many of them a box
// has, so that a phrase is matched before it is read.

import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { countMatches, type WordRules } from "./match-words.ts";

/** Score tokens `<score_0>`..`<score_9>`. */
const SCORES = 10;

/**
 * Puts behind each box of near hints a score token that tells how many words
 * the box and the prompt have in common.
 *
 * Source: `training/model.py`, `hint_ids`.
 *
 * @param prompt ids, `<s>` and `</s>` included.
 */
export function markMatches(
  hintIds: readonly number[],
  prompt: readonly number[],
  tokenizer: Tokenizer,
  rules: WordRules,
): number[] {
  const firstScore = tokenizer.encode("<score_0>")[1]!;
  const asked = tokenizer.decode(prompt);
  const marked: number[] = [];
  let words: number[] = [];
  let places = 0;
  for (const id of hintIds) {
    marked.push(id);
    if (tokenizer.locationBin(id) !== undefined) {
      places += 1;
    } else if (id >= firstScore && id < firstScore + SCORES) {
      if (places === 4) {
        const text = tokenizer.decode(words);
        marked.push(firstScore + countMatches(text, asked, rules));
      }
      words = [];
      places = 0;
    } else {
      words.push(id);
    }
  }
  return marked;
}
