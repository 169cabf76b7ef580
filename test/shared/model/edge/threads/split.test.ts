// How work is cut: by its worth, evenly, and not into crumbs.

import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import type { KernelExports } from "../../../../../src/shared/model/edge/kernels.ts";
import {
  createSplit,
  type Whole,
} from "../../../../../src/shared/model/edge/threads/split.ts";

const MUCH = 10 ** 9;

/** Sizes of the parts that a team of threads is given. */
function partsOf(whole: Whole, threads = 2): number[] {
  const sizes: number[] = [];
  const split = createSplit({} as KernelExports, {
    threads,
    share(_, pieces, write) {
      for (let piece = 0; piece < pieces; piece += 1) write(piece, {} as never);
    },
  });
  split.over(whole, (_, __, count) => {
    sizes.push(count);
  });
  return sizes;
}

test("little work is not cut, some is cut once for each thread", () => {
  deepEqual(partsOf({ total: 96, unit: 6, work: 700_000 }), [96]);
  deepEqual(partsOf({ total: 96, unit: 6, work: 900_000 }), [48, 48]);
  deepEqual(partsOf({ total: 96, unit: 6, work: 900_000 }, 3), [48, 48]);
});

test("much work has parts of one size where whole blocks allow it", () => {
  const rows = { unit: 6, block: 48, work: MUCH };
  deepEqual(partsOf({ ...rows, total: 1152 }), Array(24).fill(48));
  deepEqual(partsOf({ ...rows, total: 2304 }), Array(24).fill(96));
  // Six blocks are too few to end at one time, three no even share for two.
  deepEqual(partsOf({ ...rows, total: 288 }), Array(24).fill(12));
  deepEqual(partsOf({ ...rows, total: 144 }), Array(24).fill(6));
});

test("the last part takes what is left over", () => {
  const parts = partsOf({ total: 153, unit: 6, least: 36, work: MUCH });
  deepEqual(parts, [36, 36, 36, 45]);
});

test("parts that do something again are one for each thread", () => {
  deepEqual(partsOf({ total: 96, unit: 6, each: 1, work: MUCH }), [48, 48]);
});
