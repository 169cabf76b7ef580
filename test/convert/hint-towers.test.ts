// Towers from a plan: every kind of step, with results worked out by hand.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { convertCheckpoint, inspectBundle } from "../../src/convert/index.ts";
import { createNodeSessions } from "../../src/node/onnxruntime-session.ts";
import { isFlorenceError } from "../../src/shared/errors.ts";
import { parseManifest } from "../../src/shared/model/manifest.ts";
import { single, textTensors } from "./text-tensors.ts";
import { writeSafetensors } from "./write-safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "florence-towers-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const SIDE = 4;
const input = {
  size: SIDE,
  resize: "stretch",
  order: "rgb",
  mean: [0, 0, 0],
  std: [1, 1, 1],
};
const name = (
  tower: string,
  step: string,
): { weight: string; bias: string } => ({
  weight: `model.vision_tower.${tower}.${step}.weight`,
  bias: `model.vision_tower.${tower}.${step}.bias`,
});
const conv = { op: "conv", groups: 1, stride: 1, padding: [0, 0, 0, 0] };

const PLAN_A = [
  // Adds the three channels, pads left and top only.
  {
    ...conv,
    ...name("tags", "sum"),
    input: "image",
    output: "sum",
    padding: [1, 1, 0, 0],
    activation: "relu6",
  },
  {
    op: "max_pool",
    input: "sum",
    kernel: 2,
    stride: 2,
    padding: [0, 0, 1, 1],
    output: "pool",
  },
  { op: "average_pool", input: "sum", size: 1, output: "mean" },
  { op: "linear", ...name("tags", "head"), input: "mean", output: "scores" },
];
const PLAN_B = [
  { op: "space_to_depth", input: "image", output: "focus" },
  {
    ...conv,
    ...name("boxes", "pick"),
    input: "focus",
    output: "pick",
    activation: "silu",
  },
  { op: "upsample_nearest", input: "pick", scale: 2, output: "up" },
  { op: "add", inputs: ["up", "up"], output: "twice" },
  { op: "concat", inputs: ["up", "twice"], output: "both" },
  { op: "flatten_grid", input: "both", output: "grid" },
];

const CONFIG = {
  model_type: "florence2",
  florence_tasks: ["caption"],
  vision_config: {
    model_type: "hint_towers",
    image_tokens: 0,
    towers: [
      {
        name: "tags",
        kind: "classifier",
        input,
        plan: PLAN_A,
        outputs: { scores: "scores" },
        heads: [
          {
            output: "scores",
            activation: "softmax",
            labels: ["a", "b"],
            threshold: 0.1,
            max: 2,
          },
        ],
      },
      {
        name: "boxes",
        kind: "detector",
        input: { ...input, resize: "letterbox", pad: 114 },
        plan: PLAN_B,
        outputs: { stride_1: "grid" },
        strides: [1],
        labels: ["thing"],
        score_threshold: 0.2,
        nms_iou: 0.5,
        max: 3,
      },
    ],
  },
  text_config: { encoder_attention_heads: 2, decoder_attention_heads: 2 },
};

function checkpoint(change: object = {}): string {
  const directory = mkdtempSync(join(folder, "checkpoint-"));
  writeFileSync(
    join(directory, "config.json"),
    JSON.stringify({ ...CONFIG, ...change }),
  );
  writeFileSync(join(directory, "tokenizer.json"), "{}");
  // `pick` takes the four corners of channel 0; focus has 4 x 3 channels.
  const pick = Array.from({ length: 3 * 12 }, (_, at) =>
    at % 12 === 3 * Math.floor(at / 12) ? 1 : 0,
  );
  writeSafetensors(join(directory, "model.safetensors"), {
    [name("tags", "sum").weight]: single([1, 3, 1, 1], [1, 1, 1]),
    [name("tags", "sum").bias]: single([1], [0.5]),
    [name("tags", "head").weight]: single([2, 1], [1, -2]),
    [name("tags", "head").bias]: single([2], [0, 1]),
    [name("boxes", "pick").weight]: single([3, 12, 1, 1], pick),
    [name("boxes", "pick").bias]: single([3], [0, 0, 0]),
    ...textTensors(8),
  });
  return directory;
}

test("runs every step of a plan", async () => {
  const out = join(folder, "bundle");
  await convertCheckpoint(checkpoint(), { out, precision: "fp32" });
  const manifest = parseManifest(
    JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")),
  );
  const sessions = createNodeSessions({ threads: 1 });
  const pixels = Float32Array.from({ length: 3 * SIDE * SIDE }, (_, at) =>
    at < 16 ? at / 4 : 0,
  );
  const image = {
    type: "float32",
    dims: [1, 3, SIDE, SIDE],
    data: pixels,
  } as const;

  const tags = await sessions.open({
    graph: join(out, manifest.graphs["tower.tags"]!.file),
    weights: {},
  });
  const { scores } = await tags.run({ image });
  // A 1 x 1 kernel over 5 x 5: the padding gives the bias alone.
  let mean = 9 * 0.5;
  for (let at = 0; at < 16; at += 1) mean += Math.min(6, at / 4 + 0.5);
  mean /= 25;
  const got = [...((await scores!.read()).data as Float32Array)];
  for (const [index, wanted] of [mean, 1 - 2 * mean].entries()) {
    assert.ok(Math.abs(got[index]! - wanted) < 1e-5);
  }
  await tags.dispose();

  const boxes = await sessions.open({
    graph: join(out, manifest.graphs["tower.boxes"]!.file),
    weights: {},
  });
  const { stride_1: grid } = await boxes.run({ image });
  assert.deepEqual([...grid!.dims], [1, 16, 6]);
  const cells = (await grid!.read()).data as Float32Array;
  const silu = (x: number): number => x / (1 + Math.exp(-x));
  // Cell (0, 2) comes from focus (0, 1): image rows 0, 1 and columns 2, 3;
  // top left, bottom left, top right.
  const wanted = [2, 6, 3].map((at) => silu(at / 4));
  const cell = [...cells.subarray(2 * 6, 3 * 6)];
  for (const [index, value] of [
    ...wanted,
    ...wanted.map((x) => 2 * x),
  ].entries()) {
    assert.ok(
      Math.abs(cell[index]! - value) < 1e-5,
      `${index}: ${cell[index]!}`,
    );
  }
  await boxes.dispose();
});

test("describes towers in the manifest and counts their work", async () => {
  const out = join(folder, "described");
  await convertCheckpoint(checkpoint(), { out, precision: "int8" });
  const { vision, parts, tasks } = await inspectBundle(out);
  assert.deepEqual(vision, ["tags", "boxes"]);
  assert.deepEqual(tasks, ["caption"]);
  const macs = (part: string): number | undefined =>
    parts.find((one) => one.name === part)?.macs;
  assert.equal(macs("tags"), 25 * 3 + 2);
  assert.equal(macs("boxes"), 4 * 36);
});

test("names what is wrong with a plan", async () => {
  const [tags, boxes] = CONFIG.vision_config.towers;
  const bad: readonly (readonly [object[], RegExp])[] = [
    [[{ op: "fly", input: "image", output: "x" }], /op/u],
    [
      [{ op: "average_pool", input: "nowhere", size: 1, output: "scores" }],
      /nowhere/u,
    ],
  ];
  for (const [plan, words] of bad) {
    const towers = [{ ...tags, plan }, boxes];
    const directory = checkpoint({
      vision_config: { ...CONFIG.vision_config, towers },
    });
    await assert.rejects(
      convertCheckpoint(directory, {
        out: join(folder, "never"),
        precision: "fp32",
      }),
      (error) =>
        isFlorenceError(error) &&
        error.code === "bundle_invalid" &&
        words.test(error.message),
    );
  }
});

const READER = {
  detector: {
    graph: { file: "find.onnx", parameters: 7, macs: 70 },
    long_side: 64,
    multiple: 32,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    pixel_threshold: 0.3,
    line_threshold: 0.6,
    grow: 1.6,
    least_side: 3,
    max: 10,
  },
  recognizer: {
    graph: { file: "read.onnx", parameters: 8, macs: 80 },
    height: 48,
    least_width: 320,
    most_width: 1600,
    multiple: 8,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    threshold: 0.5,
    space: 0.05,
    characters: ["a", " "],
  },
  answers: { text: "Text?", lines: "Lines?", region: "Region " },
};

test("takes a reader's graphs as they are, and says where towers answer", async () => {
  const [tags, boxes] = CONFIG.vision_config.towers;
  const answers = { labeled: "What?", unlabeled: "Where?", score_threshold: 0.1, max: 9 }; // prettier-ignore
  const vision = {
    ...CONFIG.vision_config,
    towers: [tags, { ...boxes, answers }],
    closer: 0.1,
    places: "hinted",
    reader: READER,
  };
  const directory = checkpoint({ vision_config: vision });
  writeFileSync(join(directory, "find.onnx"), "find");
  const out = join(folder, "reading");
  await assert.rejects(
    convertCheckpoint(directory, { out, precision: "int8" }),
    (error) =>
      isFlorenceError(error) &&
      error.code === "bundle_invalid" &&
      error.message.includes("read.onnx"),
  );
  writeFileSync(join(directory, "read.onnx"), "read it");
  await convertCheckpoint(directory, { out, precision: "int8" });
  const manifest = parseManifest(
    JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")),
  );
  assert.partialDeepStrictEqual(manifest.vision, {
    towers: [{ kind: "classifier" }, { kind: "detector", answers }],
    closer: 0.1,
    places: "hinted",
    reader: {
      detector: { graph: "reader.detector", long_side: 64 },
      recognizer: { graph: "reader.recognizer", characters: ["a", " "] },
      answers: READER.answers,
    },
  });
  const { file } = manifest.graphs["reader.recognizer"]!;
  assert.equal(readFileSync(join(out, file), "utf8"), "read it");
  assert.deepEqual(manifest.parts.at(-1), {
    name: "reader.recognizer",
    parameters: 8,
    bytes: 7,
    macs: 80,
  });
});

test("gives the outline head's map, and says what looks closer", async () => {
  const [tags, boxes] = CONFIG.vision_config.towers;
  const outline = {
    output: "outline",
    region: "Outline of ",
    phrase: "Outline {input}",
  };
  const near = {
    prompts: ["Find {input}", "Outline {input}"],
    score_threshold: 0.05,
    nms_iou: 0.6,
    max: 16,
    closer: 8,
    names: 2,
    name_score: 0.2,
    colors: ["red"],
    skip: [],
    idle: ["the"],
    same: { leftmost: "left" },
    relative: ["left"],
  };
  const seeing = { ...tags, outputs: { scores: "scores", outline: "sum" }, outline }; // prettier-ignore
  const vision = {
    ...CONFIG.vision_config,
    towers: [seeing, boxes],
    region_labels: true,
    near,
  };
  const out = join(folder, "outlining");
  await convertCheckpoint(checkpoint({ vision_config: vision }), {
    out,
    precision: "int8",
  });
  const manifest = parseManifest(
    JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")),
  );
  assert.partialDeepStrictEqual(manifest.vision, {
    towers: [{ kind: "classifier", outline }, { kind: "detector" }],
    region_labels: true,
    near,
  });
  const session = await createNodeSessions({ threads: 1 }).open({
    graph: join(out, manifest.graphs["tower.tags"]!.file),
    weights: {},
  });
  const pixels = new Float32Array(3 * SIDE * SIDE).fill(1);
  const { outline: map } = await session.run({
    image: { type: "float32", dims: [1, 3, SIDE, SIDE], data: pixels },
  });
  assert.deepEqual([...map!.dims], [1, 1, 5, 5]);
  const values = (await map!.read()).data as Float32Array;
  // The padding gives the bias alone; three channels of 1 give 3 more.
  assert.ok(Math.abs(values[0]! - 0.5) < 0.05);
  assert.ok(Math.abs(values[24]! - 3.5) < 0.05);
  await session.dispose();
});
