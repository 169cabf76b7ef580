// Answers of a model that is told places by its hints may name only those: it
// chooses among boxes, and copies none of them wrongly.

import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** The ids that may not come next after those of an answer. */
export type BannedTokens = (ids: readonly number[]) => readonly number[];

/**
 * Bans location tokens that continue no box of the hints. A box is named once
 * for each label. Source: `training/model.py`, `banned_places`.
 *
 * @param hintIds hints, in which every four location tokens are a box.
 */
export function hintedPlaces(
  hintIds: readonly number[],
  tokenizer: Tokenizer,
): BannedTokens {
  const { firstLocation, locationCount } = tokenizer.special;
  const all = Array.from(
    { length: locationCount },
    (_, bin) => firstLocation + bin,
  );
  const boxes = boxesOf(hintIds, tokenizer);
  return (ids) => {
    const run = locationsAtEnd(ids, tokenizer);
    const begun = run.length % 4;
    const done = boxesOf(run.slice(0, run.length - begun), tokenizer);
    const open = begun === 0 ? [] : run.slice(-begun);
    const next = new Set(
      boxes
        .filter((box) => !done.some((other) => isBeginning(other, box)))
        .filter((box) => isBeginning(open, box))
        .map((box) => box[begun]!),
    );
    return all.filter((id) => !next.has(id));
  };
}

/** Every four location tokens that follow one another. */
function boxesOf(ids: readonly number[], tokenizer: Tokenizer): number[][] {
  const boxes: number[][] = [];
  let run: number[] = [];
  for (const id of ids) {
    if (tokenizer.locationBin(id) === undefined) {
      run = [];
      continue;
    }
    run.push(id);
    if (run.length < 4) continue;
    boxes.push(run);
    run = [];
  }
  return boxes;
}

function locationsAtEnd(
  ids: readonly number[],
  tokenizer: Tokenizer,
): readonly number[] {
  const text = ids.findLastIndex(
    (id) => tokenizer.locationBin(id) === undefined,
  );
  return ids.slice(text + 1);
}

function isBeginning(
  beginning: readonly number[],
  ids: readonly number[],
): boolean {
  return beginning.every((id, at) => id === ids[at]);
}
