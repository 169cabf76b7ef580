// Kernels cut into parts give what they give whole, to the bit: all families of
// kernels, with random shapes and the worst values.

import { deepEqual, ok } from "node:assert/strict";
import { describe, test } from "node:test";
import { splitKernels } from "../../../../../src/shared/model/edge/threads/split-kernels.ts";
import { openArena, type Arena } from "../../../../kernels/arena.ts";
import { FAMILIES } from "../../../../kernels/families.ts";
import { random } from "../../../../kernels/random.ts";
import { inlineTeam } from "./inline-team.ts";

const CASES = 12;
const SEED = 77_003;

for (const threads of [2, 3]) {
  describe(`kernels cut for ${threads} threads`, async () => {
    const whole = await openArena();
    const { run } = whole.kernels;
    const team = inlineTeam(run, threads);
    // 1: whatever can be cut is cut.
    const cut: Arena = {
      ...whole,
      kernels: { ...whole.kernels, run: splitKernels(run, team, 1) },
    };
    for (const family of FAMILIES) {
      test(family.name, () => {
        for (let at = 0; at < CASES; at += 1) {
          whole.reset();
          const expected = family.check(whole, random(SEED + at));
          cut.reset();
          const got = family.check(cut, random(SEED + at));
          ok(cut.trespass() === -1, `case ${at} wrote past the end`);
          deepEqual(got, expected, `case ${at}`);
        }
      });
    }
    test("cuts much of it", () => {
      ok(team.jobs() > CASES * 10, `${team.jobs()} jobs`);
    });
  });
}
