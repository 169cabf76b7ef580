// One memory for everything a model needs: weights first, then room for the work
// of one phase at a time, then what states of decoding keep.

import { FlorenceError } from "../../errors.ts";

const PAGE = 65_536;
const ALIGNMENT = 16;

/** The first bytes stay free: a pointer of 0 means nothing. */
export const ARENA_START = 1024;

/** `bytes` rounded up to where something may begin. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Names of pieces, each with its size in bytes. */
type Sizes = Readonly<Record<string, number>>;

/** Where the pieces of one phase lie, from 0 on. */
export interface Layout<Name extends string = string> {
  readonly at: Readonly<Record<Name, number>>;
  readonly bytes: number;
}

/** Lays pieces out one after another. */
export function layOut<const S extends Sizes>(
  sizes: S,
): Layout<keyof S & string> {
  const at: Record<string, number> = {};
  let next = 0;
  for (const [name, bytes] of Object.entries(sizes)) {
    at[name] = next;
    next += aligned(bytes);
  }
  return { at: at as Record<keyof S & string, number>, bytes: next };
}

/** The memory of one model. */
export interface Arena {
  readonly memory: WebAssembly.Memory;
  /** Makes sure that the memory reaches to `end`. */
  reach(end: number): void;
  /**
   * A piece that lives until it is given back, past everything planned.
   *
   * @throws FlorenceError `engine_unavailable` past the memory's maximum.
   */
  keep(bytes: number): number;
  /** Gives a kept piece back. */
  release(at: number): void;
  floats(at: number, count: number): Float32Array;
  wholes(at: number, count: number): Int32Array;
  bytes(at: number, count: number): Uint8Array;
  view(): DataView;
}

/** Bookkeeping over a memory; kept pieces begin at `heapStart`. */
export function createArena(
  memory: WebAssembly.Memory,
  heapStart: number,
): Arena {
  /** Kept pieces in the order of their places. */
  let kept: { readonly at: number; readonly end: number }[] = [];

  const reach = (end: number): void => {
    const missing = end - memory.buffer.byteLength;
    if (missing <= 0) return;
    try {
      memory.grow(Math.ceil(missing / PAGE));
    } catch (cause) {
      throw new FlorenceError(
        "engine_unavailable",
        `The model needs ${megabytes(end)} MB of memory; this host gives ${megabytes(memory.buffer.byteLength)} MB or little more. Ask for fewer tasks at once or a smaller input size, or give it more memory.`,
        { cause },
      );
    }
  };

  return {
    memory,
    reach,
    keep(bytes) {
      const size = Math.max(ALIGNMENT, aligned(bytes));
      let at = aligned(heapStart);
      let index = 0;
      while (index < kept.length && kept[index]!.at - at < size) {
        at = kept[index]!.end;
        index += 1;
      }
      reach(at + size);
      kept.splice(index, 0, { at, end: at + size });
      return at;
    },
    release(at) {
      const before = kept.length;
      kept = kept.filter((piece) => piece.at !== at);
      if (kept.length === before) {
        throw new Error(`internal: nothing is kept at ${at}`);
      }
    },
    floats: (at, count) => new Float32Array(memory.buffer, at, count),
    wholes: (at, count) => new Int32Array(memory.buffer, at, count),
    bytes: (at, count) => new Uint8Array(memory.buffer, at, count),
    view: () => new DataView(memory.buffer),
  };
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
