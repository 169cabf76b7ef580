// What the reference does to the log-probabilities of a step before it
// chooses: in its order no-repeat n-gram, forced first and last token, and
// the ids that may never be chosen.
// Source: `generation/logits_process.py` in huggingface/transformers.

import type { GenerationSpec } from "../model/manifest.ts";

/**
 * The tokens that would complete an n-gram which `ids` already holds.
 *
 * @param ids the decoder's ids, the start token included.
 * @param size length of the n-gram; 0 bans nothing.
 */
export function repeatedNgramTokens(
  ids: readonly number[],
  size: number,
): number[] {
  if (size <= 0 || ids.length + 1 < size) return [];
  const tail = ids.slice(ids.length - size + 1);
  const banned: number[] = [];
  for (let start = 0; start + size <= ids.length; start += 1) {
    if (tail.every((id, offset) => ids[start + offset] === id)) {
      banned.push(ids[start + size - 1]!);
    }
  }
  return banned;
}

/** What one row may choose next. */
export interface NextTokenRule {
  /** The one token that must come, at a running score of 0. */
  readonly forced: number | null;
  readonly banned: readonly number[];
}

/**
 * The rule of one row.
 *
 * @param ids the decoder's ids so far, the start token included.
 * @param maxLength ids an answer may have at most, the start token included.
 */
export function nextTokenRule(
  ids: readonly number[],
  maxLength: number,
  spec: GenerationSpec,
): NextTokenRule {
  if (spec.forced_eos_token_id !== null && ids.length === maxLength - 1) {
    return { forced: spec.forced_eos_token_id, banned: [] };
  }
  if (spec.forced_bos_token_id !== null && ids.length === 1) {
    return { forced: spec.forced_bos_token_id, banned: [] };
  }
  const repeated = repeatedNgramTokens(ids, spec.no_repeat_ngram_size);
  return {
    forced: null,
    banned:
      repeated.length === 0
        ? spec.suppress_tokens
        : [...spec.suppress_tokens, ...repeated],
  };
}
