// A Hugging Face directory: its configuration files and its tensors, under
// their native names, read from disk when asked for.

import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import * as v from "valibot";
import { FlorenceError } from "../shared/errors.ts";
import type { CheckpointConfigs } from "../shared/model/checkpoint-configs.ts";
import {
  openSafetensors,
  type SafetensorsFile,
  type StoredTensor,
} from "./safetensors.ts";
import { isStoredTransposed, toNativeName } from "./weight-names.ts";

/** A tensor of a checkpoint under its native name. */
export interface CheckpointTensor extends StoredTensor {
  readonly nativeName: string;
  /** Stored as `[in, out]` where the native layout is `[out, in]`. */
  readonly isTransposed: boolean;
}

/** An open checkpoint; whoever opened it closes it. */
export interface Checkpoint extends CheckpointConfigs {
  readonly directory: string;
  /** The directory's own name. */
  readonly name: string;
  /** Tokenizer files there are, in the bundle's order. */
  readonly tokenizerFiles: readonly string[];
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;

  /**
   * A tensor that must be there.
   *
   * @throws FlorenceError `bundle_invalid`, naming it.
   */
  tensor(name: string): CheckpointTensor;
  close(): Promise<void>;
}

const TOKENIZER_FILES = [
  "tokenizer.json",
  "vocab.json",
  "merges.txt",
  "added_tokens.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
] as const;

const ShardIndex = v.object({ weight_map: v.record(v.string(), v.string()) });

/**
 * Opens a checkpoint directory: `config.json`, a tokenizer, and
 * `model.safetensors`, whole or in shards with their index.
 *
 * @throws FlorenceError `bundle_invalid`: a file is missing, is a pickle, or
 *   is broken.
 */
export async function openCheckpoint(directory: string): Promise<Checkpoint> {
  const root = resolve(directory);
  const config = await readJsonObject(join(root, "config.json"));
  if (config === null) {
    throw new FlorenceError(
      "bundle_invalid",
      `${directory} has no config.json. Give a Hugging Face checkpoint directory; florence pull downloads one.`,
    );
  }
  const tokenizerFiles = TOKENIZER_FILES.filter((file) =>
    existsSync(join(root, file)),
  );
  if (!hasTokenizer(tokenizerFiles)) {
    throw new FlorenceError(
      "bundle_invalid",
      `${directory} has no tokenizer: neither tokenizer.json nor vocab.json with merges.txt. Copy the tokenizer's files of the base model beside the weights.`,
    );
  }
  const files: SafetensorsFile[] = [];
  const close = async (): Promise<void> => {
    for (const file of files) await file.close();
  };
  try {
    for (const name of await weightFiles(root)) {
      files.push(await openSafetensors(join(root, name)));
    }
    const tensors = new Map<string, CheckpointTensor>();
    for (const file of files) {
      for (const [name, tensor] of file.tensors) {
        const isTransposed = isStoredTransposed(name);
        const nativeName = toNativeName(name);
        tensors.set(nativeName, { ...tensor, nativeName, isTransposed });
      }
    }
    return {
      directory: root,
      name: basename(root),
      config,
      generationConfig: await readJsonObject(
        join(root, "generation_config.json"),
      ),
      preprocessorConfig: await readJsonObject(
        join(root, "preprocessor_config.json"),
      ),
      tokenizerFiles: keepNeeded(tokenizerFiles),
      tensors,
      tensor(name) {
        const tensor = tensors.get(name);
        if (tensor !== undefined) return tensor;
        throw new FlorenceError(
          "bundle_invalid",
          `${directory} has no tensor ${name}. Is it a Florence-2 checkpoint, and whole? Download it again.`,
        );
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** With a tokenizer.json nothing else decides what a token is. */
function keepNeeded(files: readonly string[]): readonly string[] {
  return files.includes("tokenizer.json")
    ? files.filter((file) => file !== "vocab.json" && file !== "merges.txt")
    : files;
}

function hasTokenizer(files: readonly string[]): boolean {
  return (
    files.includes("tokenizer.json") ||
    (files.includes("vocab.json") && files.includes("merges.txt"))
  );
}

async function weightFiles(root: string): Promise<readonly string[]> {
  const names = (await readdir(root)).sort();
  if (names.includes("model.safetensors")) return ["model.safetensors"];
  if (names.includes("model.safetensors.index.json")) {
    const index = v.safeParse(
      ShardIndex,
      await readJsonObject(join(root, "model.safetensors.index.json")),
    );
    if (!index.success) {
      throw new FlorenceError(
        "bundle_invalid",
        "model.safetensors.index.json has no weight_map. Download the checkpoint again.",
      );
    }
    const shards = [...new Set(Object.values(index.output.weight_map))].sort();
    const bad = shards.find(
      (shard) => basename(shard) !== shard || !names.includes(shard),
    );
    if (bad === undefined) return shards;
    throw new FlorenceError(
      "bundle_invalid",
      `model.safetensors.index.json names ${bad}, which is not in the directory. Download the checkpoint again.`,
    );
  }
  const pickle = names.find((name) => /\.(?:bin|pt|pth|ckpt)$/u.test(name));
  if (pickle !== undefined) {
    throw new FlorenceError(
      "bundle_invalid",
      `${pickle} is a Python pickle, which runs code when it is read; only safetensors are converted. Make them from a pickle you trust with two lines of Python:\n` +
        "  import torch; from safetensors.torch import save_file\n" +
        `  save_file({k: t.clone() for k, t in torch.load("${pickle}", map_location="cpu", weights_only=True).items()}, "model.safetensors")`,
    );
  }
  throw new FlorenceError(
    "bundle_invalid",
    `${root} has no model.safetensors. Give a Hugging Face checkpoint directory; florence pull downloads one.`,
  );
}

async function readJsonObject(
  path: string,
): Promise<Record<string, unknown> | null> {
  if (!existsSync(path)) return null;
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (cause) {
    throw new FlorenceError(
      "bundle_invalid",
      `${basename(path)} is not JSON. Download the checkpoint again.`,
      { cause },
    );
  }
  throw new FlorenceError(
    "bundle_invalid",
    `${basename(path)} is not a JSON object. Download the checkpoint again.`,
  );
}
