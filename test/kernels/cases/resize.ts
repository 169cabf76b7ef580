// The passes of resizing, with weights of any sign: sums are clamped to bytes.

import { deepEqual } from "node:assert/strict";
import type { Arena } from "../arena.ts";
import type { Family } from "../family.ts";
import type { Random } from "../random.ts";

const PRECISION_BITS = 22;
const HALF = 2 ** 21;
const LOW_BITS = 12;
const LOW_MASK = 4095;

/** Taps of each output. */
interface Taps {
  readonly first: Int32Array;
  readonly pairs: number;
  /** `[outputs, 2 pairs]`. */
  readonly weights: Int32Array;
}

function randomTaps(random: Random, outputs: number, inputs: number): Taps {
  const pairs = random.whole(1, Math.floor(inputs / 2));
  const most = Math.floor(2 ** PRECISION_BITS / pairs);
  const first = Int32Array.from({ length: outputs }, () =>
    random.whole(0, inputs - 2 * pairs),
  );
  const weights = Int32Array.from({ length: outputs * 2 * pairs }, () =>
    random.whole(-most, most),
  );
  return { first, pairs, weights };
}

function putTable(arena: Arena, { weights }: Taps): number {
  const table = new Int32Array(weights.length);
  for (let at = 0; at < weights.length; at += 2) {
    const [a, b] = [weights[at]!, weights[at + 1]!];
    table[at] = ((a >> LOW_BITS) & 0xffff) | ((b >> LOW_BITS) << 16);
    table[at + 1] = (a & LOW_MASK) | ((b & LOW_MASK) << 16);
  }
  return arena.put(table);
}

/** The sum of an output, given what each tap sees. */
function sumOf(
  { pairs, weights }: Taps,
  output: number,
  seen: (tap: number) => number,
): number {
  let sum = HALF;
  for (let tap = 0; tap < 2 * pairs; tap += 1) {
    sum += weights[output * 2 * pairs + tap]! * seen(tap);
  }
  return Math.max(0, Math.min(255, sum >> PRECISION_BITS));
}

export const RESIZING: Family = {
  name: "resizing",
  check(arena, random) {
    const { run } = arena.kernels;
    const width = random.whole(2, 40);
    const height = random.whole(2, 12);
    const line = width * 3;
    const data = Uint8Array.from({ length: height * line }, () =>
      random.pick([0, 255, random.whole(0, 255)]),
    );
    // Room for what is read past the last taps, and written past the last pixel.
    const x = arena.put(Uint8Array.from([...data, ...new Uint8Array(16)]));

    const wide = random.whole(1, 20);
    const along = randomTaps(random, wide, width);
    const rows = arena.take(height * wide * 3 + 1);
    const alongTable = putTable(arena, along);
    run.resizeRows(
      ...([x, line, height, wide, arena.put(along.first)] as const),
      ...([along.pairs, alongTable, rows] as const),
    );
    const wantRows = Uint8Array.from({ length: height * wide * 3 }, (_, at) => {
      const [row, rest] = [Math.floor(at / (wide * 3)), at % (wide * 3)];
      const output = Math.floor(rest / 3);
      const from = row * line + along.first[output]! * 3 + (rest % 3);
      return sumOf(along, output, (tap) => data[from + 3 * tap]!);
    });
    deepEqual(arena.bytes(rows, height * wide * 3), wantRows);

    const high = random.whole(1, 9);
    const down = randomTaps(random, high, height);
    const columns = arena.take(high * line + 7);
    const downTable = putTable(arena, down);
    run.resizeColumns(
      ...([x, line, high, arena.put(down.first)] as const),
      ...([down.pairs, downTable, columns] as const),
    );
    const want = Uint8Array.from({ length: high * line }, (_, at) => {
      const [output, place] = [Math.floor(at / line), at % line];
      const from = down.first[output]! * line + place;
      return sumOf(down, output, (tap) => data[from + line * tap]!);
    });
    deepEqual(arena.bytes(columns, high * line), want);
    return Float32Array.from(want);
  },
};
