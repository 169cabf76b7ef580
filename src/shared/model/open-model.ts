// Opens a bundle: its manifest, its tokenizer, and its graphs on a host.

import { FlorenceError } from "../errors.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import type { BundleSource } from "./bundle-source.ts";
import { parseManifest, type Manifest } from "./manifest.ts";
import type { Model } from "./model.ts";
import { openOnnxModel } from "./onnx/onnx-model.ts";
import type { SessionFactory } from "./session.ts";

/** A model ready to answer, with what its words mean. */
export interface LoadedModel {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly manifest: Manifest;
}

/**
 * Opens a bundle on a host's ONNX runtime. The caller disposes `model`.
 *
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`,
 *   `engine_unavailable`.
 */
export async function openModel(
  bundle: BundleSource,
  sessions: SessionFactory,
): Promise<LoadedModel> {
  const manifest = await readManifest(bundle);
  const tokenizer = await readTokenizer(manifest, bundle);
  const model = await openOnnxModel(manifest, bundle, tokenizer, sessions);
  return { model, tokenizer, manifest };
}

/**
 * Reads and checks `manifest.json`.
 *
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`.
 */
export async function readManifest(bundle: BundleSource): Promise<Manifest> {
  return parseManifest(await readJson(bundle, "manifest.json"));
}

/**
 * Loads the tokenizer files a manifest names.
 *
 * @throws FlorenceError `bundle_invalid`.
 */
export async function readTokenizer(
  manifest: Manifest,
  bundle: BundleSource,
): Promise<Tokenizer> {
  const files: Record<string, string> = {};
  for (const file of manifest.tokenizer) {
    files[file] = new TextDecoder().decode(await bundle.read(file));
  }
  return await loadTokenizer(files);
}

async function readJson(bundle: BundleSource, file: string): Promise<unknown> {
  const bytes = await bundle.read(file);
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch (cause) {
    throw new FlorenceError(
      "bundle_invalid",
      `${file} of ${bundle.name} is not JSON. Convert the model again with florence convert.`,
      { cause },
    );
  }
}
