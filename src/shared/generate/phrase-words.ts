// Answers that name parts of a caller's phrase name them in its own words: what
// comes before the places is copied from the phrase, nothing is made up.

import type { GenerationSpec } from "../model/manifest.ts";
import { CHARACTER_OF_BYTE } from "../tokenizer/byte-alphabet.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { repeatedNgramTokens } from "./processors.ts";

/** The tokens that may come next, or null for any. */
export type NextTokens = (ids: readonly number[]) => readonly number[] | null;

/** A part of the phrase: from and to, in characters of the byte alphabet. */
type Part = readonly [number, number];

const WORD = /[\p{L}\p{M}\p{N}'’-]/u;

/** What joins noun phrases, and begins none. */
const JOINS = new Set(
  "and are as at beside behind between but by for from in into is near next of on onto or over to under was were while with".split(
    " ",
  ),
);

const known = new WeakMap<Tokenizer, ReadonlyMap<string, number>>();

/**
 * Lets an answer say words of the phrase only, from the beginning of a word to
 * the end of one, each part of it once, in any order; and places after them. No
 * part begins with a word that joins. The answer may end wherever a word does.
 *
 * @returns null within a box, whose places others choose.
 */
export function phraseWords(
  phrase: string,
  tokenizer: Tokenizer,
  spec: GenerationSpec,
): NextTokens {
  const { text, words } = readPhrase(phrase);
  const byText = tokensByText(tokenizer);
  const longest = Math.max(...[...byText.keys()].map(({ length }) => length));
  const { firstLocation, locationCount, eos } = tokenizer.special;
  const places = Array.from(
    { length: locationCount },
    (_, bin) => firstLocation + bin,
  );

  const isInWord = (at: number): boolean => words[at] === true;
  const wordAt = (at: number): string => {
    let end = at;
    while (isInWord(end)) end += 1;
    return text.slice(at, end).toLowerCase();
  };
  const beginsPart = (at: number): boolean =>
    isInWord(at) && !isInWord(at - 1) && !JOINS.has(wordAt(at));
  const endsWord = (at: number): boolean => isInWord(at - 1) && !isInWord(at);

  /** Where what was said may stand, and up to where it may go on. */
  const partsOf = (said: string, named: readonly Part[]): Part[] => {
    const parts: Part[] = [];
    for (let from = 0; from + said.length <= text.length; from += 1) {
      if (!beginsPart(from) || !text.startsWith(said, from)) continue;
      const taken = named.filter(([, to]) => to > from);
      const end = Math.min(text.length, ...taken.map(([start]) => start));
      if (from < end && from + said.length <= end) parts.push([from, end]);
    }
    return parts;
  };

  return (ids) => {
    const { named, said, placesSaid } = readAnswer(ids, tokenizer, partsOf);
    if (placesSaid % 4 !== 0) return null;
    const next = new Set<number>();
    const parts = partsOf(said, named);
    for (const [from, end] of parts) {
      const at = from + said.length;
      for (let to = at + 1; to <= Math.min(end, at + longest); to += 1) {
        const id = byText.get(text.slice(at, to));
        if (id !== undefined) next.add(id);
      }
    }
    for (const id of repeatedNgramTokens(ids, spec.no_repeat_ngram_size)) {
      next.delete(id);
    }
    const isWhole = parts.some(([from]) => endsWord(from + said.length));
    const mayPlace = said === "" ? placesSaid > 0 : isWhole;
    const mayEnd = said === "" || isWhole || next.size === 0;
    return [...next, ...(mayPlace ? places : []), ...(mayEnd ? [eos] : [])];
  };
}

/** A phrase as the vocabulary writes it, and which of its bytes are of words. */
function readPhrase(phrase: string): {
  readonly text: string;
  readonly words: readonly boolean[];
} {
  const encoder = new TextEncoder();
  let text = "";
  const words: boolean[] = [];
  for (const character of phrase) {
    for (const byte of encoder.encode(character)) {
      text += CHARACTER_OF_BYTE[byte]!;
      words.push(WORD.test(character));
    }
  }
  return { text, words };
}

/** What an answer has named, and what it has said since. */
function readAnswer(
  ids: readonly number[],
  tokenizer: Tokenizer,
  partsOf: (said: string, named: readonly Part[]) => readonly Part[],
): {
  readonly named: readonly Part[];
  readonly said: string;
  /** Places at the end of the answer. */
  readonly placesSaid: number;
} {
  const named: Part[] = [];
  let said = "";
  let placesSaid = 0;
  for (const id of ids) {
    if (tokenizer.locationBin(id) !== undefined) {
      const [part] = said === "" ? [] : partsOf(said, named);
      if (part !== undefined) named.push([part[0], part[0] + said.length]);
      said = "";
      placesSaid += 1;
    } else if (!tokenizer.isAdded(id)) {
      if (placesSaid > 0) placesSaid = 0;
      said += tokenizer.tokenText(id);
    }
  }
  return { named, said, placesSaid };
}

/** Ids by what the vocabulary writes; no added tokens. */
function tokensByText(tokenizer: Tokenizer): ReadonlyMap<string, number> {
  let tokens = known.get(tokenizer);
  if (tokens === undefined) {
    const made = new Map<string, number>();
    for (let id = 0; id < tokenizer.size; id += 1) {
      const text = tokenizer.tokenText(id);
      if (text !== "" && !tokenizer.isAdded(id)) made.set(text, id);
    }
    tokens = made;
    known.set(tokenizer, tokens);
  }
  return tokens;
}
