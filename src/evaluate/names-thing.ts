// Whether a caption names a thing.

import type { Synonyms } from "./photo-set.ts";

/**
 * Whether a caption holds the label, one of its synonyms, or the plural of
 * either, as whole words. Case and punctuation do not count: "T-shirts" names
 * a "t shirt". A longer name counts for its last word: "bell pepper" names a
 * pepper.
 */
export function namesThing(
  caption: string,
  label: string,
  synonyms: Synonyms,
): boolean {
  const words = ` ${plainWords(caption)} `;
  return [label, ...(synonyms[label] ?? [])]
    .map(plainWords)
    .flatMap(withPlurals)
    .some((name) => words.includes(` ${name} `));
}

function plainWords(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/gu, " ")
    .trim();
}

function withPlurals(name: string): string[] {
  return [name, `${name}s`, `${name}es`, name.replace(/y$/u, "ies")];
}
