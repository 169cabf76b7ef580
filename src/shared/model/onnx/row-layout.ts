// The decoder graph takes the same number of rows for each prompt, prompt by
// prompt: rows 0..K-1 answer prompt 0, and so on. This lays the rows of a step
// into such slots; free slots repeat something harmless.

import type { StepRow } from "../model.ts";

/** Which slot each row has, and what each slot is fed. */
export interface RowLayout {
  /** Slots per prompt. */
  readonly width: number;
  /** For each row its slot. */
  readonly slotOfRow: readonly number[];
  /** For each slot the token it appends. */
  readonly tokenIds: readonly number[]; // [prompts * width]
  /** For each slot the slot of the previous step it goes on from. */
  readonly parents: readonly number[]; // [prompts * width]
}

/**
 * Lays out the rows of one step.
 *
 * @param prompts the prompts that still have slots, in their order.
 * @param rows rows of those prompts only.
 * @param previousSlots for each row of the previous step its slot; null first.
 * @param fillToken what free slots append.
 */
export function layOutRows(
  prompts: readonly number[],
  rows: readonly StepRow[],
  previousSlots: ReadonlyMap<number, number> | null,
  fillToken: number,
): RowLayout {
  const place = new Map(prompts.map((prompt, index) => [prompt, index]));
  const taken = prompts.map(() => 0);
  const offsets = rows.map((row) => {
    const index = place.get(row.prompt);
    if (index === undefined) {
      throw new Error(`internal: prompt ${row.prompt} has no slots any more`);
    }
    const offset = taken[index]!;
    taken[index] = offset + 1;
    return { index, offset };
  });
  const width = Math.max(...taken);
  const tokenIds = new Array<number>(prompts.length * width).fill(fillToken);
  const parents = new Array<number>(prompts.length * width).fill(0);
  const slotOfRow = rows.map((row, at) => {
    const { index, offset } = offsets[at]!;
    const slot = index * width + offset;
    tokenIds[slot] = row.tokenId;
    if (previousSlots !== null) {
      const parent = previousSlots.get(row.parent);
      if (parent === undefined) {
        throw new Error(`internal: row ${row.parent} was not in the last step`);
      }
      parents[slot] = parent;
    }
    return slot;
  });
  return { width, slotOfRow, tokenIds, parents };
}
