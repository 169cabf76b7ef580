// The head: its products are cut into columns, and then one thread ranks the
// logits, in the order in which the kernel does it, so that sums are the same.

import { aligned } from "../arena.ts";
import { REQUEST_BYTES } from "../head-request.ts";
import type { KernelExports } from "../kernels.ts";
import type { Calls } from "./calls.ts";
import type { OwnRooms } from "./team.ts";
import type { Split } from "./split.ts";
import {
  columnUnit,
  FEW_ROWS,
  int4Bytes,
  productWork,
  type WeightKind,
} from "./split-products.ts";

const F32 = 4;
/** Columns of a panel of weights; logits of as many are written. */
const PANEL = 8;

/** What a head of any kind is asked. */
interface Asked {
  readonly kind: WeightKind;
  readonly rows: number;
  readonly k: number;
  readonly vocabulary: number;
  readonly requests: number;
  /** Scratch: the kernel's own, logits of a few rows, then `rooms`. */
  readonly scratch: number;
  readonly logits: number;
  readonly rooms: OwnRooms;
  /** Columns of the product of `count` rows from `row` on, to `to`. */
  readonly product: (
    calls: Calls,
    few: {
      readonly row: number;
      readonly count: number;
      readonly column: number;
      readonly columns: number;
      readonly to: number;
      readonly stride: number;
      readonly room: number;
    },
  ) => void;
}

/** Heads with weights of each kind. */
export function splitHead({
  run,
  over,
  rooms,
  roomsAt,
}: Split): Partial<KernelExports> {
  /** Scratch of few rows of a product of any kind. */
  const roomBytes = (k: number, group: number): number =>
    Math.max(run.int8Scratch(k), run.int4Scratch(FEW_ROWS, k, PANEL, group));
  /** Where in the scratch logits and rooms begin. */
  const places = (
    scratch: number,
    k: number,
    group: number,
    vocabulary: number,
  ): Pick<Asked, "scratch" | "logits" | "rooms"> => {
    // Ranking takes one row at a time, without a product.
    const logits = scratch + aligned(run.headScratch(1, 0, 1, vocabulary));
    const own = logits + FEW_ROWS * lineOf(vocabulary);
    return { scratch, logits, rooms: roomsAt(own, roomBytes(k, group)) };
  };
  const head = (asked: Asked): void => {
    const { kind, rows, k, vocabulary, requests, logits, product } = asked;
    const stride = lineOf(vocabulary);
    const total = stride / F32;
    for (let row = 0; row < rows; row += FEW_ROWS) {
      const count = Math.min(FEW_ROWS, rows - row);
      const work = productWork(kind, count, k, total);
      const unit = columnUnit(kind);
      over(
        { total, unit, work, rooms: asked.rooms },
        (calls, column, columns, room) => {
          const to = logits + column * F32;
          product(calls, { row, count, column, columns, to, stride, room });
        },
      );
      // A head of no inputs: what it ranks is its bias.
      for (let at = 0; at < count; at += 1) {
        const line = logits + at * stride;
        const request = requests + (row + at) * REQUEST_BYTES;
        run.f32Head(0, 0, 1, 0, vocabulary, 0, line, request, asked.scratch);
      }
    }
  };
  return {
    headScratch(...[, k, group, vocabulary]) {
      const own = places(0, k, group, vocabulary).rooms.at;
      return own + rooms(roomBytes(k, group));
    },
    int8Head(
      ...[x, stride, rows, k, vocabulary, w, scales, bias, requests, at]
    ) {
      const kind = "int8";
      head({
        ...{ kind, rows, k, vocabulary, requests },
        ...places(at, k, k, vocabulary),
        product: (calls, { row, count, column, columns, ...few }) => {
          const by = column * F32;
          calls.int8Product(
            ...([x + row * stride, stride, count, k, columns] as const),
            ...([w + column * k, scales + by, bias + by] as const),
            ...([few.to, few.stride, few.room] as const),
          );
        },
      });
    },
    int4Head(
      ...[x, stride, rows, k, group, vocabulary, w, bias, requests, at]
    ) {
      const kind = "int4";
      head({
        ...{ kind, rows, k, vocabulary, requests },
        ...places(at, k, group, vocabulary),
        product: (calls, { row, count, column, columns, ...few }) => {
          calls.int4Product(
            ...([x + row * stride, stride, count, k, columns, group] as const),
            ...([
              w + int4Bytes(column, k, group),
              bias + column * F32,
            ] as const),
            ...([few.to, few.stride, few.room] as const),
          );
        },
      });
    },
    f32Head(...[x, stride, rows, k, vocabulary, w, bias, requests, at]) {
      const kind = "f32";
      head({
        ...{ kind, rows, k, vocabulary, requests },
        ...places(at, k, k, vocabulary),
        product: (calls, { row, count, column, columns, ...few }) => {
          const by = column * F32;
          calls.f32Product(
            ...([x + row * stride, stride, count, k, columns] as const),
            ...([w + by * k, bias + by, few.to, few.stride] as const),
          );
        },
      });
    },
  };
}

/** Bytes of a row of logits. */
function lineOf(vocabulary: number): number {
  return Math.ceil(vocabulary / PANEL) * PANEL * F32;
}
