// Which texts are worth learning from.

import { ABSTRACT_NOUNS } from "../language/abstract-nouns.ts";
import { readText } from "../language/read-text.ts";
import { comparableName } from "../language/same-name.ts";
import type { TextAnnotation } from "../records/record.ts";
import type { FilterOptions } from "./filter-options.ts";
import type { Verdict } from "./verdict.ts";

/**
 * Judges a text as FLD-5B does: enough said of things and actions, not so many
 * things that they are hardly all there.
 *
 * Complexity is the degree of the busiest noun plus that of the busiest verb
 * (`readText` says what stands in for a node's degree).
 */
export function judgeText(
  { text, level }: Pick<TextAnnotation, "text" | "level">,
  options: Pick<FilterOptions, "maxObjects" | "minComplexity">,
): Verdict {
  const { phrases, actions } = readText(text);
  // `a picture of a dog` says no more than `a dog`.
  const things = phrases.filter(
    ({ isPronoun, lemma }) => !isPronoun && !ABSTRACT_NOUNS.has(lemma),
  );
  if (things.length === 0)
    return { reason: "no_noun", detail: "names nothing" };
  const repeated = repeatedWord(text);
  if (repeated !== null)
    return { reason: "repeats_itself", detail: `"${repeated} ${repeated}"` };
  const most = options.maxObjects[level];
  if (things.length > most) {
    const detail = `${things.length} noun phrases; at most ${most}`;
    return { reason: "too_many_objects", detail };
  }
  const complexity =
    Math.max(0, ...things.map(({ degree }) => degree)) +
    Math.max(0, ...actions.map(({ degree }) => degree));
  const least = options.minComplexity[level];
  if (complexity < least) {
    const detail = `complexity ${complexity}; at least ${least}`;
    return { reason: "too_simple", detail };
  }
  return null;
}

/**
 * Judges what a text names: a thing whose boxes were all taken out as doubtful
 * is as doubtful in a sentence.
 *
 * @param doubted comparable names of such things.
 */
export function judgeNames(
  text: string,
  doubted: ReadonlySet<string>,
): Verdict {
  const name = readText(text)
    .phrases.map((phrase) => comparableName(phrase.text))
    .find((one) => doubted.has(one));
  if (name === undefined) return null;
  const detail = `names ${name}, whose boxes were taken out`;
  return { reason: "no_agreement", detail };
}

/** A word that follows itself, as networks stutter. */
function repeatedWord(text: string): string | null {
  const words = text.toLowerCase().split(/\s+/u);
  const at = words.findIndex(
    (word, index) => /\p{Letter}/u.test(word) && word === words[index + 1],
  );
  return words[at] ?? null;
}
