// What a phrase and the words of a candidate have in common: arithmetic that a
// small language model had better be told than learn.
// Source: `training/near.py`, `meant` and `matches`.

import type { NearSpec } from "../manifest.ts";

/** Most that is counted. */
const MOST = 9;

/** The rules of a bundle for comparing words. */
export type WordRules = Pick<NearSpec, "colors" | "idle" | "same" | "relative">;

/**
 * How many words both have, at most nine; none if these are places, sizes and
 * colors alone, which anything may have.
 *
 * @param phrase a caller's words, or a whole prompt; added tokens are no words.
 */
export function countMatches(
  text: string,
  phrase: string,
  rules: WordRules,
): number {
  const asked = meantBy(phrase, rules);
  const common = [...meantBy(text, rules)].filter((word) => asked.has(word));
  const isNamed = common.some(
    (word) => !rules.relative.includes(word) && !rules.colors.includes(word),
  );
  return isNamed ? Math.min(MOST, common.length) : 0;
}

/** Words to compare, without number. */
function meantBy(text: string, rules: WordRules): Set<string> {
  const words = text
    .toLowerCase()
    .replace(/<[^>]*>/gu, " ")
    .split(/\s+/u)
    .map((word) => word.replace(/[^a-z0-9-]/gu, ""));
  return new Set(
    words
      .filter((word) => word !== "" && !rules.idle.includes(word))
      .map((word) =>
        Object.hasOwn(rules.same, word) ? rules.same[word]! : singular(word),
      ),
  );
}

function singular(word: string): string {
  return word.length > 3 && word.endsWith("s") ? word.slice(0, -1) : word;
}
