// Which phrases can name a region.

import { ABSTRACT_NOUNS } from "../language/abstract-nouns.ts";
import { readLabel } from "../language/read-text.ts";
import { GENERIC_PHRASES } from "../../shared/parse/generic-phrases.ts";
import type { Verdict } from "./verdict.ts";

/**
 * Judges a phrase: a pronoun or an abstract noun names no region, and neither
 * does what has no noun.
 *
 * Source: the blacklist of FLD-5B (arXiv 2311.06242, section 4.3), of which the
 * paper gives examples only.
 */
export function judgePhrase(phrase: string): Verdict {
  const plain = phrase.trim().toLowerCase();
  if (GENERIC_PHRASES.has(plain)) return pronoun(plain);
  const [first, ...rest] = readLabel(plain).phrases;
  if (first === undefined) return { reason: "no_noun", detail: `"${plain}"` };
  // `a group of people` is about the people.
  const head = isOfPhrase(plain, first.span[1]) ? rest[0] : first;
  if (head !== undefined && (head.isPronoun || GENERIC_PHRASES.has(head.text)))
    return pronoun(head.text);
  if (head === undefined || ABSTRACT_NOUNS.has(head.lemma)) {
    const detail = `"${head?.lemma ?? first.lemma}"`;
    return { reason: "abstract_noun", detail };
  }
  return null;
}

function isOfPhrase(text: string, end: number): boolean {
  return text.slice(end).startsWith(" of ");
}

function pronoun(word: string): Verdict {
  return { reason: "pronoun", detail: `"${word}"` };
}
