import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { describe, test } from "node:test";
import { bundleFolder } from "../../../../src/node/bundle-folder.ts";
import { answerPrompts } from "../../../../src/shared/analyze/answer-prompts.ts";
import { isFlorenceError } from "../../../../src/shared/errors.ts";
import type { RgbImage } from "../../../../src/shared/image/rgb-image.ts";
import type { BundleSource } from "../../../../src/shared/model/bundle-source.ts";
import {
  openEdgeModel,
  readEdgePlan,
} from "../../../../src/shared/model/edge/edge-model.ts";
import { openKernels } from "../../../../src/shared/model/edge/kernels.ts";
import {
  peakBytes,
  planMemory,
} from "../../../../src/shared/model/edge/memory-plan.ts";
import { findWeights } from "../../../../src/shared/model/edge/weights.ts";
import type { Model } from "../../../../src/shared/model/model.ts";
import {
  readManifest,
  readTokenizer,
} from "../../../../src/shared/model/open-model.ts";
import { readGolden, readGoldenPhotos } from "../../../golden/golden-bundle.ts";
import {
  measureExactness,
  stableMismatches,
} from "../../../golden/measure-exactness.ts";
import { readModules } from "../../../kernels/arena.ts";
import { edgeBundle, openGolden } from "./open-golden.ts";

const RECIPE = "tiny-native";
const PAGE = 65_536;
const TOKENS = 40;

/** A small picture whose pixels differ. */
const PICTURE: RgbImage = {
  width: 30,
  height: 20,
  data: Uint8Array.from({ length: 1800 }, (_, at) => (at * 37) % 256),
};

test("answers as the reference does, in f32", async () => {
  const golden = readGolden(RECIPE);
  const loaded = await openGolden(RECIPE, "f32");
  const stable = golden.answers.filter(({ stable }) => stable);
  // Every eighth: the whole golden takes minutes here.
  const answers = stable.filter((_, index) => index % 8 === 0);
  const some = { ...golden, answers, batches: golden.batches.slice(0, 1) };
  const photos = await readGoldenPhotos(golden, "png");
  const result = await measureExactness(loaded, some, photos);
  for (const { photo, tensor, difference, tolerance } of result.differences) {
    ok(difference <= tolerance, `${tensor} of ${photo}: ${difference}`);
  }
  deepEqual(stableMismatches(result), []);
  equal(result.batches.same, 1);
});

test("gives the same features on every variant, to f32's rounding", async () => {
  const best = await openGolden(RECIPE, "f32");
  const plain = await openGolden(RECIPE, "f32", { variant: "plain" });
  const [a] = await best.model.encode([PICTURE]);
  const [b] = await plain.model.encode([PICTURE]);
  for (const [at, value] of a!.data.entries()) {
    ok(Math.abs(value - b!.data[at]!) < 1e-3 * (1 + Math.abs(value)));
  }
});

test("answers two requests at once as one after the other", async () => {
  const { model } = await openGolden(RECIPE, "int8");
  const turned = { ...PICTURE, width: 20, height: 30 };
  const [[a], [b]] = await Promise.all([
    model.encode([PICTURE]),
    model.encode([turned]),
  ]);
  const [alone] = await model.encode([turned]);
  deepEqual(b!.data, alone!.data);
  ok(a!.data.some((value, at) => value !== b!.data[at]));
});

test("lets others have a turn between blocks", async () => {
  let turns = 0;
  const { model } = await openGolden(RECIPE, "int8", {
    rest() {
      turns += 1;
      return Promise.resolve();
    },
  });
  await model.encode([PICTURE]);
  equal(turns, 12); // four stages: a convolution, a spatial and a channel block
});

test("a deadline in the middle of decoding leaves what is finished", async () => {
  const abort = new AbortController();
  let steps = 0;
  const loaded = await openGolden(RECIPE, "int8", {
    rest(after) {
      if (after === "step") steps += 1;
      // As a timer that runs out while others have their turn.
      if (steps === 5) abort.abort();
      return Promise.resolve();
    },
  });
  const [features] = await loaded.model.encode([PICTURE]);
  const prompt = { features: features!, ids: [0, 100, 2], labels: null };
  // The first is answered by its labels, the second would write on.
  const labels = { kind: "closed", labels: ["a", "b"] } as const;
  const told: number[] = [];
  let tokens = 0;
  const options = {
    ...{ numBeams: 1, maxTokens: 40, maxWrittenTokens: 40 },
    onToken: () => void (tokens += 1),
    onAnswer: (index: number) => void told.push(index),
    onError: () => {
      throw new Error("no batch fails by itself");
    },
  };
  const asked = [{ ...prompt, labels }, prompt];
  await rejects(
    answerPrompts(loaded, asked, { ...options, signal: abort.signal }),
    (error) => isFlorenceError(error) && error.code === "deadline_exceeded",
  );
  equal(steps, 5);
  deepEqual(told, [0]);
  ok(tokens > 0);
  // The next one is answered to its end.
  await answerPrompts(loaded, asked, options);
  deepEqual(told, [0, 0, 1]);
});

const bundle = bundleFolder(await edgeBundle(RECIPE, "int8"));
const manifest = await readManifest(bundle);
const tokenizer = await readTokenizer(manifest, bundle);
const plan = await readEdgePlan(bundle);
const modules = await readModules();

const { run } = await openKernels(
  modules,
  new WebAssembly.Memory({ initial: 1 }),
);

describe("memory", () => {
  const planned = planMemory(run, plan, findWeights(plan), [384]);
  const peak = Math.ceil(peakBytes(planned, 1, TOKENS) / PAGE) * PAGE;
  const open = (maxBytes: number): Promise<Model> => {
    const smaller = { ...manifest.vision, input_sizes: [384] };
    const vision = smaller as typeof manifest.vision;
    return openEdgeModel({ ...manifest, vision }, bundle, tokenizer, modules, {
      maxBytes,
    });
  };

  test("planned from edge.json alone is enough for an answer", async () => {
    const model = await open(peak);
    const [features] = await model.encode([PICTURE]);
    const ids = [0, 100, 200, 300, 2];
    const state = await model.start([{ features: features!, ids }]);
    for (let token = 0; token < TOKENS; token += 1) {
      const row = { prompt: 0, tokenId: 2, best: 3 };
      await state.step([{ ...row, parent: token === 0 ? -1 : 0 }]);
    }
    await state.dispose();
  });

  test("that ends while loading is an error", async () => {
    await rejects(open(planned.weightBytes / 2), (error) => {
      ok(isFlorenceError(error));
      equal(error.code, "engine_unavailable");
      match(error.message, /needs \d+ MB of memory/u);
      return true;
    });
  });

  test("that ends while answering is an error, and the next request works", async () => {
    const model = await open(peak);
    const [features] = await model.encode([PICTURE]);
    const prompt = { features: features!, ids: [0, 100, 2] };
    const many = Array.from({ length: 40 }, () => prompt);
    await rejects(
      model.start(many),
      (error) => isFlorenceError(error) && error.code === "engine_unavailable",
    );
    const state = await model.start([prompt]);
    const row = { prompt: 0, parent: -1, tokenId: 2, best: 1 };
    equal((await state.step([row])).length, 1);
    await state.dispose();
  });

  test("holds no more after many answers than after one", async () => {
    const model = await open(peak);
    const [features] = await model.encode([PICTURE]);
    for (let round = 0; round < 20; round += 1) {
      const prompt = { features: features!, ids: [0, 100, 2] };
      const state = await model.start([prompt]);
      await state.step([{ prompt: 0, parent: -1, tokenId: 2, best: 1 }]);
      await state.dispose();
    }
  });
});

describe("broken weights", () => {
  const broken = (change: (bytes: Uint8Array) => Uint8Array): BundleSource => ({
    ...bundle,
    async read(file) {
      const bytes = await bundle.read(file);
      return file === "edge-000.bin" ? change(bytes) : bytes;
    },
  });
  const changes: [string, (bytes: Uint8Array) => Uint8Array][] = [
    ["a flipped bit", (bytes) => bytes.with(1000, bytes[1000]! ^ 4)],
    ["a missing end", (bytes) => bytes.subarray(0, 5000)],
  ];
  for (const [name, change] of changes) {
    test(`${name} is refused, naming the file`, async () => {
      const options = { maxBytes: 2 ** 28 };
      const opened = openEdgeModel(
        manifest,
        broken(change),
        tokenizer,
        modules,
        options,
      );
      await rejects(opened, (error) => {
        ok(isFlorenceError(error));
        equal(error.code, "bundle_invalid");
        match(error.message, /edge-000\.bin/u);
        return true;
      });
    });
  }
});
