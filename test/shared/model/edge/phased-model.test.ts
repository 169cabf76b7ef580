import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { test } from "node:test";
import { isFlorenceError } from "../../../../src/shared/errors.ts";
import type { RgbImage } from "../../../../src/shared/image/rgb-image.ts";
import { readEdgePlan } from "../../../../src/shared/model/edge/edge-model.ts";
import { phasedPeakBytes } from "../../../../src/shared/model/edge/phases.ts";
import type { Model } from "../../../../src/shared/model/model.ts";
import { openGolden } from "./open-golden.ts";
import { openJoined, openPhased, streamedBundle } from "./open-split.ts";

const RECIPE = "tiny-native";
const PAGE = 65_536;

/** A small picture whose pixels differ. */
const PICTURE: RgbImage = {
  width: 30,
  height: 20,
  data: Uint8Array.from({ length: 1800 }, (_, at) => (at * 37) % 256),
};

/** Greedy ids of two prompts answered at once. */
async function answer(model: Model): Promise<readonly number[]> {
  const [features] = await model.encode([PICTURE]);
  const prompts = [
    [0, 100, 200, 2],
    [0, 300, 2],
  ];
  const state = await model.start(
    prompts.map((ids) => ({ features: features!, ids })),
  );
  const told: number[] = [];
  let last = [2, 2];
  for (let token = 0; token < 12; token += 1) {
    const rows = last.map((tokenId, prompt) => ({
      ...{ prompt, tokenId, best: 1 },
      parent: token === 0 ? -1 : prompt,
    }));
    const results = await state.step(rows);
    last = results.map(({ best }) => best[0]!.id);
    told.push(...last);
  }
  await state.dispose();
  return told;
}

const whole = await openGolden(RECIPE, "int8");
const expected = await answer(whole.model);

test("answers as the whole model does, again and again", async () => {
  const { model } = await openPhased(await streamedBundle(RECIPE, "int8"));
  deepEqual(await answer(model), expected);
  deepEqual(await answer(model), expected);
});

test("answers two requests at once as one after the other", async () => {
  const { model } = await openPhased(await streamedBundle(RECIPE, "int8"));
  const [a, b] = await Promise.all([answer(model), answer(model)]);
  deepEqual([a, b], [expected, expected]);
});

test("takes no more memory than its plan says, and less than its weights", async () => {
  const bundle = await streamedBundle(RECIPE, "f32");
  const plan = await readEdgePlan(bundle);
  const smaller = async (): ReturnType<typeof openPhased> => {
    const { phased } = await openPhased(bundle);
    const peak = phasedPeakBytes(phased.plan, 2);
    return await openPhased(bundle, {
      maxBytes: Math.ceil(peak / PAGE) * PAGE,
    });
  };
  const { model, phased } = await smaller();
  await answer(model);
  ok(phased.memoryBytes() <= phasedPeakBytes(phased.plan, 2) + PAGE);
  // Each weight is read once for one picture.
  const all = plan.weights.reduce((sum, { bytes }) => sum + bytes, 0);
  equal(phased.bytesRead(), all);
});

test("names a damaged file, and answers once it is whole", async () => {
  let isDamaged = true;
  const bundle = await streamedBundle(RECIPE, "int8", (file, bytes) => {
    if (!isDamaged || file !== "edge-007.bin") return bytes;
    const damaged = bytes.slice();
    damaged[damaged.length >> 1]! ^= 1;
    return damaged;
  });
  const { model } = await openPhased(bundle);
  await rejects(answer(model), (error) => {
    ok(isFlorenceError(error));
    equal(error.code, "bundle_invalid");
    match(error.message, /^edge-007\.bin of the bundle is not the file/u);
    return true;
  });
  isDamaged = false;
  deepEqual(await answer(model), expected);
});

test("names a file that is cut off or too long", async () => {
  for (const change of [
    (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 16),
    (bytes: Uint8Array) => new Uint8Array([...bytes, 0]),
  ]) {
    const bundle = await streamedBundle(RECIPE, "int8", (file, bytes) =>
      file === "edge-002.bin" ? change(bytes) : bytes,
    );
    const { model } = await openPhased(bundle);
    await rejects(
      answer(model),
      /edge-002\.bin of the bundle is not the file/u,
    );
  }
});

test("ends in the middle of vision when it is told to, and answers the next", async () => {
  const abort = new AbortController();
  let turns = 0;
  const { model } = await openPhased(await streamedBundle(RECIPE, "int8"), {
    rest() {
      turns += 1;
      if (turns === 5) abort.abort();
      return Promise.resolve();
    },
  });
  await rejects(
    model.encode([PICTURE], { signal: abort.signal }),
    (error) => isFlorenceError(error) && error.code === "deadline_exceeded",
  );
  equal(turns, 5);
  deepEqual(await answer(model), expected);
});

test("says how much memory it needs where there is too little", async () => {
  await rejects(
    openPhased(await streamedBundle(RECIPE, "int8"), { maxBytes: 4_000_000 }),
    (error) => {
      ok(isFlorenceError(error));
      equal(error.code, "engine_unavailable");
      match(error.message, /needs \d+ MB of memory even phase by phase/u);
      return true;
    },
  );
});

test("answers as the whole model does when it is joined of parts", async () => {
  const { model } = await openJoined(await streamedBundle(RECIPE, "int8"));
  deepEqual(await answer(model), expected);
});

test("names a part that holds another bundle", async () => {
  const { model } = await openJoined(
    await streamedBundle(RECIPE, "int8"),
    (part) =>
      part.name === "VISION_2"
        ? {
            ...part,
            about: async () => ({
              ...(await part.about()),
              revision: "another",
            }),
          }
        : part,
  );
  await rejects(
    answer(model),
    /behind VISION_2 holds another bundle \(another, wanted a revision\)/u,
  );
});

test("asks a part that dies once more, and names it if that is in vain", async () => {
  let failures = 1;
  const { model } = await openJoined(
    await streamedBundle(RECIPE, "int8"),
    (part) =>
      part.name === "ENCODER"
        ? {
            ...part,
            encode: async (rows) => {
              failures -= 1;
              if (failures >= 0) throw new Error("isolate exceeded memory");
              return await part.encode(rows);
            },
          }
        : part,
  );
  deepEqual(await answer(model), expected);
  failures = 2;
  await rejects(answer(model), (error) => {
    ok(isFlorenceError(error));
    equal(error.code, "engine_unavailable");
    match(error.message, /behind ENCODER is gone \(isolate exceeded memory\)/u);
    return true;
  });
});

test("names the decoder if it dies with an answer begun", async () => {
  const { model } = await openJoined(
    await streamedBundle(RECIPE, "int8"),
    (part) => ({
      ...part,
      begin: async (prompts) => ({
        ...(await part.begin(prompts)),
        step: () => Promise.reject(new Error("network connection lost")),
      }),
    }),
  );
  await rejects(answer(model), /behind DECODER is gone/u);
});

test("refuses parts that make no whole model", async () => {
  const { model } = await openJoined(
    await streamedBundle(RECIPE, "int8"),
    (part) =>
      part.name === "VISION_1"
        ? {
            ...part,
            about: async () => ({
              ...(await part.about()),
              segments: ["vision.0"],
            }),
          }
        : part,
  );
  await rejects(
    answer(model),
    /do not make a whole model: vision\.0\.0\.spatial/u,
  );
});
