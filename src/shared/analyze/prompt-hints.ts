// What the vision side says for one prompt: its sight, and the hints that go
// before its ids.

import {
  hintedPlaces,
  matchingBoxes,
  type BannedTokens,
} from "../generate/hinted-places.ts";
import { type NextTokens, phraseWords } from "../generate/phrase-words.ts";
import type { NearSpec } from "../model/manifest.ts";
import type { Features, PromptSight } from "../model/model.ts";
import type { LoadedModel } from "../model/open-model.ts";
import { findForm } from "../model/prompt-form.ts";
import { markMatches } from "../model/towers/mark-matches.ts";
import { GROUND_PROMPT } from "../tasks/ground.ts";

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

/** Whether the model must look at the image for this prompt, and has not. */
export function isUnseen(
  prompt: AskedPrompt,
  { model }: Pick<LoadedModel, "model">,
): boolean {
  const isLookedFor = model.looksFor?.(prompt.ids) ?? false;
  return isLookedFor && sightOf(prompt) === undefined;
}

/** Ids of the hints that stand before this prompt. */
export function hintsOf(
  prompt: AskedPrompt,
  loaded: Pick<LoadedModel, "manifest" | "tokenizer">,
): readonly number[] {
  const hintIds = sightOf(prompt)?.hintIds ?? prompt.features.hintIds;
  const rules = wordRulesOf(prompt, loaded);
  if (rules === null) return hintIds;
  return markMatches(hintIds, prompt.ids, loaded.tokenizer, rules);
}

/** How words are compared for a prompt that asks by words; null for others. */
function wordRulesOf(
  prompt: AskedPrompt,
  { manifest: { vision } }: Pick<LoadedModel, "manifest">,
): NearSpec | null {
  if (vision.kind !== "hint_towers" || vision.near === undefined) return null;
  return sightOf(prompt)?.isForWords === true ? vision.near : null;
}

/** What keeps an answer to the words of the phrase it grounds, alike. */
export function wordsOf(
  { ids }: AskedPrompt,
  { manifest, tokenizer }: Pick<LoadedModel, "manifest" | "tokenizer">,
): NextTokens | null {
  const { vision, generation } = manifest;
  if (vision.kind !== "hint_towers" || vision.places !== "hinted") return null;
  const asked = tokenizer.decode(ids, { skipSpecialTokens: true });
  if (!asked.startsWith(GROUND_PROMPT)) return null;
  const phrase = asked.slice(GROUND_PROMPT.length);
  return phraseWords(phrase, tokenizer, generation);
}

/** What keeps an answer to the places of the hints, where the model asks for it. */
export function placesOf(
  prompt: AskedPrompt,
  loaded: Pick<LoadedModel, "manifest" | "tokenizer">,
): BannedTokens | null {
  const { manifest, tokenizer } = loaded;
  const { vision } = manifest;
  if (vision.kind !== "hint_towers" || vision.places !== "hinted") return null;
  const rules = wordRulesOf(prompt, loaded);
  const choose = rules && matchingBoxes(prompt.ids, tokenizer, rules);
  return hintedPlaces(hintsOf(prompt, loaded), tokenizer, choose ?? undefined);
}
