// What the vision side says for one prompt: its sight, and the hints that go
// before its ids.

import { markMatches } from "../model/towers/mark-matches.ts";
import type { Features, PromptSight } from "../model/model.ts";
import { findForm } from "../model/prompt-form.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

interface AskedPrompt {
  readonly features: Features;
  readonly ids: readonly number[];
}

/** What the vision side made for this prompt, or for all of its form. */
export function sightOf({
  features,
  ids,
}: AskedPrompt): PromptSight | undefined {
  return findForm(features.sights ?? [], ids);
}

/** Ids of the hints that stand before this prompt. */
export function hintsOf(
  prompt: AskedPrompt,
  tokenizer: Tokenizer,
): readonly number[] {
  const { hintIds, isForWords } = sightOf(prompt) ?? {};
  if (hintIds === undefined) return prompt.features.hintIds;
  if (isForWords !== true) return hintIds;
  return markMatches(hintIds, prompt.ids, tokenizer);
}
