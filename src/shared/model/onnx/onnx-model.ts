// The model wall over ONNX graphs of our own: vision (or towers), encoder,
// decoder with past.

import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { BundleSource } from "../bundle-source.ts";
import type { Manifest } from "../manifest.ts";
import type { Model } from "../model.ts";
import type { SessionFactory } from "../session.ts";
import { startDecoding } from "./decoding-state.ts";
import { disposeSessions, openGraphs } from "./open-graph.ts";
import { createVision, visionGraphNames } from "./vision.ts";

/**
 * Opens the graphs of a bundle.
 *
 * @throws FlorenceError `bundle_invalid` if a graph is missing or refused,
 *   `engine_unavailable` if the runtime is not to be had.
 */
export async function openOnnxModel(
  manifest: Manifest,
  bundle: BundleSource,
  tokenizer: Tokenizer,
  sessions: SessionFactory,
): Promise<Model> {
  const names = [...visionGraphNames(manifest), "encoder", "decoder"];
  const opened = await openGraphs(names, manifest, bundle, sessions);
  const vision = createVision(manifest, tokenizer, opened);
  const graphs = {
    manifest,
    sessions,
    encoder: opened["encoder"]!,
    decoder: opened["decoder"]!,
  };
  return {
    manifest,
    capabilities: {
      backend: sessions.backend,
      device: sessions.device,
      inputSizes: vision.inputSizes,
      weightBytes: manifest.parts.reduce((sum, part) => sum + part.bytes, 0),
      maxRows: 64,
    },
    encode: (images, options = {}) => vision.encode(images, options),
    start: (prompts, options = {}) => startDecoding(graphs, prompts, options),
    dispose: () => disposeSessions(opened),
  };
}
