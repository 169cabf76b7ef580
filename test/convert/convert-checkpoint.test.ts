// Conversion as a whole: what lands in a bundle, what is refused, what is left
// of a failure. That the numbers are right is shown in test/golden.

import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SHARD_BYTES } from "../../src/convert/bundle-writer.ts";
import {
  convertCheckpoint,
  inspectBundle,
  type ConvertOptions,
} from "../../src/convert/index.ts";
import { verifyBundleFolder } from "../../src/node/bundle-folder.ts";
import { openBundle } from "../../src/node/open-bundle.ts";
import { isFlorenceError } from "../../src/shared/errors.ts";
import type { RgbImage } from "../../src/shared/image/rgb-image.ts";
import {
  parseManifest,
  type Manifest,
} from "../../src/shared/model/manifest.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
  type Recipe,
} from "../golden/random-checkpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "florence-convert-"));
after(() => {
  rmSync(folder, { recursive: true });
});

let count = 0;
/** A path that nothing has used. */
const fresh = (): string => join(folder, `case-${(count += 1)}`);

function checkpoint(change: Partial<Recipe> = {}): string {
  const directory = fresh();
  writeRandomCheckpoint(directory, { ...loadRecipe("tiny-native"), ...change });
  return directory;
}

async function convert(
  directory: string,
  options: Partial<ConvertOptions> = {},
): Promise<{ out: string; manifest: Manifest }> {
  const out = options.out ?? fresh();
  await convertCheckpoint(directory, { precision: "fp32", ...options, out });
  const text = readFileSync(join(out, "manifest.json"), "utf8");
  return { out, manifest: parseManifest(JSON.parse(text)) };
}

function editJson(
  path: string,
  edit: (value: Record<string, unknown>) => unknown,
): void {
  const value = JSON.parse(readFileSync(path, "utf8")) as Record<
    string,
    unknown
  >;
  writeFileSync(path, JSON.stringify(edit(value)));
}

const hasCode = (code: string, words?: RegExp) => (error: unknown) =>
  isFlorenceError(error) &&
  error.code === code &&
  (words?.test(error.message) ?? true);

const image: RgbImage = {
  width: 64,
  height: 64,
  data: Uint8Array.from(
    { length: 64 * 64 * 3 },
    (_, at) => (at * 7 + at * at) % 256,
  ),
};

async function featuresOf(out: string): Promise<Float32Array> {
  const { model } = await openBundle(out, { threads: 1 });
  try {
    const [features] = await model.encode([image]);
    return features!.data;
  } finally {
    await model.dispose();
  }
}

function relativeDifference(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let size = 0;
  for (const [at, value] of a.entries()) {
    difference += (value - b[at]!) ** 2;
    size += value ** 2;
  }
  return Math.sqrt(difference / size);
}

test("lists every file with its hash, stores the embedding once, keeps files small", async () => {
  const { out, manifest } = await convert(checkpoint());
  await verifyBundleFolder(out, manifest);
  const listed = manifest.files.map(({ name }) => name).sort();
  const found = readdirSync(out).filter((name) => name !== "manifest.json");
  assert.deepEqual(listed, found.sort());
  for (const { name, bytes } of manifest.files) {
    if (name.endsWith(".bin")) assert.ok(bytes <= SHARD_BYTES, name);
  }
  const { parameters, weightBytes } = await inspectBundle(out);
  // A few windows of padding aside, each parameter is stored once.
  assert.ok(weightBytes < 4 * parameters * 1.01, `${weightBytes} bytes`);
  const shared = manifest.graphs["encoder"]!.weights.filter((name) =>
    manifest.graphs["decoder"]!.weights.includes(name),
  );
  assert.equal(shared.length, 1);
});

test("gives a tensor larger than a file of weights one of its own", async () => {
  const { manifest } = await convert(
    checkpoint({ d_model: 128, text_heads: 2, depths: [1, 1, 1, 1] }),
  );
  const large = manifest.files.filter(({ bytes }) => bytes > SHARD_BYTES);
  assert.deepEqual(
    large.map(({ bytes }) => bytes),
    [51328 * 128 * 4],
  );
});

test("counts what the model's arithmetic says", async () => {
  const { manifest } = await convert(checkpoint({ tied: false }));
  const part = (name: string): Manifest["parts"][number] =>
    manifest.parts.find((candidate) => candidate.name === name)!;
  assert.equal(part("embedding").parameters, 51328 * 64);
  assert.equal(part("head").parameters, 51328 * 64);
  assert.equal(part("head").macs, 51328 * 64);
  // 145 image tokens at 384 pixels, 128 channels.
  assert.equal(part("projector").macs, 145 * 128 * 64);
  assert.equal(part("cross").macs, 2 * 2 * 160 * 64 * 64);
});

test("suppresses padded rows and fills in Florence-2's own search settings", async () => {
  const directory = checkpoint();
  rmSync(join(directory, "generation_config.json"));
  rmSync(join(directory, "preprocessor_config.json"));
  const { manifest } = await convert(directory);
  const { generation, vision } = manifest;
  assert.equal(generation.suppress_tokens[0], 51289);
  assert.equal(generation.suppress_tokens.at(-1), 51327);
  assert.equal(generation.suppress_tokens.length, 39);
  assert.equal(generation.num_beams, 3);
  assert.equal(generation.no_repeat_ngram_size, 3);
  assert.equal(generation.forced_bos_token_id, 0);
  assert.equal(generation.forced_eos_token_id, 2);
  assert.equal(generation.early_stopping, true);
  assert.equal(vision.kind === "davit" && vision.input.size, 768);
});

test("comes near the exact features in float16 and int8, at half and a quarter", async () => {
  const directory = checkpoint();
  const exact = await convert(directory);
  const expected = await featuresOf(exact.out);
  const sizes: number[] = [];
  // Random weights are harder than trained ones: no direction is unimportant.
  for (const [precision, limit] of [
    ["fp16", 0.01],
    ["int8", 0.15],
  ] as const) {
    const { out, manifest } = await convert(directory, { precision });
    const difference = relativeDifference(expected, await featuresOf(out));
    assert.ok(difference < limit, `${precision}: ${difference}`);
    sizes.push(manifest.parts.reduce((sum, part) => sum + part.bytes, 0));
  }
  const whole = exact.manifest.parts.reduce((sum, part) => sum + part.bytes, 0);
  assert.ok(sizes[0]! < 0.52 * whole);
  assert.ok(sizes[1]! < 0.31 * whole);
});

test("replaces its own bundle but no other folder", async () => {
  const directory = checkpoint();
  const { out } = await convert(directory);
  await convert(directory, { out, precision: "fp16" });
  const foreign = fresh();
  mkdirSync(foreign);
  writeFileSync(join(foreign, "thesis.txt"), "years of work");
  await assert.rejects(
    convert(directory, { out: foreign }),
    hasCode("invalid_request", /already/u),
  );
  assert.equal(
    readFileSync(join(foreign, "thesis.txt"), "utf8"),
    "years of work",
  );
});

test("leaves nothing of a conversion that failed or was stopped", async () => {
  const home = fresh();
  mkdirSync(home);
  const out = join(home, "bundle");
  const stopped = checkpoint();
  const controller = new AbortController();
  const onProgress = (): void => {
    controller.abort();
  };
  await assert.rejects(
    convert(stopped, { out, onProgress, signal: controller.signal }),
    hasCode("deadline_exceeded"),
  );
  const wrong = checkpoint();
  editJson(join(wrong, "config.json"), (config) => ({
    ...config,
    florence_tasks: ["cook"],
  }));
  await assert.rejects(
    convert(wrong, { out }),
    hasCode("bundle_invalid", /cook/u),
  );
  assert.deepEqual(readdirSync(home), []);
});

test("says how to make safetensors of a pickle", async () => {
  const directory = checkpoint();
  renameSync(
    join(directory, "model.safetensors"),
    join(directory, "pytorch_model.bin"),
  );
  await assert.rejects(
    convert(directory),
    hasCode(
      "bundle_invalid",
      /pytorch_model\.bin[\s\S]*import torch[\s\S]*save_file/u,
    ),
  );
});

test("names what a checkpoint lacks", async () => {
  const lacking: readonly (readonly [string, RegExp])[] = [
    ["config.json", /config\.json/u],
    ["model.safetensors", /model\.safetensors/u],
  ];
  for (const [file, words] of lacking) {
    const directory = checkpoint();
    rmSync(join(directory, file));
    await assert.rejects(convert(directory), hasCode("bundle_invalid", words));
  }
  const sharded = checkpoint({ shards: 3 });
  const shard = readdirSync(sharded).find((name) => name.includes("00003-of"))!;
  rmSync(join(sharded, shard));
  await assert.rejects(
    convert(sharded),
    hasCode("bundle_invalid", /00003-of/u),
  );
});

test("adds the original's bias of the logits where it is not all zero", async () => {
  const directory = checkpoint({ naming: "original", vocab_size: 51289 });
  const path = join(directory, "model.safetensors");
  const bytes = readFileSync(path);
  const header = Number(bytes.readBigUInt64LE(0));
  const entries = JSON.parse(bytes.toString("utf8", 8, 8 + header)) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  const [start] = entries["language_model.final_logits_bias"]!.data_offsets;
  const id = 4321;
  const plain = await logitOf((await convert(directory)).out, id);
  bytes.writeFloatLE(2.5, 8 + header + start + 4 * id);
  writeFileSync(path, bytes);
  const raised = await logitOf((await convert(directory)).out, id);
  assert.ok(Math.abs(raised - plain - 2.5) < 1e-4);
});

async function logitOf(out: string, id: number): Promise<number> {
  const { model } = await openBundle(out, { threads: 1 });
  try {
    const [features] = await model.encode([image]);
    const state = await model.start([{ features: features!, ids: [0, 2] }]);
    const row = { prompt: 0, parent: -1, tokenId: 2, best: 0, scored: [id] };
    const [step] = await state.step([row]);
    await state.dispose();
    return step!.scored[0]! + step!.logSumExp;
  } finally {
    await model.dispose();
  }
}
