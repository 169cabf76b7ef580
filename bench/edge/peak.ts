// The most that one core of this processor can do in WebAssembly: vector
// instructions on registers alone, twelve sums at a time, nothing read.

import binaryen from "binaryen";
import process from "node:process";

/** Products and sums of one instruction on 128 bits. */
const OPERATIONS = {
  /** Sixteen byte products, added up to four sums: VNNI's. */
  dot: 32,
  /** Sixteen byte products, added up to eight sums of 16 bits. */
  pair: 32,
  /** Four products and sums of f32. */
  f32: 8,
} as const;

type Instruction = keyof typeof OPERATIONS;

const SUMS = 12;
/** A tenth of a second and more: some systems tell time in steps of 4 ms. */
const REPEATS = 30_000_000;
const ROUNDS = 9;

/**
 * Operations per second (GOP/s), processor time of this process, the best of
 * some rounds.
 */
export async function measurePeak(instruction: Instruction): Promise<number> {
  const module = new WebAssembly.Module(probe(instruction));
  const { exports } = await WebAssembly.instantiate(module);
  const run = exports["run"] as (repeats: number, seed: number) => number;
  let best = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    run(REPEATS, round);
    const { user } = process.cpuUsage(before);
    const operations = REPEATS * SUMS * OPERATIONS[instruction];
    best = Math.max(best, operations / user / 1e3);
  }
  return best;
}

/** A loop that repeats the instruction; its result keeps every sum alive. */
function probe(instruction: Instruction): Uint8Array<ArrayBuffer> {
  const sums = Array.from({ length: SUMS }, (_, at) => `$sum${at}`);
  const step = (sum: string): string => {
    const terms = `(local.get $a) (local.get $b)`;
    const value = {
      dot: `(i32x4.relaxed_dot_i8x16_i7x16_add_s ${terms} (local.get ${sum}))`,
      // The sum is the operand: the next one waits for it.
      pair: `(i16x8.relaxed_dot_i8x16_i7x16_s (local.get ${sum}) (local.get $b))`,
      f32: `(f32x4.relaxed_madd ${terms} (local.get ${sum}))`,
    }[instruction];
    return `(local.set ${sum} ${value})`;
  };
  const all = sums.reduce(
    (value, sum) => `(v128.xor ${value} (local.get ${sum}))`,
    "(local.get $a)",
  );
  const parsed = binaryen.parseText(`(module
    (func (export "run") (param $repeats i32) (param $seed i32) (result i32)
      (local $a v128) (local $b v128)
      ${sums.map((sum) => `(local ${sum} v128)`).join(" ")}
      (local.set $a (i8x16.splat (local.get $seed)))
      (local.set $b (i8x16.splat (i32.and (local.get $seed) (i32.const 63))))
      (loop $again
        ${sums.map(step).join("\n")}
        (local.set $repeats (i32.sub (local.get $repeats) (i32.const 1)))
        (br_if $again (local.get $repeats)))
      (i32x4.extract_lane 0 ${all})))`);
  parsed.setFeatures(binaryen.Features.All);
  const bytes = Uint8Array.from(parsed.emitBinary());
  parsed.dispose();
  return bytes;
}
