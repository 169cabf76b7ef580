// Calls of kernels as numbers, written by one thread and made by any.

import type { KernelExports } from "../kernels.ts";
import {
  EACH,
  MOST_NUMBERS,
  MOST_PIECES,
  ROOM,
  type Signals,
} from "./signals.ts";

/**
 * Added to an offset, a place in the own room of the thread that makes the call:
 * past any address.
 */
export const OWN = 2 ** 40;

/** Numbers that one piece may take. */
const PIECE_NUMBERS = 4096;

/** Kernels that note their call in place of being run. */
export type Calls = {
  readonly [Name in keyof KernelExports]: (
    ...args: Parameters<KernelExports[Name]>
  ) => void;
};

/** The calls of one job, piece by piece. */
export interface CallWriter {
  readonly calls: Calls;
  /** Pieces that are closed. */
  count(): number;
  /** Begins a new job. */
  clear(): void;
  /** Ends a piece. */
  close(): void;
  /** Whether another piece fits. */
  hasRoom(): boolean;
}

/** The order in which kernels are numbered, the same in all threads. */
function numbered(run: KernelExports): (keyof KernelExports)[] {
  // The exports of a module of ours.
  return Object.keys(run).sort() as (keyof KernelExports)[];
}

/** Writes calls where all threads read them. */
export function createCallWriter(
  run: KernelExports,
  { starts, numbers }: Signals,
): CallWriter {
  let pieces = 0;
  let at = 0;
  const write = (kernel: number, args: readonly number[]): void => {
    if (at + 2 + args.length > MOST_NUMBERS) {
      throw new Error("internal: a piece has too many calls");
    }
    numbers[at] = kernel;
    numbers[at + 1] = args.length;
    numbers.set(args, at + 2);
    at += 2 + args.length;
  };
  const calls = Object.fromEntries(
    numbered(run).map((name, kernel) => [
      name,
      (...args: readonly number[]) => {
        write(kernel, args);
      },
    ]),
  );
  return {
    calls: calls as unknown as Calls,
    count: () => pieces,
    clear() {
      pieces = 0;
      at = 0;
      starts[0] = 0;
    },
    close() {
      pieces += 1;
      starts[pieces] = at;
    },
    hasRoom: () => pieces < MOST_PIECES && at + PIECE_NUMBERS <= MOST_NUMBERS,
  };
}

/**
 * Makes the calls of a piece.
 *
 * @param thread whose room is used.
 */
export type MakeCalls = (piece: number, thread: number) => void;

/** Makes calls that `createCallWriter` wrote. */
export function createCallMaker(
  run: KernelExports,
  { words, starts, numbers }: Signals,
): MakeCalls {
  // All kernels take numbers.
  const byName = run as unknown as Readonly<
    Record<string, (...args: readonly number[]) => void>
  >;
  const kernels = numbered(run).map((name) => byName[name]!);
  return (piece, thread) => {
    const own = (words[ROOM]! >>> 0) + thread * (words[EACH]! >>> 0) - OWN;
    let at = starts[piece]!;
    const end = starts[piece + 1]!;
    while (at < end) {
      const kernel = kernels[numbers[at]!]!;
      const next = at + 2 + numbers[at + 1]!;
      const args: number[] = [];
      for (at += 2; at < next; at += 1) {
        const value = numbers[at]!;
        args.push(value >= OWN ? value + own : value);
      }
      kernel(...args);
    }
  };
}
