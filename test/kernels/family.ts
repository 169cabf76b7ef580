// What a test of a family of kernels is: one random case, checked against its
// twin. The same cases serve the short test, the long fuzz and every variant.

import { deepEqual, ok } from "node:assert/strict";
import type { Arena } from "./arena.ts";
import { random, type Random } from "./random.ts";

/** A family of kernels under test. */
export interface Family {
  readonly name: string;
  /**
   * Makes a case, runs the kernel and compares with the twin.
   *
   * @returns what the kernel wrote, to be compared between runs.
   */
  check(arena: Arena, random: Random): Float32Array<ArrayBuffer>;
}

/** How the values of a case are drawn. */
const KINDS = ["gauss", "extremes", "alternating", "outlier", "zeros"] as const;

/** Values for a case: mostly Gaussian, often the worst there is. */
export function values(
  source: Random,
  count: number,
  scale = 1,
): Float32Array<ArrayBuffer> {
  const kind = source.pick([...KINDS, "gauss", "gauss"] as const);
  switch (kind) {
    case "gauss":
      return source.gauss(count, scale);
    case "extremes":
      return new Float32Array(count).fill(source.pick([-scale, scale]));
    case "alternating":
      return Float32Array.from({ length: count }, (_, at) =>
        at % 2 === 0 ? scale : -scale,
      );
    case "outlier": {
      const all = source.gauss(count, scale);
      if (count > 0) all[source.whole(0, count - 1)] = 300 * scale;
      return all;
    }
    case "zeros":
      return new Float32Array(count);
    default:
      return kind satisfies never;
  }
}

/**
 * Runs `cases` of a family, each twice: answers must be within the twin's
 * bounds, the same to the bit both times, and nothing else be written.
 */
export function runCases(
  family: Family,
  arena: Arena,
  cases: number,
  seed = 1,
): void {
  for (let at = 0; at < cases; at += 1) {
    const [first, second] = [0, 1].map(() => {
      arena.reset();
      const result = family.check(arena, random(seed * 1_000_003 + at));
      ok(
        arena.trespass() === -1,
        `${family.name}, case ${at}: wrote past the end, at ${arena.trespass()}`,
      );
      return result;
    });
    deepEqual(second, first, `${family.name}, case ${at}: not repeatable`);
  }
}

/**
 * Holds each value to `want` within `bound`, which may be one for all.
 *
 * @throws AssertionError with the first value that is off.
 */
export function near(
  got: Float32Array,
  want: ArrayLike<number>,
  bound: number | ArrayLike<number>,
  what: string,
): void {
  ok(got.length === want.length, `${what}: ${got.length} values`);
  for (let at = 0; at < got.length; at += 1) {
    const most = typeof bound === "number" ? bound : bound[at]!;
    const off = Math.abs(got[at]! - want[at]!);
    if (!(off <= most)) {
      throw new Error(
        `${what}: value ${at} is ${got[at]}, the twin's ${want[at]}, off by ${off} where ${most} is allowed`,
      );
    }
  }
}
