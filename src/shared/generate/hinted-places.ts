// Answers of a model that is told places by its hints may name only those: it
// chooses among boxes, and copies none of them wrongly.

import { countMatches, type WordRules } from "../model/towers/match-words.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** The ids that may not come next after those of an answer. */
export type BannedTokens = (ids: readonly number[]) => readonly number[];

/** A box of the hints. */
export interface HintedBox {
  /** Four location ids. */
  readonly ids: readonly number[];
  /** What stands before them. */
  readonly words: string;
}

/** Those of the boxes that may be named after the ids of an answer. */
export type ChooseBoxes = (
  ids: readonly number[],
  boxes: readonly HintedBox[],
) => readonly HintedBox[];

/**
 * Bans location tokens that continue no box of the hints. A box is named once
 * for each label. Source: `training/model.py`, `banned_places`.
 *
 * @param hintIds hints, in which every four location tokens are a box.
 * @param choose left out: any of the boxes may be named.
 */
export function hintedPlaces(
  hintIds: readonly number[],
  tokenizer: Tokenizer,
  choose: ChooseBoxes = (_, boxes) => boxes,
): BannedTokens {
  const { firstLocation, locationCount } = tokenizer.special;
  const all = Array.from(
    { length: locationCount },
    (_, bin) => firstLocation + bin,
  );
  const boxes = boxesOf(hintIds, tokenizer);
  return (ids) => {
    const run = ids.slice(startOfPlaces(ids, tokenizer));
    const begun = run.length % 4;
    const done = boxesOf(run.slice(0, run.length - begun), tokenizer);
    const open = begun === 0 ? [] : run.slice(-begun);
    const next = new Set(
      choose(ids, boxes)
        .filter((box) => !done.some((other) => isBeginning(other.ids, box.ids)))
        .filter((box) => isBeginning(open, box.ids))
        .map((box) => box.ids[begun]!),
    );
    return all.filter((id) => !next.has(id));
  };
}

/**
 * Of hints that are for a prompt's words, the boxes that have most words in
 * common with what the answer said last, or with the prompt where it said
 * nothing. None where none has any: what no hint speaks of has no place.
 *
 * Source: `training/model.py`, `matching_places`.
 */
export function matchingBoxes(
  prompt: readonly number[],
  tokenizer: Tokenizer,
  rules: WordRules,
): ChooseBoxes {
  const asked = tokenizer.decode(prompt);
  return (ids, boxes) => {
    const end = startOfPlaces(ids, tokenizer);
    const begin = ids.findLastIndex(
      (id, at) => at < end && tokenizer.isAdded(id),
    );
    const phrase = tokenizer.decode(ids.slice(begin + 1, end)) || asked;
    const common = boxes.map(({ words }) => countMatches(words, phrase, rules));
    const most = Math.max(1, ...common);
    return boxes.filter((_, at) => common[at] === most);
  };
}

/** Every four location tokens that follow one another. */
function boxesOf(ids: readonly number[], tokenizer: Tokenizer): HintedBox[] {
  const boxes: HintedBox[] = [];
  let run: number[] = [];
  let words: number[] = [];
  for (const id of ids) {
    if (tokenizer.locationBin(id) === undefined) {
      words = tokenizer.isAdded(id) ? [] : [...words, id];
      run = [];
      continue;
    }
    run.push(id);
    if (run.length < 4) continue;
    boxes.push({ ids: run, words: tokenizer.decode(words) });
    run = [];
    words = [];
  }
  return boxes;
}

/** Where the locations begin that ids end with. */
function startOfPlaces(ids: readonly number[], tokenizer: Tokenizer): number {
  return ids.findLastIndex((id) => tokenizer.locationBin(id) === undefined) + 1;
}

function isBeginning(
  beginning: readonly number[],
  ids: readonly number[],
): boolean {
  return beginning.every((id, at) => id === ids[at]);
}
