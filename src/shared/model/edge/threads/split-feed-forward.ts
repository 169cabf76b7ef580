// fc1, GELU, fc2: many rows are cut into rows. Of few rows each layer is cut into
// columns, with the values between them in the first thread's room.

import type { KernelExports } from "../kernels.ts";
import type { Calls } from "./calls.ts";
import type { OwnRooms } from "./team.ts";
import { type Split, WORTH } from "./split.ts";
import {
  columnUnit,
  FEW_ROWS,
  inRows,
  int4Bytes,
  productWork,
  type WeightKind,
} from "./split-products.ts";

const F32 = 4;
/**
 * Rows that the kernels take at a time. In f32 the last rows of a call are added
 * up in another way if they are few, so that parts are whole blocks there.
 */
const BLOCK_ROWS = 48;

/** Some columns of one layer; `room` is its scratch. */
type Layer = (
  calls: Calls,
  column: number,
  columns: number,
  room: number,
) => void;

/** Few rows through both layers. */
interface FewRows {
  readonly kind: WeightKind;
  readonly m: number;
  readonly k: number;
  readonly hidden: number;
  readonly n: number;
  readonly rooms: OwnRooms;
  /** Rows that there is room for between the layers. */
  readonly between: number;
  /** Takes x to where it is told to. */
  readonly first: (to: number) => Layer;
  /** Takes what is there to c. */
  readonly second: (from: number) => Layer;
}

/** The pair of layers with weights of each kind. */
export function splitFeedForward({
  run,
  over,
  rooms,
  roomsAt,
}: Split): Partial<KernelExports> {
  const few = (rows: FewRows): void => {
    const { kind, m, k, hidden, n, rooms: own } = rows;
    const between = own.at + run.geluScratch();
    const rest = run.geluScratch() + rows.between * hidden * F32;
    const unit = columnUnit(kind);
    const first = rows.first(between);
    const firstWork = productWork(kind, m, k, hidden);
    over(
      { total: hidden, unit, work: firstWork, rooms: own },
      (calls, column, columns, room) => {
        first(calls, column, columns, room + rest);
        for (let row = 0; row < m; row += 1) {
          calls.gelu(between + (row * hidden + column) * F32, columns, room);
        }
      },
    );
    const second = rows.second(between);
    const work = productWork(kind, m, hidden, n);
    over(
      { total: n, unit, work, rooms: own },
      (calls, column, columns, room) => {
        second(calls, column, columns, room + rest);
      },
    );
  };
  return {
    int8FeedForwardScratch: (k, hidden) =>
      rooms(run.int8FeedForwardScratch(k, hidden)),
    int8FeedForward(
      ...[x, strideX, m, k, hidden, n, w1, s1, b1, w2, s2, b2, c, strideC, at]
    ) {
      const own = roomsAt(at, run.int8FeedForwardScratch(k, hidden));
      if (m <= FEW_ROWS) {
        const line = hidden * F32;
        few({
          ...{ kind: "int8", m, k, hidden, n, rooms: own, between: BLOCK_ROWS },
          first: (to) => (calls, column, columns, room) => {
            const by = column * F32;
            calls.int8Product(
              ...([x, strideX, m, k, columns, w1 + column * k] as const),
              ...([s1 + by, b1 + by, to + by, line, room] as const),
            );
          },
          second: (from) => (calls, column, columns, room) => {
            const by = column * F32;
            calls.int8Product(
              ...([from, line, m, hidden, columns] as const),
              ...([w2 + column * hidden, s2 + by, b2 + by] as const),
              ...([c + by, strideC, room] as const),
            );
          },
        });
        return;
      }
      const work = m * hidden * (k + n) * WORTH.int8;
      over({ ...inRows(m), work, rooms: own }, (calls, row, count, room) => {
        calls.int8FeedForward(
          ...([x + row * strideX, strideX, count, k, hidden, n] as const),
          ...([w1, s1, b1, w2, s2, b2] as const),
          ...([c + row * strideC, strideC, room] as const),
        );
      });
    },
    int4FeedForwardScratch: (m, k, hidden, n, group) =>
      rooms(run.int4FeedForwardScratch(m, k, hidden, n, group)),
    int4FeedForward(
      ...[x, strideX, m, k, hidden, n, group, w1, b1, w2, b2, c, strideC, at]
    ) {
      const bytes = run.int4FeedForwardScratch(m, k, hidden, n, group);
      const own = roomsAt(at, bytes);
      if (m <= FEW_ROWS) {
        const line = hidden * F32;
        few({
          ...{ kind: "int4", m, k, hidden, n, rooms: own, between: FEW_ROWS },
          first: (to) => (calls, column, columns, room) => {
            const by = column * F32;
            calls.int4Product(
              ...([x, strideX, m, k, columns, group] as const),
              ...([w1 + int4Bytes(column, k, group), b1 + by] as const),
              ...([to + by, line, room] as const),
            );
          },
          second: (from) => (calls, column, columns, room) => {
            const by = column * F32;
            calls.int4Product(
              ...([from, line, m, hidden, columns, group] as const),
              ...([w2 + int4Bytes(column, hidden, group), b2 + by] as const),
              ...([c + by, strideC, room] as const),
            );
          },
        });
        return;
      }
      const work = m * hidden * (k + n) * WORTH.int8;
      // Each part unpacks all weights, which is little beside many rows.
      over({ ...inRows(m), work, rooms: own }, (calls, row, count, room) => {
        calls.int4FeedForward(
          ...([x + row * strideX, strideX, count, k, hidden, n] as const),
          ...([group, w1, b1, w2, b2] as const),
          ...([c + row * strideC, strideC, room] as const),
        );
      });
    },
    f32FeedForwardScratch: (hidden) => rooms(run.f32FeedForwardScratch(hidden)),
    f32FeedForward(
      ...[x, strideX, m, k, hidden, n, w1, b1, w2, b2, c, strideC, at]
    ) {
      const own = roomsAt(at, run.f32FeedForwardScratch(hidden));
      if (m <= FEW_ROWS) {
        const line = hidden * F32;
        few({
          ...{ kind: "f32", m, k, hidden, n, rooms: own, between: BLOCK_ROWS },
          first: (to) => (calls, column, columns) => {
            const by = column * F32;
            calls.f32Product(
              ...([x, strideX, m, k, columns, w1 + by * k] as const),
              ...([b1 + by, to + by, line] as const),
            );
          },
          second: (from) => (calls, column, columns) => {
            const by = column * F32;
            calls.f32Product(
              ...([from, line, m, hidden, columns, w2 + by * hidden] as const),
              ...([b2 + by, c + by, strideC] as const),
            );
          },
        });
        return;
      }
      const work = m * hidden * (k + n) * WORTH.f32;
      over(
        { total: m, unit: BLOCK_ROWS, work, rooms: own },
        (calls, row, count, room) => {
          calls.f32FeedForward(
            ...([x + row * strideX, strideX, count, k, hidden, n] as const),
            ...([w1, b1, w2, b2] as const),
            ...([c + row * strideC, strideC, room] as const),
          );
        },
      );
    },
  };
}
