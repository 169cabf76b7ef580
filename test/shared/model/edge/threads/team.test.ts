// Teams of real threads: the same results as on one thread, to the bit.

import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { LoadedModel } from "../../../../../src/shared/model/open-model.ts";
import type { RgbImage } from "../../../../../src/shared/image/rgb-image.ts";
import { splitKernels } from "../../../../../src/shared/model/edge/threads/split-kernels.ts";
import {
  openTeam,
  type OpenTeam,
} from "../../../../../src/shared/model/edge/threads/team.ts";
import {
  type Arena,
  openArena,
  readModules,
} from "../../../../kernels/arena.ts";
import { FAMILIES } from "../../../../kernels/families.ts";
import { random } from "../../../../kernels/random.ts";
import { openGolden } from "../open-golden.ts";
import { nodeThreads } from "./node-threads.ts";

const THREADS = 3;
const SEED = 4711;
const CASES = 6;

/** A small picture whose pixels differ. */
const PICTURE: RgbImage = {
  width: 30,
  height: 20,
  data: Uint8Array.from({ length: 1800 }, (_, at) => (at * 37) % 256),
};

describe("a team of threads", () => {
  const threads = nodeThreads(THREADS);
  let shared: Arena;
  let alone: Arena;
  let team: OpenTeam;
  before(async () => {
    shared = await openArena(undefined, 2048, true);
    alone = await openArena();
    const { memory, run, variant } = shared.kernels;
    team = await openTeam(
      threads,
      (await readModules(true))[variant],
      memory,
      run,
    );
  });
  after(async () => {
    team.close();
    await threads.ended();
  });

  test("does every kernel's work as one thread does, to the bit", () => {
    const run = splitKernels(shared.kernels.run, team, 1);
    const many: Arena = { ...shared, kernels: { ...shared.kernels, run } };
    for (const family of FAMILIES) {
      for (let at = 0; at < CASES; at += 1) {
        alone.reset();
        const expected = family.check(alone, random(SEED + at));
        many.reset();
        const got = family.check(many, random(SEED + at));
        deepEqual(got, expected, `${family.name}, case ${at}`);
      }
    }
  });

  test("does each piece once, however many jobs there are", () => {
    shared.reset();
    const pieces = 600; // more than one job holds
    const places = shared.take(pieces * 64);
    const ones = shared.put(new Float32Array(16).fill(1));
    new Float32Array(shared.kernels.memory.buffer, places, pieces * 16).fill(0);
    for (let round = 0; round < 20; round += 1) {
      team.share({ at: 0, each: 0 }, pieces, (piece, calls) => {
        calls.addInto(places + piece * 64, ones, 16);
      });
    }
    const sums = shared.floats(places, pieces * 16);
    deepEqual(new Set(sums), new Set([20]));
  });

  test("says that a call failed, and works on", () => {
    const outside = 2 ** 31;
    throws(() => {
      team.share({ at: 0, each: 0 }, 4, (_, calls) => {
        calls.relu(outside, 16);
      });
    }, /a kernel failed/u);
    shared.reset();
    const at = shared.put(new Float32Array(16).fill(-1));
    team.share({ at: 0, each: 0 }, 1, (_, calls) => {
      calls.relu(at, 16);
    });
    deepEqual(shared.floats(at, 16), new Float32Array(16));
  });
});

test("a team whose thread does not start is an error", async () => {
  const { memory, run } = (await openArena(undefined, 64, true)).kernels;
  // No module of WebAssembly.
  const refused = openTeam(nodeThreads(2), new Uint8Array(8), memory, run);
  await rejects(refused, /WebAssembly/u);
});

for (const storage of ["f32", "int8", "int4"] as const) {
  test(`a model with ${storage} weights gives on ${THREADS} threads what it gives on one`, async () => {
    const threads = nodeThreads(THREADS);
    const one = await openGolden("tiny-native", storage);
    const many = await openGolden("tiny-native", storage, { threads });
    const [expected, got] = [await answer(one), await answer(many)];
    deepEqual(got, expected);
    await one.model.dispose();
    await many.model.dispose();
    await threads.ended();
    equal(many.model.capabilities.device, one.model.capabilities.device);
  });
}

/** Features, and some steps of two prompts. */
async function answer({ model }: LoadedModel): Promise<unknown> {
  const [features] = await model.encode([PICTURE], { inputSize: 384 });
  const told: unknown[] = [features!.data];
  const state = await model.start([
    { features: features!, ids: [0, 100, 200, 300, 2] },
    { features: features!, ids: [0, 2264, 473, 2] },
  ]);
  for (const tokenId of [2, 0, 900]) {
    const rows = [0, 1].map((prompt) => ({
      ...{ prompt, tokenId, best: 4, parent: tokenId === 2 ? -1 : prompt },
    }));
    told.push(await state.step(rows));
  }
  await state.dispose();
  return told;
}
