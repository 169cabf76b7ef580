// One memory for a test: arrays are put one after another, results read back.

import { readFile } from "node:fs/promises";
import {
  openKernels,
  type KernelModules,
  type Kernels,
  type KernelVariant,
} from "../../src/shared/model/edge/kernels.ts";

const BUILT = new URL("../../src/kernels/built/", import.meta.url);
const PAGE = 65_536;
const UNTOUCHED = 0xa5;

/** The committed modules: for memory of one thread, or for shared memory. */
export async function readModules(shared = false): Promise<KernelModules> {
  const folder = shared ? new URL("shared/", BUILT) : BUILT;
  const [dot, pair, plain] = await Promise.all(
    ["dot", "pair", "plain"].map((name) =>
      readFile(new URL(`${name}.wasm`, folder)),
    ),
  );
  return { dot: dot!, pair: pair!, plain: plain! };
}

/** Kernels and a memory of which a test takes pieces. */
export interface Arena {
  readonly kernels: Kernels;
  /** Room for `bytes`, aligned to 16, filled with 0xA5. */
  take(bytes: number): number;
  /** Copies an array in; gives back where. */
  put(array: ArrayBufferView): number;
  /** The `count` f32 at `at`, copied out. */
  floats(at: number, count: number): Float32Array<ArrayBuffer>;
  /** The `count` bytes at `at`, copied out. */
  bytes(at: number, count: number): Uint8Array<ArrayBuffer>;
  /** The `count` i32 at `at`, copied out. */
  wholes(at: number, count: number): Int32Array<ArrayBuffer>;
  /** Forgets all that was taken. */
  reset(): void;
  /** The first place past a piece that was written to; -1 if none was. */
  trespass(): number;
}

/** An arena of at most `pages` of 64 KiB over one variant. */
export async function openArena(
  variant?: KernelVariant,
  pages = 2048,
  shared = false,
): Promise<Arena> {
  const size = { initial: 16, maximum: pages };
  const memory = new WebAssembly.Memory({ ...size, shared });
  const kernels = await openKernels(await readModules(shared), memory, variant);
  const start = 1024;
  let next = start;
  let ends: number[] = [];
  const take = (bytes: number): number => {
    const at = next;
    ends.push(at + bytes);
    next = Math.ceil((at + bytes) / 16) * 16 + 16;
    const missing = next - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    new Uint8Array(memory.buffer, at, next - at).fill(UNTOUCHED);
    return at;
  };
  return {
    kernels,
    take,
    put(array) {
      const at = take(array.byteLength);
      new Uint8Array(memory.buffer).set(
        new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
        at,
      );
      return at;
    },
    floats: (at, count) => new Float32Array(memory.buffer, at, count).slice(),
    bytes: (at, count) => new Uint8Array(memory.buffer, at, count).slice(),
    wholes: (at, count) => new Int32Array(memory.buffer, at, count).slice(),
    reset() {
      next = start;
      ends = [];
    },
    trespass() {
      const all = new Uint8Array(memory.buffer);
      for (const end of ends) {
        for (let at = end; at < Math.ceil(end / 16) * 16 + 16; at += 1) {
          if (all[at] !== UNTOUCHED) return at;
        }
      }
      return -1;
    },
  };
}
