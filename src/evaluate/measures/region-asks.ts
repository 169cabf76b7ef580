// Region tasks take 64 boxes at a time.

import type { Box } from "../../shared/geometry.ts";
import type { Ask } from "./measure.ts";

/** Boxes of one ask. */
export const REGIONS_AT_ONCE = 64;

/**
 * The asks about some boxes of a photo: `prefix:0` has the first 64.
 */
export function regionAsks(
  prefix: string,
  task: string,
  boxes: readonly { readonly box: Box }[],
): Ask[] {
  const asks: Ask[] = [];
  for (let first = 0; first < boxes.length; first += REGIONS_AT_ONCE) {
    const regions = boxes
      .slice(first, first + REGIONS_AT_ONCE)
      .map(({ box }) => ({ box }));
    const id = `${prefix}:${first / REGIONS_AT_ONCE}`;
    asks.push({ id, request: { task, regions } });
  }
  return asks;
}

/** Where the answer about a box is: the ask's id and the place in it. */
export function regionPlace(
  prefix: string,
  index: number,
): { readonly id: string; readonly at: number } {
  return {
    id: `${prefix}:${Math.floor(index / REGIONS_AT_ONCE)}`,
    at: index % REGIONS_AT_ONCE,
  };
}
