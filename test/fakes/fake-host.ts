// A host for tests of the HTTP API: real decoders, the real tokenizer, a
// scripted model, a clock that stands still.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Host } from "../../src/http/host.ts";
import { loadImageCodecs } from "../../src/node/image-codecs.ts";
import { loadTokenizer } from "../../src/shared/tokenizer/tokenizer.ts";
import {
  createFakeModel,
  type FakeModelOptions,
  type Script,
} from "./fake-model.ts";

const tokenizer = await loadTokenizer({
  "vocab.json": readGzipped("vocab.json.gz"),
  "merges.txt": readGzipped("merges.txt.gz"),
});
const codecs = await loadImageCodecs();

/** Answers captions and detections of the same green boat. */
const BOAT: Script = (prompt) =>
  prompt.startsWith("Locate")
    ? "boat<loc_100><loc_200><loc_500><loc_600>"
    : "a green boat";

export interface FakeHostOptions extends FakeModelOptions {
  readonly script?: Script;
  readonly maxWaiting?: number;
  /** Given, loading the model fails with it. */
  readonly loadError?: Error;
  readonly onFailure?: (error: unknown) => void;
}

/** A host whose ids count from 1. */
export function createFakeHost(options: FakeHostOptions = {}): Host {
  const loaded = createFakeModel(tokenizer, options.script ?? BOAT, options);
  let ids = 0;
  return {
    models: [
      {
        manifest: loaded.manifest,
        isLoaded: () => options.loadError === undefined,
        load: () =>
          options.loadError === undefined
            ? Promise.resolve(loaded)
            : Promise.reject(options.loadError),
      },
    ],
    engine: { name: "edge", backend: "fake", device: "none" },
    codecs,
    platform: {
      now: () => 0,
      id: (prefix) => `${prefix}_${(ids += 1)}`,
      sha256: () => Promise.resolve("0".repeat(64)),
    },
    limits: {
      maxImageBytes: 200_000,
      maxJsonBytes: 100_000,
      maxWaiting: options.maxWaiting ?? 8,
    },
    decoding: () => ({}),
    ...(options.onFailure === undefined
      ? {}
      : { onFailure: options.onFailure }),
  };
}

function readGzipped(file: string): string {
  const path = new URL(`../golden/tokenizer/${file}`, import.meta.url);
  return gunzipSync(readFileSync(path)).toString("utf8");
}
