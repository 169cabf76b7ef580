// What the towers do for a prompt, told by its ids.

import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Manifest } from "../manifest.ts";
import { findForm, promptForm, type PromptForm } from "../prompt-form.ts";

type TowersSpec = Extract<Manifest["vision"], { kind: "hint_towers" }>;

/**
 * `answered`: by the detector, asked or not. `text`, `lines`, `text_region`: by
 * the reader. `region_outline`: by a classifier. `region`: hints of the region
 * it names. `near`: hints of a closer look at single things; `phrase`: these,
 * and outlines of them.
 */
export type PromptKind =
  | "answered"
  | "text"
  | "lines"
  | "text_region"
  | "region_outline"
  | "region"
  | "near"
  | "phrase";

export interface PromptKinds {
  /** Null where the hints of the image are enough. */
  kindOf(prompt: readonly number[]): PromptKind | null;
  /** All prompts whose hints are of a closer look. */
  readonly nearForms: readonly KindForm[];
}

/** A form of prompts, all of one kind. */
export interface KindForm extends PromptForm {
  readonly kind: PromptKind;
}

/** The kinds of a bundle's prompts. */
export function createPromptKinds(
  { towers, reader, closer, near }: TowersSpec,
  tokenizer: Tokenizer,
): PromptKinds {
  const form = (text: string, kind: PromptKind): KindForm => ({
    ...promptForm(text, tokenizer),
    kind,
  });
  const forms = towers.flatMap((tower) =>
    tower.kind === "detector" && tower.answers !== undefined
      ? [
          form(tower.answers.labeled, "answered"),
          form(tower.answers.unlabeled, "answered"),
        ]
      : [],
  );
  const outline = towers.find((tower) => tower.kind === "classifier")?.outline;
  const nearForms = (near?.prompts ?? []).map((text) =>
    form(text, text === outline?.phrase ? "phrase" : "near"),
  );
  const beginnings: (readonly [readonly number[], PromptKind])[] = [];
  const beginsWith = (text: string, kind: PromptKind): void => {
    const ids = [tokenizer.special.bos, ...tokenizer.encodePlain(text)];
    beginnings.push([ids, kind]);
  };
  if (reader !== undefined) {
    forms.push(form(reader.answers.text, "text"));
    forms.push(form(reader.answers.lines, "lines"));
    beginsWith(reader.answers.region, "text_region");
  }
  if (outline !== undefined) beginsWith(outline.region, "region_outline");

  return {
    nearForms,
    kindOf(prompt) {
      const whole = findForm(forms, prompt);
      if (whole !== undefined) return whole.kind;
      const begun = beginnings.find(([ids]) =>
        ids.every((id, at) => id === prompt[at]),
      );
      if (begun !== undefined) return begun[1];
      const places = prompt.filter(
        (id) => tokenizer.locationBin(id) !== undefined,
      );
      if (closer !== undefined && places.length === 4) return "region";
      return findForm(nearForms, prompt)?.kind ?? null;
    },
  };
}
