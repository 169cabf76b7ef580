// Products: many rows are cut into rows, few into columns, so that every result
// is added up as on one thread. Up to 5 rows go another way in the kernels: no
// part of many rows has so few.

import type { EdgeMatrix } from "../edge-plan.ts";
import type { KernelExports } from "../kernels.ts";
import { int4GroupBytes } from "../pack-int4.ts";
import { type Split, type Whole, WORTH } from "./split.ts";

export type WeightKind = EdgeMatrix["kind"];

const F32 = 4;
/** Up to this many rows the kernels take another way. */
export const FEW_ROWS = 5;
/** Whole tiles, of 6 rows of bytes or 4 in f32, and rows taken at a time. */
const TILES_ROWS = 12;
const BLOCK_ROWS = 48;
/** Columns of a panel of weights; 4-bit panels of one row go in twos. */
const PANEL = 8;
const TWO_PANELS = 16;
/** Reading the weights costs few rows as much as so many more would. */
const READING_ROWS = 2;
/** Fewer rows in a part would read all weights too often. */
const LEAST_ROWS = 24;
/** From so many rows on parts are whole blocks: each block reads all weights. */
const MANY_ROWS = 16 * BLOCK_ROWS;

/** Products with weights of each kind. */
export function splitProducts({
  run,
  over,
  rooms,
  roomsAt,
}: Split): Partial<KernelExports> {
  return {
    int8Scratch: (k) => rooms(run.int8Scratch(k)),
    int8Product(...[x, strideX, m, k, n, w, scales, bias, c, strideC, at]) {
      const own = roomsAt(at, run.int8Scratch(k));
      const work = productWork("int8", m, k, n);
      if (m <= FEW_ROWS) {
        over(
          { total: n, unit: columnUnit("int8"), work, rooms: own },
          (calls, column, columns, room) => {
            const by = column * F32;
            calls.int8Product(
              ...([x, strideX, m, k, columns, w + column * k] as const),
              ...([scales + by, bias + by, c + by, strideC, room] as const),
            );
          },
        );
        return;
      }
      over({ ...inRows(m), work, rooms: own }, (calls, row, count, room) => {
        calls.int8Product(
          ...([x + row * strideX, strideX, count, k, n] as const),
          ...([w, scales, bias, c + row * strideC, strideC, room] as const),
        );
      });
    },
    int4Scratch: (m, k, n, group) => rooms(run.int4Scratch(m, k, n, group)),
    int4Product(...[x, strideX, m, k, n, group, w, bias, c, strideC, at]) {
      const own = roomsAt(at, run.int4Scratch(m, k, n, group));
      const work = productWork("int4", m, k, n);
      if (m <= FEW_ROWS) {
        over(
          { total: n, unit: columnUnit("int4"), work, rooms: own },
          (calls, column, columns, room) => {
            const by = column * F32;
            calls.int4Product(
              ...([x, strideX, m, k, columns, group] as const),
              ...([w + int4Bytes(column, k, group), bias + by] as const),
              ...([c + by, strideC, room] as const),
            );
          },
        );
        return;
      }
      // Each part unpacks all weights, which is little beside many rows.
      over({ ...inRows(m), work, rooms: own }, (calls, row, count, room) => {
        calls.int4Product(
          ...([x + row * strideX, strideX, count, k, n, group] as const),
          ...([w, bias, c + row * strideC, strideC, room] as const),
        );
      });
    },
    f32Product(...[x, strideX, m, k, n, w, bias, c, strideC]) {
      const work = productWork("f32", m, k, n);
      if (m <= FEW_ROWS) {
        over(
          { total: n, unit: columnUnit("f32"), work },
          (calls, column, columns) => {
            const by = column * F32;
            calls.f32Product(
              ...([x, strideX, m, k, columns, w + by * k] as const),
              ...([bias + by, c + by, strideC] as const),
            );
          },
        );
        return;
      }
      over({ ...inRows(m), work }, (calls, row, count) => {
        calls.f32Product(
          ...([x + row * strideX, strideX, count, k, n] as const),
          ...([w, bias, c + row * strideC, strideC] as const),
        );
      });
    },
  };
}

/** How many rows are cut: best at whole blocks. */
export function inRows(
  rows: number,
): Pick<Whole, "total" | "unit" | "block" | "least"> {
  const unit = rows >= MANY_ROWS ? BLOCK_ROWS : TILES_ROWS;
  return { total: rows, unit, block: BLOCK_ROWS, least: LEAST_ROWS };
}

/** What a product of `m` rows costs. */
export function productWork(
  kind: WeightKind,
  m: number,
  k: number,
  n: number,
): number {
  const rows = m <= FEW_ROWS ? m + READING_ROWS : m;
  return rows * k * n * (kind === "f32" ? WORTH.f32 : WORTH.int8);
}

/** Where parts of the columns may begin. */
export function columnUnit(kind: WeightKind): number {
  return kind === "int4" ? TWO_PANELS : PANEL;
}

/** Bytes of the 4-bit weights of the first columns. */
export function int4Bytes(columns: number, k: number, group: number): number {
  return (columns / PANEL) * (k / group) * int4GroupBytes(group);
}
