// How a kernel's work is cut into parts.

import { aligned } from "../arena.ts";
import type { KernelExports } from "../kernels.ts";
import { type Calls, OWN } from "./calls.ts";
import type { OwnRooms, Team } from "./team.ts";

/**
 * Work worth a part of its own, in multiplications of a one-byte product: about
 * ten microseconds, what a signal between threads may take.
 */
const LEAST_WORK = 400_000;
/** Parts for each thread where there is much to do: they end at one time. */
const PARTS_EACH = 4;

/** What other work is worth in such multiplications. */
export const WORTH = {
  int8: 1,
  /** A multiplication in f32. */
  f32: 3,
  /** A value that is read, changed a little and written. */
  value: 16,
  /** A value whose exponential is taken. */
  exponential: 60,
} as const;

/** What is to be cut. */
export interface Whole {
  /** Rows, columns, heads: what is counted. */
  readonly total: number;
  /** Parts begin at multiples of it; the last one takes what is left over. */
  readonly unit: number;
  readonly work: number;
  /** Scratch: a room for each thread. */
  readonly rooms?: OwnRooms;
}

/**
 * The work from `first` on, `count` of it.
 *
 * @param calls the kernels, or what notes their calls.
 * @param own where the scratch of the thread is.
 */
export type Part = (
  calls: Calls,
  first: number,
  count: number,
  own: number,
) => void;

/** Kernels of one thread, and a team to share their work. */
export interface Split {
  readonly run: KernelExports;
  /** Does the work in parts, or whole where it is little. */
  readonly over: (whole: Whole, part: Part) => void;
  /** Bytes of a room for each thread. */
  readonly rooms: (bytes: number) => number;
  /** The rooms at `at`, as `rooms` of the same bytes has counted them. */
  readonly roomsAt: (at: number, bytes: number) => OwnRooms;
}

const NO_ROOMS: OwnRooms = { at: 0, each: 0 };

/** @param leastWork below it nothing is cut; for tests. */
export function createSplit(
  run: KernelExports,
  team: Team,
  leastWork = LEAST_WORK,
): Split {
  const { threads } = team;
  const partsOf = (work: number): number => {
    const parts = Math.floor(work / leastWork);
    if (parts <= threads) return parts;
    return Math.min(PARTS_EACH, Math.floor(parts / threads)) * threads;
  };
  return {
    run,
    over({ total, unit, work, rooms = NO_ROOMS }, part) {
      const units = Math.floor(total / unit);
      const parts = Math.min(units, partsOf(work));
      if (parts < 2) {
        part(run, 0, total, rooms.at);
        return;
      }
      const start = (index: number): number =>
        index === parts ? total : unit * Math.floor((index * units) / parts);
      team.share(rooms, parts, (index, calls) => {
        const first = start(index);
        part(calls, first, start(index + 1) - first, OWN);
      });
    },
    rooms: (bytes) => threads * aligned(bytes),
    roomsAt: (at, bytes) => ({ at, each: aligned(bytes) }),
  };
}
