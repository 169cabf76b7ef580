// How a kernel's work is cut into parts.

import { aligned } from "../arena.ts";
import type { KernelExports } from "../kernels.ts";
import { type Calls, OWN } from "./calls.ts";
import type { OwnRooms, Team } from "./team.ts";

/**
 * Work worth a part of its own, in multiplications of a one-byte product: about
 * ten microseconds; a signal between threads takes three.
 */
const LEAST_WORK = 400_000;
/**
 * Parts for each thread where there is much to do: threads that are held up by
 * other programs leave theirs to the rest, and all end at one time. Such a part
 * has several times the least work.
 */
const PARTS_EACH = 12;
const MORE_WORK = 4;
/** Whole blocks are parts where each thread has so many; fewer are cut. */
const BLOCKS_EACH = 4;

/** What other work is worth in such multiplications. */
export const WORTH = {
  int8: 1,
  /** A multiplication in f32. */
  f32: 3,
  /** One with a value of f16, for one row. */
  half: 12,
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
  /** Multiples of this suit better, where all parts get as many of them. */
  readonly block?: number;
  /** A part is not smaller where there are more parts than threads. */
  readonly least?: number;
  /** Most parts for each thread: few where each part does something again. */
  readonly each?: number;
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

/** Between rooms, so that no two threads write into one cache line. */
const LINE_BYTES = 64;

const NO_ROOMS: OwnRooms = { at: 0, each: 0 };

/** @param leastWork below it nothing is cut; for tests. */
export function createSplit(
  run: KernelExports,
  team: Team,
  leastWork = LEAST_WORK,
): Split {
  const { threads } = team;
  const mostOf = ({
    work,
    total,
    least = 1,
    each = PARTS_EACH,
  }: Whole): number => {
    const worth = Math.floor(work / leastWork);
    if (worth <= threads) return worth;
    const parts = Math.min(worth / MORE_WORK, total / least) / threads;
    return Math.min(each, Math.max(1, Math.floor(parts))) * threads;
  };
  return {
    run,
    over(whole, part) {
      const { total, rooms = NO_ROOMS } = whole;
      const { unit, units, parts } = cut(whole, mostOf(whole), threads);
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
    rooms: (bytes) => threads * roomBytes(bytes),
    roomsAt: (at, bytes) => ({ at, each: roomBytes(bytes) }),
  };
}

function roomBytes(bytes: number): number {
  return aligned(bytes) + LINE_BYTES;
}

/** In what units a whole is counted, and how many parts it has. */
function cut(
  { total, unit, block = unit }: Whole,
  most: number,
  threads: number,
): { readonly unit: number; readonly units: number; readonly parts: number } {
  const blocks = Math.floor(total / block);
  for (let parts = most - (most % threads); parts > 1; parts -= threads) {
    const isEven = blocks >= BLOCKS_EACH * threads && blocks % parts === 0;
    if (isEven) return { unit: block, units: blocks, parts };
  }
  const units = Math.floor(total / unit);
  return { unit, units, parts: Math.min(units, most) };
}
