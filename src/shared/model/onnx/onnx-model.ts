// The model wall over ONNX graphs of our own: vision (or towers), encoder,
// decoder with past.

import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { BundleSource } from "../bundle-source.ts";
import type { Manifest } from "../manifest.ts";
import type { Model } from "../model.ts";
import type { Session, SessionFactory } from "../session.ts";
import { createVision, visionGraphNames } from "./create-vision.ts";
import { startDecoding } from "./decoding-state.ts";
import type { ReaderSessions } from "../towers/reader.ts";
import { disposeSessions, openGraphs } from "./open-graph.ts";
import { openTransformersJsGraphs } from "./transformers-js-sessions.ts";

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
  const opened: Readonly<Record<string, Session>> =
    manifest.layout === "transformers-js"
      ? await openTransformersJsGraphs(manifest, bundle, sessions)
      : await openGraphs(names, manifest, bundle, sessions);
  const reader = readerOf(manifest, bundle, sessions);
  const vision = createVision(
    manifest,
    tokenizer,
    opened,
    reader?.open ?? null,
  );
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
      maxRows: mostRows(manifest, sessions),
    },
    encode: (images, options = {}) => vision.encode(images, options),
    ...(vision.looksFor !== undefined && { looksFor: vision.looksFor }),
    start: (prompts, options = {}) => startDecoding(graphs, prompts, options),
    async dispose() {
      await disposeSessions(opened);
      await reader?.dispose();
    },
  };
}

interface LazyReader {
  readonly open: () => Promise<ReaderSessions>;
  dispose(): Promise<void>;
}

/** A reader whose graphs are opened when they are first needed: few ask. */
function readerOf(
  manifest: Manifest,
  bundle: BundleSource,
  sessions: SessionFactory,
): LazyReader | null {
  if (manifest.vision.kind !== "hint_towers") return null;
  const { reader } = manifest.vision;
  if (reader === undefined) return null;
  let opened: Promise<ReaderSessions> | null = null;
  return {
    open() {
      const names = [reader.detector.graph, reader.recognizer.graph];
      opened ??= openGraphs(names, manifest, bundle, sessions).then(
        (graphs) => ({
          detector: graphs[reader.detector.graph]!,
          recognizer: graphs[reader.recognizer.graph]!,
        }),
      );
      return opened;
    },
    async dispose() {
      if (opened !== null) await disposeSessions({ ...(await opened) });
    },
  };
}

const MOST_ROWS = 64;

/** Rows whose keys and values fit the host's memory, at least one. */
function mostRows(manifest: Manifest, sessions: SessionFactory): number {
  const { d_model: width, decoder_layers: layers, positions } = manifest.text;
  // Keys and values, float32, of the encoder's output and of a long answer;
  // the encoder's output seldom takes more than 0.6 of its positions.
  const bytesPerRow = 2 * 4 * layers * width * positions * 0.75;
  const budget = sessions.stateBytes ?? 2 ** 30;
  return Math.max(1, Math.min(MOST_ROWS, Math.floor(budget / bytesPerRow)));
}
