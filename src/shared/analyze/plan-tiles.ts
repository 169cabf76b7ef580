// Where a large image is cut into tiles: a grid of equal ones that overlap.

import type { Box, ImageSize } from "../geometry.ts";

export interface TilePlan {
  /** Most tiles there may be. */
  readonly maxTiles: number;
  /** Share of a tile that its neighbor shows as well, 0 to 0.5. */
  readonly overlap: number;
  /** Side in pixels at which the model sees a tile. */
  readonly inputSize: number;
}

/** A tile shrunk by less than this for the model loses too little for a pass. */
const HARMLESS_SHRINK = 1.25;

/**
 * The tiles of an image, row by row: as few as show it (nearly) unshrunk to
 * the model, else the grid of at most `maxTiles` that shrinks it least.
 *
 * @param size of the pixels there are.
 * @returns boxes in whole pixels; one, the image itself, if that is enough.
 */
export function planTiles(size: ImageSize, plan: TilePlan): readonly Box[] {
  const [columns, rows] = chooseGrid(size, plan);
  const across = spans(size.width, columns, plan.overlap);
  const down = spans(size.height, rows, plan.overlap);
  return down.flatMap(([y_min, y_max]) =>
    across.map(([x_min, x_max]): Box => ({ x_min, y_min, x_max, y_max })),
  );
}

/** Columns and rows. */
function chooseGrid(
  { width, height }: ImageSize,
  { maxTiles, overlap, inputSize }: TilePlan,
): readonly [number, number] {
  let best: readonly [number, number] = [1, 1];
  let bestShrink = Infinity;
  for (let columns = 1; columns <= maxTiles; columns += 1) {
    for (let rows = 1; columns * rows <= maxTiles; rows += 1) {
      const side = Math.max(
        tileSide(width, columns, overlap),
        tileSide(height, rows, overlap),
      );
      const shrink = Math.max(HARMLESS_SHRINK, side / inputSize);
      const isFewer = columns * rows < best[0] * best[1];
      if (shrink < bestShrink || (shrink === bestShrink && isFewer)) {
        best = [columns, rows];
        bestShrink = shrink;
      }
    }
  }
  return best;
}

/** Length of each of `count` tiles that together cover `length`. */
function tileSide(length: number, count: number, overlap: number): number {
  return length / (count - (count - 1) * overlap);
}

/** From and to of each tile along one side, in whole pixels. */
function spans(
  length: number,
  count: number,
  overlap: number,
): readonly (readonly [number, number])[] {
  const side = tileSide(length, count, overlap);
  return Array.from({ length: count }, (_, index) => {
    const from = index * side * (1 - overlap);
    const to = index === count - 1 ? length : Math.round(from + side);
    return [Math.round(from), to] as const;
  });
}
