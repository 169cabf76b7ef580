// The layout of transformers.js, out and in: that library loads what is
// written, our model wall runs it as it is, and all give the same answers.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  env,
  Florence2ForConditionalGeneration,
  Tensor,
} from "@huggingface/transformers";
import { convertCheckpoint, inspectBundle } from "../../src/convert/index.ts";
import { encodeModel } from "../../src/convert/onnx/encode-model.ts";
import { GraphBuilder } from "../../src/convert/onnx/graph.ts";
import { createNodeSessions } from "../../src/node/onnxruntime-session.ts";
import { openBundle } from "../../src/node/open-bundle.ts";
import { generate } from "../../src/shared/generate/generate.ts";
import type { RgbImage } from "../../src/shared/image/rgb-image.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import { preprocess } from "../../src/shared/model/preprocess.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../golden/random-checkpoint.ts";

const PROMPTS = [
  [0, 2264, 473, 5, 2274, 6190, 116, 2],
  [0, 574, 22486, 2],
];
const NEW_TOKENS = 12;
const folder = mkdtempSync(join(tmpdir(), "florence-layout-"));
const checkpoint = join(folder, "checkpoint");
const theirs = join(folder, "theirs");
const ours = join(folder, "ours");

/** A picture with some structure, the same every time. */
const image: RgbImage = {
  width: 96,
  height: 64,
  data: Uint8Array.from(
    { length: 96 * 64 * 3 },
    (_, at) => (at * at + 31 * (at % 97)) % 256,
  ),
};

before(async () => {
  writeRandomCheckpoint(checkpoint, loadRecipe("tiny-native"));
  await convertCheckpoint(checkpoint, { out: ours, precision: "fp32" });
  await convertCheckpoint(checkpoint, {
    out: theirs,
    precision: "fp32",
    layout: "transformers-js",
  });
});

after(() => {
  rmSync(folder, { recursive: true });
});

async function answers(
  loaded: LoadedModel,
  numBeams: number,
): Promise<number[][]> {
  const [features] = await loaded.model.encode([image]);
  const state = await loaded.model.start(
    PROMPTS.map((ids) => ({ features: features!, ids })),
  );
  try {
    const results = await generate(state, [0, 1], {
      spec: loaded.manifest.generation,
      numBeams,
      maxTokens: NEW_TOKENS,
    });
    return results.map(({ ids }) => [...ids]);
  } finally {
    await state.dispose();
  }
}

test("opens such a folder as it is and answers as our own layout does", async () => {
  const own = await openBundle(ours);
  const adopted = await openBundle(theirs);
  try {
    assert.equal(adopted.manifest.layout, "transformers-js");
    for (const beams of [1, 3]) {
      assert.deepEqual(
        await answers(adopted, beams),
        await answers(own, beams),
      );
    }
  } finally {
    await own.model.dispose();
    await adopted.model.dispose();
  }
});

test("describes such a folder", async () => {
  const description = await inspectBundle(theirs);
  assert.equal(description.precision, "fp32");
  assert.equal(description.parts.length, 4);
  assert.ok(description.weightBytes > 30e6);
});

test("transformers.js loads it and gives our ids", async () => {
  const own = await openBundle(ours);
  env.allowRemoteModels = false;
  env.localModelPath = "/";
  const model = await Florence2ForConditionalGeneration.from_pretrained(
    theirs,
    {
      dtype: "fp32",
      device: "cpu",
      local_files_only: true,
    },
  );
  try {
    const { input } = own.manifest.vision as {
      input: Parameters<typeof preprocess>[1];
    };
    const pixels = preprocess([image], input, input.size);
    const expected = await answers(own, 1);
    for (const [index, prompt] of PROMPTS.entries()) {
      const ids = BigInt64Array.from(prompt, BigInt);
      const ones = new BigInt64Array(prompt.length).fill(1n);
      const output = (await model.generate({
        pixel_values: new Tensor("float32", pixels, [
          1,
          3,
          input.size,
          input.size,
        ]),
        input_ids: new Tensor("int64", ids, [1, prompt.length]),
        attention_mask: new Tensor("int64", ones, [1, prompt.length]),
        // Search settings come from the written generation_config.json, but it
        // has no beams in that library.
        num_beams: 1,
        max_new_tokens: NEW_TOKENS,
      })) as Tensor;
      const [start, ...answer] = Array.from(
        output.data as BigInt64Array,
        Number,
      );
      assert.equal(start, 2);
      assert.deepEqual(answer, expected[index]);
    }
  } finally {
    await model.dispose();
    await own.model.dispose();
  }
});

test("feeds and reads graphs whose tensors are float16", async () => {
  const graph = new GraphBuilder("half");
  const x = graph.input("x", "float16", [2]);
  graph.output("y", graph.node("Add", [x, x]), "float16", [2]);
  const file = join(folder, "half.onnx");
  writeFileSync(file, encodeModel(graph.finish(), new Map()));
  const sessions = createNodeSessions({ threads: 1 });
  for (const source of [file, new Uint8Array(readFileSync(file))]) {
    const session = await sessions.open({ graph: source, weights: {} });
    const data = Float32Array.of(1.5, -2);
    const { y } = await session.run({
      x: { type: "float32", dims: [2], data },
    });
    assert.deepEqual([...((await y!.read()).data as Float32Array)], [3, -4]);
    await session.dispose();
  }
});
