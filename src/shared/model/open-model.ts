// Opens a bundle: its manifest, its tokenizer, and the model on the backend that
// its layout is for.

import { FlorenceError } from "../errors.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import type { BundleSource } from "./bundle-source.ts";
import { type EdgeOptions, openEdgeModel } from "./edge/edge-model.ts";
import type { KernelModules } from "./edge/kernels.ts";
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

/** What a host gives to the backend of kernels. */
export interface KernelHost extends EdgeOptions {
  /** The built modules; asked for when a bundle needs them. */
  readModules(): Promise<KernelModules>;
}

/**
 * Opens a bundle: on the kernels where it was made for them, else on the host's
 * ONNX runtime. The caller disposes `model`.
 *
 * @param sessions null where the host has no ONNX runtime.
 * @param kernels left out where the host has none.
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`,
 *   `engine_unavailable`.
 */
export async function openModel(
  bundle: BundleSource,
  sessions: SessionFactory | null,
  kernels?: KernelHost,
): Promise<LoadedModel> {
  const manifest = await readManifest(bundle);
  const tokenizer = await readTokenizer(manifest, bundle);
  if (manifest.layout === "edge") {
    if (kernels === undefined) throw unfit(bundle, "the kernels", "int8");
    const modules = await kernels.readModules();
    const model = await openEdgeModel(
      manifest,
      bundle,
      tokenizer,
      modules,
      kernels,
    );
    return { model, tokenizer, manifest };
  }
  if (sessions === null) throw unfit(bundle, "ONNX Runtime", "edge");
  const model = await openOnnxModel(manifest, bundle, tokenizer, sessions);
  return { model, tokenizer, manifest };
}

function unfit(
  { name }: BundleSource,
  backend: string,
  precision: string,
): FlorenceError {
  return new FlorenceError(
    "engine_unavailable",
    `${name} is a bundle for ${backend}, which this host does not have. Convert the model with --precision ${precision}.`,
  );
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
