// A folder laid out as transformers.js has it, seen as a bundle: nothing is
// copied, the manifest is made from its configs and file names.

import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import * as v from "valibot";
import { FlorenceError } from "../shared/errors.ts";
import type { BundleSource } from "../shared/model/bundle-source.ts";
import type { CheckpointConfigs } from "../shared/model/checkpoint-configs.ts";
import { readGeneration } from "../shared/model/generation-config.ts";
import { MANIFEST_VERSION, type Manifest } from "../shared/model/manifest.ts";
import { readImageInput } from "../shared/model/preprocessor-config.ts";
import { TASKS } from "../shared/tasks/index.ts";
import { bundleFolder } from "./bundle-folder.ts";

const GRAPHS = [
  "vision_encoder",
  "embed_tokens",
  "encoder_model",
  "decoder_model_merged",
] as const;

/** Precisions by suffix, the most exact first; each graph takes the first. */
const SUFFIXES = [
  ["", "fp32"],
  ["_fp16", "fp16"],
  ["_quantized", "int8"],
  ["_int8", "int8"],
  ["_uint8", "int8"],
  ["_q4", "int8"],
  ["_q4f16", "int8"],
  ["_bnb4", "int8"],
] as const;

const TOKENIZER_FILES = ["tokenizer.json", "vocab.json", "merges.txt"];

const Count = v.pipe(v.number(), v.integer(), v.minValue(1));
const Config = v.object({
  text_config: v.object({
    d_model: Count,
    encoder_layers: Count,
    decoder_layers: Count,
    decoder_attention_heads: Count,
    vocab_size: Count,
    max_position_embeddings: v.optional(Count, 1024),
  }),
});

/**
 * The folder as a bundle, or null if it is not laid out so (or has a manifest
 * of its own).
 *
 * Its files have no stated hashes, so none is checked.
 *
 * @throws FlorenceError `bundle_invalid` if it is, but a file is missing.
 */
export async function adoptTransformersJsFolder(
  folder: string,
): Promise<BundleSource | null> {
  const root = resolve(folder);
  if (existsSync(join(root, "manifest.json"))) return null;
  const names = await readdir(join(root, "onnx")).catch(() => null);
  if (names === null || !existsSync(join(root, "config.json"))) return null;
  const manifest = await makeManifest(root, names);
  const source = bundleFolder(folder);
  const text = new TextEncoder().encode(JSON.stringify(manifest));
  return {
    ...source,
    read: (file) =>
      file === "manifest.json"
        ? Promise.resolve(text.slice())
        : source.read(file),
  };
}

async function makeManifest(
  root: string,
  names: readonly string[],
): Promise<Manifest> {
  const config = await readJson(root, "config.json");
  if (config === null) throw invalid(root, "config.json is not an object");
  const configs: CheckpointConfigs = {
    config,
    generationConfig: await readJson(root, "generation_config.json"),
    preprocessorConfig: await readJson(root, "preprocessor_config.json"),
  };
  const parsed = v.safeParse(Config, config);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw invalid(
      root,
      `config.json: ${issue.message} at ${v.getDotPath(issue) ?? "the top level"}`,
    );
  }
  const { text_config: text } = parsed.output;
  const graphs: Manifest["graphs"] = {};
  const parts: Manifest["parts"] = [];
  let precision: Manifest["precision"] = "fp32";
  for (const graph of GRAPHS) {
    const found = SUFFIXES.find(([suffix]) =>
      names.includes(`${graph}${suffix}.onnx`),
    );
    if (found === undefined)
      throw invalid(root, `onnx/${graph}.onnx is missing`);
    const [suffix, kind] = found;
    if (graph === "vision_encoder") precision = kind;
    const file = `${graph}${suffix}.onnx`;
    const weights = names
      .filter((name) => name.startsWith(`${file}_data`))
      .sort();
    graphs[graph] = {
      file: `onnx/${file}`,
      weights: weights.map((name) => `onnx/${name}`),
    };
    let bytes = 0;
    for (const name of [file, ...weights]) {
      bytes += (await stat(join(root, "onnx", name))).size;
    }
    parts.push({ name: graph, parameters: 0, bytes, macs: 0 });
  }
  const input = readImageInput(configs);
  const name = config["_name_or_path"];
  return {
    schema_version: MANIFEST_VERSION,
    id: basename(root),
    revision: "unverified",
    source: typeof name === "string" && name !== "" ? name : basename(root),
    license: "unknown",
    precision,
    layout: "transformers-js",
    tasks: TASKS.map((task) => task.spelling),
    thresholds: {},
    vision: { kind: "davit", input, input_sizes: [input.size] },
    text: {
      d_model: text.d_model,
      encoder_layers: text.encoder_layers,
      decoder_layers: text.decoder_layers,
      heads: text.decoder_attention_heads,
      vocabulary: text.vocab_size,
      positions: text.max_position_embeddings,
    },
    generation: readGeneration(configs, text.vocab_size),
    tokenizer: TOKENIZER_FILES.filter((file) => existsSync(join(root, file))),
    graphs,
    parts,
    files: [],
  };
}

async function readJson(
  root: string,
  file: string,
): Promise<Record<string, unknown> | null> {
  if (!existsSync(join(root, file))) return null;
  try {
    const value: unknown = JSON.parse(await readFile(join(root, file), "utf8"));
    return typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)
      : null;
  } catch (cause) {
    throw invalid(root, `${file} is not JSON`, cause);
  }
}

function invalid(root: string, reason: string, cause?: unknown): FlorenceError {
  return new FlorenceError(
    "bundle_invalid",
    `${root} looks like an export for transformers.js, but ${reason}. Download it again with florence pull.`,
    { cause },
  );
}
