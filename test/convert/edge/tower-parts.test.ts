// Every kind of step on the kernels, against the same plan on ONNX Runtime.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { convertCheckpoint } from "../../../src/convert/index.ts";
import { bundleFolder } from "../../../src/node/bundle-folder.ts";
import { createNodeSessions } from "../../../src/node/onnxruntime-session.ts";
import { isFlorenceError } from "../../../src/shared/errors.ts";
import { readEdgePlan } from "../../../src/shared/model/edge/edge-model.ts";
import { parseManifest } from "../../../src/shared/model/manifest.ts";
import type { Session, Tensor } from "../../../src/shared/model/session.ts";
import { openTower } from "../../shared/model/edge/open-tower.ts";
import { writeSafetensors, type TestTensor } from "../write-safetensors.ts";
import { textTensors } from "../text-tensors.ts";

const folder = mkdtempSync(join(tmpdir(), "florence-edge-towers-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const SIDE = 16;
const WIDTH = 8;
const input = {
  size: SIDE,
  resize: "stretch",
  order: "rgb",
  mean: [0, 0, 0],
  std: [1, 1, 1],
};
const tensors: Record<string, TestTensor> = {};

/** Values that repeat nowhere soon, from -1 to 1. */
function noise(shape: number[], seed: number): TestTensor {
  const count = shape.reduce((product, side) => product * side, 1);
  const values = Array.from(
    { length: count },
    (_, at) => (((at + seed) * 7919) % 1009) / 504.5 - 1,
  );
  return { dtype: "F32", shape, values };
}

/** The weights of a step, of these shapes. */
function weights(step: string, shape: number[]): object {
  const name = `model.vision_tower.all.${step}`;
  tensors[`${name}.weight`] = noise(shape, step.length);
  tensors[`${name}.bias`] = noise([shape[0]!], 100 + step.length);
  return { weight: `${name}.weight`, bias: `${name}.bias` };
}

const conv = { op: "conv", groups: 1, stride: 1, padding: [1, 1, 1, 1] };
const pointwise = { ...conv, padding: [0, 0, 0, 0] };
const PLAN: readonly object[] = [
  // Alone before a convolution: one of 6 x 6 over the image.
  { op: "space_to_depth", input: "image", output: "halves" },
  { ...conv, ...weights("focus", [5, 12, 3, 3]), input: "halves", output: "focus", activation: "silu" }, // prettier-ignore
  // Read twice: a step of its own, over a map of 5 channels.
  { op: "space_to_depth", input: "focus", output: "quarters" },
  { ...pointwise, ...weights("low", [6, 20, 1, 1]), input: "quarters", output: "low", activation: "relu" }, // prettier-ignore
  { ...conv, stride: 2, padding: [0, 0, 1, 1], ...weights("down", [6, 5, 3, 3]), input: "focus", output: "down", activation: "relu6" }, // prettier-ignore
  { op: "add", inputs: ["low", "down"], output: "sum" },
  { op: "add", inputs: ["sum", "sum"], output: "twice" },
  { ...conv, groups: 6, padding: [2, 2, 2, 2], ...weights("channelwise", [6, 1, 5, 5]), input: "twice", output: "channelwise", activation: "relu6" }, // prettier-ignore
  { op: "max_pool", input: "channelwise", kernel: 3, stride: 2, padding: [0, 0, 1, 1], output: "pool" }, // prettier-ignore
  // Two centered ones: the second goes on from the first.
  { op: "max_pool", input: "channelwise", kernel: 3, stride: 1, padding: [1, 1, 1, 1], output: "near" }, // prettier-ignore
  { op: "max_pool", input: "channelwise", kernel: 7, stride: 1, padding: [3, 3, 3, 3], output: "far" }, // prettier-ignore
  { op: "add", inputs: ["near", "far"], output: "around" },
  { op: "upsample_nearest", input: "pool", scale: 2, output: "up" },
  { op: "concat", inputs: ["up", "quarters", "around"], output: "both" },
  { ...pointwise, ...weights("mixed", [7, 32, 1, 1]), input: "both", output: "mixed", activation: "sigmoid" }, // prettier-ignore
  { op: "flatten_grid", input: "mixed", output: "grid" },
  { op: "average_pool", input: "both", size: 1, output: "mean" },
  { op: "linear", ...weights("scores", [3, 32]), input: "mean", output: "scores" }, // prettier-ignore
  { op: "linear", ...weights("all", [2, 7 * 16]), input: "mixed", output: "all" }, // prettier-ignore
];
const OUTPUTS = ["scores", "all", "grid", "mixed"];

const head = (output: string): object => ({
  output,
  activation: "softmax",
  labels: ["a"],
  threshold: 0.1,
  max: 1,
});

function checkpoint(plan = PLAN): string {
  const directory = mkdtempSync(join(folder, "checkpoint-"));
  const tower = {
    name: "all",
    kind: "classifier",
    input,
    plan,
    outputs: {
      features: "mixed",
      ...Object.fromEntries(OUTPUTS.map((name) => [name, name])),
    },
    heads: OUTPUTS.map(head),
  };
  const config = {
    model_type: "florence2",
    vision_config: {
      model_type: "hint_towers",
      image_tokens: 16,
      towers: [tower],
    },
    text_config: { encoder_attention_heads: 2, decoder_attention_heads: 2 },
  };
  const projector = "model.multi_modal_projector";
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  writeFileSync(join(directory, "tokenizer.json"), "{}");
  writeSafetensors(join(directory, "model.safetensors"), {
    ...tensors,
    [`${projector}.image_projection.weight`]: noise([WIDTH, 7], 3),
    [`${projector}.image_proj_norm.weight`]: noise([WIDTH], 4),
    [`${projector}.image_proj_norm.bias`]: noise([WIDTH], 5),
    ...textTensors(WIDTH),
  });
  return directory;
}

/** Two pictures, one after the other. */
const IMAGE: Tensor = {
  type: "float32",
  dims: [2, 3, SIDE, SIDE],
  data: Float32Array.from(
    { length: 2 * 3 * SIDE * SIDE },
    (_, at) => ((at * 37) % 101) / 50 - 1,
  ),
};

async function openReference(directory: string): Promise<Session> {
  const out = join(folder, "reference");
  await convertCheckpoint(directory, { out, precision: "fp32" });
  const text = readFileSync(join(out, "manifest.json"), "utf8");
  const { graphs } = parseManifest(JSON.parse(text));
  const graph = join(out, graphs["tower.all"]!.file);
  return createNodeSessions({ threads: 1 }).open({ graph, weights: {} });
}

test("gives what the same plan gives on ONNX Runtime", async () => {
  const directory = checkpoint();
  const reference = await openReference(directory);
  const wanted = await reference.run({ image: IMAGE });
  for (const [storage, tolerance] of [
    ["f32", 2e-5],
    // The matrices here are too small to be quantized.
    ["int8", 2e-5],
  ] as const) {
    const out = join(folder, storage);
    await convertCheckpoint(directory, {
      out,
      precision: "edge",
      edge: { rest: storage },
    });
    const session = await openTower(out, "all");
    const given = await session.run({ image: IMAGE });
    assert.deepEqual(
      Object.keys(given).sort(),
      [...OUTPUTS, "image_features"].sort(),
    );
    for (const [name, held] of Object.entries(wanted)) {
      const own = given[name]!;
      assert.deepEqual([...own.dims], [...held.dims], name);
      const expected = (await held.read()).data as Float32Array;
      const got = (await own.read()).data as Float32Array;
      const size = Math.max(...expected.map(Math.abs));
      for (const [at, value] of expected.entries()) {
        const difference = Math.abs(got[at]! - value);
        assert.ok(difference <= tolerance * size, `${name} ${at}: ${got[at]!} for ${value}`); // prettier-ignore
      }
    }
  }
  await reference.dispose();
});

test("keeps in f32 what a stage begins with, not the terms of its sums", async () => {
  const wide = [64, 64, 1, 1]; // enough to be quantized
  const none = { ...pointwise, activation: "none" };
  const plan = [
    { ...conv, ...weights("stem", [64, 3, 3, 3]), input: "image", output: "stem", activation: "relu6" }, // prettier-ignore
    { ...none, ...weights("begin", wide), input: "stem", output: "begin" },
    { ...pointwise, ...weights("expand", wide), input: "begin", output: "expand", activation: "relu6" }, // prettier-ignore
    { ...none, ...weights("project", wide), input: "expand", output: "project" }, // prettier-ignore
    { op: "add", inputs: ["begin", "project"], output: "sum" },
    { ...pointwise, ...weights("mixed", [7, 64, 1, 1]), input: "sum", output: "mixed", activation: "relu6" }, // prettier-ignore
    { op: "average_pool", input: "mixed", size: 1, output: "mean" },
    { op: "linear", ...weights("scores", [3, 7]), input: "mean", output: "scores" }, // prettier-ignore
    { op: "linear", ...weights("all", [2, 7]), input: "mean", output: "all" },
    { op: "flatten_grid", input: "mixed", output: "grid" },
  ];
  const out = join(folder, "stages");
  await convertCheckpoint(checkpoint(plan), {
    out,
    precision: "edge",
    edge: { rest: "int8", parts: { all: "int8" } },
  });
  const { tensors: packed } = await readEdgePlan(bundleFolder(out));
  const kinds = ["begin", "expand", "project"].map(
    (step) => packed[`model.vision_tower.all.${step}.weight`]?.kind,
  );
  assert.deepEqual(kinds, ["f32", "int8", "int8"]);
});

test("refuses a convolution that the kernels lack", async () => {
  const grouped = {
    ...PLAN[7],
    groups: 2,
    ...weights("grouped", [6, 3, 5, 5]),
  };
  const plan = PLAN.with(7, grouped);
  const refused = convertCheckpoint(checkpoint(plan), {
    out: join(folder, "never"),
    precision: "edge",
  });
  await assert.rejects(
    refused,
    (error) =>
      isFlorenceError(error) &&
      error.code === "bundle_invalid" &&
      error.message.includes("2 groups"),
  );
});
