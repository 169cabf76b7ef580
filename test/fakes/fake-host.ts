// A host for tests of the HTTP API: real decoders, the real tokenizer, a real
// database in memory, a scripted model, a clock that stands still.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as v from "valibot";
import { ServiceConfigSchema } from "../../src/http/config.ts";
import type { EngineName, NearEngine } from "../../src/http/engine/engine.ts";
import { createIsolateEngine } from "../../src/http/engine/isolate-engine.ts";
import type { Host } from "../../src/http/host.ts";
import { migrate } from "../../src/http/migrate.ts";
import type { Blobs, StoredBlob } from "../../src/http/ports/blobs.ts";
import type { Outbound } from "../../src/http/ports/outbound.ts";
import type { WorkMessage } from "../../src/http/ports/work-queue.ts";
import { loadImageCodecs } from "../../src/node/image-codecs.ts";
import { NODE_PLATFORM } from "../../src/node/platform.ts";
import { NODE_RASTERIZER } from "../../src/node/rasterize.ts";
import { openSqliteDatabase } from "../../src/server/sqlite-database.ts";
import type { Platform } from "../../src/shared/analyze/analyze.ts";
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
  /** It answers all at once, as one of several threads does. */
  readonly isConcurrent?: boolean;
  /** Given, loading the model fails with it. */
  readonly loadError?: Error;
  readonly onFailure?: (error: unknown) => void;
  readonly name?: EngineName;
  /** The clock; stands still at 0 if left out. */
  readonly now?: () => number;
  readonly outbound?: Outbound;
  /** Over an open service's own. */
  readonly config?: Partial<v.InferInput<typeof ServiceConfigSchema>>;
}

export interface FakeHost extends Host {
  /** Messages that were given to the queue; nobody takes them unless a test does. */
  readonly sent: WorkMessage[];
}

/** An engine that answers by script. */
export function createFakeEngine(
  platform: Platform,
  options: FakeHostOptions = {},
): NearEngine {
  const loaded = createFakeModel(tokenizer, options.script ?? BOAT, options);
  const createLane = (): NearEngine =>
    createIsolateEngine({
      name: options.name ?? "edge",
      backend: "fake",
      device: "none",
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
      codecs,
      platform,
      maxWaiting: options.maxWaiting ?? 8,
      decoding: () => ({}),
    });
  const engine = createLane();
  if (options.isConcurrent !== true) return engine;
  return {
    ...engine,
    analyze: (request, events) => createLane().analyze(request, events),
  };
}

/** A host in open mode, its storage in memory, its ids counting from 1. */
export async function createFakeHost(
  options: FakeHostOptions = {},
): Promise<FakeHost> {
  let ids = 0;
  const sent: WorkMessage[] = [];
  const platform: Platform = {
    now: options.now ?? (() => 0),
    id: (prefix) => `${prefix}_${(ids += 1)}`,
    sha256: NODE_PLATFORM.sha256,
    rasterizer: NODE_RASTERIZER,
  };
  const database = openSqliteDatabase(":memory:");
  await migrate(database);
  return {
    engines: [createFakeEngine(platform, options)],
    database,
    store: memoryBlobs(),
    bucket: memoryBlobs(),
    queue: {
      send: (messages) => {
        sent.push(...messages);
        return Promise.resolve();
      },
    },
    outbound: options.outbound ?? {
      fetch: () => Promise.reject(new Error("no network in this test")),
    },
    platform,
    limits: { maxImageBytes: 200_000, maxJsonBytes: 100_000 },
    config: v.parse(ServiceConfigSchema, {
      public_url: "http://florence.test",
      secret: "a secret of the tests, long enough",
      open_mode: true,
      ...options.config,
    }),
    ...(options.onFailure === undefined
      ? {}
      : { onFailure: options.onFailure }),
    sent,
  };
}

function memoryBlobs(): Blobs {
  const blobs = new Map<string, StoredBlob>();
  return {
    get: (key) => Promise.resolve(blobs.get(key) ?? null),
    put: (key, bytes, mediaType) => {
      blobs.set(key, { bytes: new Uint8Array(bytes), mediaType });
      return Promise.resolve();
    },
    delete: (keys) => {
      for (const key of keys) blobs.delete(key);
      return Promise.resolve();
    },
  };
}

function readGzipped(file: string): string {
  const path = new URL(`../golden/tokenizer/${file}`, import.meta.url);
  return gunzipSync(readFileSync(path)).toString("utf8");
}
