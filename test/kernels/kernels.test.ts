import { deepEqual, equal, rejects } from "node:assert/strict";
import { describe, test } from "node:test";
import {
  openKernels,
  type KernelVariant,
} from "../../src/shared/model/edge/kernels.ts";
import { isFlorenceError } from "../../src/shared/errors.ts";
import { openArena, readModules } from "./arena.ts";
import { FAMILIES } from "./families.ts";
import { runCases } from "./family.ts";

/** Of each family and variant; `npm run test:kernels` runs 10,000. */
const CASES = 25;

/** The variants that are right on this machine, best first. */
async function variantsHere(): Promise<KernelVariant[]> {
  const best = (await openArena()).kernels.variant;
  return best === "dot" ? ["dot", "pair", "plain"] : [best, "plain"];
}

for (const variant of new Set(await variantsHere())) {
  describe(`${variant} kernels agree with their twins`, async () => {
    const arena = await openArena(variant);
    for (const family of FAMILIES) {
      test(family.name, () => {
        runCases(family, arena, CASES);
      });
    }
  });
}

const SIZE = new WebAssembly.Memory({ initial: 1 });
/** A module that validates nowhere: relaxed SIMD on a runtime without it. */
const REFUSED = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 99);

describe("opening kernels", () => {
  test("takes the next variant where one is refused", async () => {
    const modules = await readModules();
    const opened = await openKernels(
      { ...modules, dot: REFUSED, pair: REFUSED },
      SIZE,
    );
    equal(opened.variant, "plain");
  });

  test("says so where none is taken", async () => {
    const none = { dot: REFUSED, pair: REFUSED, plain: REFUSED };
    await rejects(openKernels(none, SIZE), (error) => {
      return isFlorenceError(error) && error.code === "engine_unavailable";
    });
  });

  test("keeps nothing in the memory", async () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    await openKernels(await readModules(), memory);
    deepEqual(
      new Uint8Array(memory.buffer).findIndex((byte) => byte !== 0),
      -1,
    );
  });
});
