// What Cloudflare brings to the HTTP API: ONNX Runtime on WebAssembly, image
// decoders, static assets, and the ceiling of an isolate's memory.

import jpegTurbo from "@cwasm/jpeg-turbo/jpeg-turbo.wasm";
import webp from "@jsquash/webp/codec/dec/webp_dec.wasm";
import ortModule from "onnxruntime-web/ort-wasm-simd-threaded.wasm";
import type { NearEngine } from "../../src/http/engine/engine.ts";
import {
  createIsolateEngine,
  type HostedModel,
} from "../../src/http/engine/isolate-engine.ts";
import type { Host } from "../../src/http/host.ts";
import type { DecodeImageOptions } from "../../src/shared/image/decode-image.ts";
import type { SniffedImage } from "../../src/shared/image/sniff-image.ts";
import { openModel } from "../../src/shared/model/open-model.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import {
  assetsBundle,
  type FetchAsset,
  type ScriptFiles,
} from "./assets-bundle.ts";
import type { Env } from "./env.ts";
import { createWebSessions, type WebSessions } from "./onnxruntime-session.ts";
import { WORKER_PLATFORM } from "./platform.ts";
import { EDGE_RASTERIZER } from "./rasterizer.ts";
import { createWorkerHost } from "./worker-host.ts";

/** Of the 128 MB an isolate may take; the rest is for images and the script. */
const MAX_HEAP_BYTES = 96 * 2 ** 20;

/**
 * Pixels that fit in what the model leaves, some 50 MB: a decoder takes 3
 * bytes a pixel for PNG, 6 for a progressive JPEG, 11 for WebP; a baseline JPEG
 * is decoded at a fraction of its size.
 */
const MAX_PIXELS = {
  baselineJpeg: 100_000_000,
  progressiveJpeg: 8_000_000,
  png: 12_000_000,
  webp: 4_000_000,
};

/** With pictures as PNG. */
const EDGE_PLATFORM = { ...WORKER_PLATFORM, rasterizer: EDGE_RASTERIZER };

/** Decoders and the runtime, one of each in an isolate. */
export const EDGE_CODECS = { jpegTurbo, webp };

/** Sessions under the isolate's memory ceiling, or another. */
export function createEdgeSessions(maxHeapBytes = MAX_HEAP_BYTES): WebSessions {
  return createWebSessions({ module: ortModule, maxHeapBytes });
}

/** The host of one bundle. */
export function createEdgeHost(
  files: ScriptFiles,
  env: Env,
  sessions: WebSessions,
): Host {
  const fetchAsset: FetchAsset = (file) =>
    // The host name is not looked at: the binding serves this Worker's own.
    env.ASSETS.fetch(`https://assets.local/${file}`);
  const engine = createEdgeEngine(files, fetchAsset, sessions);
  return createWorkerHost(engine, env, EDGE_PLATFORM);
}

/** The engine of this isolate. */
export function createEdgeEngine(
  files: ScriptFiles,
  fetchAsset: FetchAsset,
  sessions: WebSessions,
): NearEngine {
  return createIsolateEngine({
    name: "edge",
    backend: sessions.backend,
    device: sessions.device,
    models: [hostModel(files, fetchAsset, sessions)],
    codecs: EDGE_CODECS,
    platform: EDGE_PLATFORM,
    maxWaiting: 8,
    decoding: decodingOf,
    memory: () => ({
      heap_bytes: sessions.heapBytes(),
      max_heap_bytes: MAX_HEAP_BYTES,
    }),
  });
}

function decodingOf(header: SniffedImage): DecodeImageOptions {
  return {
    limits: { maxPixels: maxPixelsOf(header) },
    jpegScaling: { abovePixels: 4_000_000, minSide: 768 },
  };
}

function maxPixelsOf(header: SniffedImage): number {
  switch (header.mediaType) {
    case "image/jpeg":
      return header.scans > 1
        ? MAX_PIXELS.progressiveJpeg
        : MAX_PIXELS.baselineJpeg;
    case "image/png":
      return MAX_PIXELS.png;
    case "image/webp":
      return MAX_PIXELS.webp;
  }
}

function hostModel(
  files: ScriptFiles,
  fetchAsset: FetchAsset,
  sessions: WebSessions,
): HostedModel {
  let loading: Promise<LoadedModel> | null = null;
  let isLoaded = false;
  return {
    manifest: files.manifest,
    isLoaded: () => isLoaded,
    load() {
      loading ??= openModel(assetsBundle(files, fetchAsset), sessions).then(
        (loaded) => {
          isLoaded = true;
          return loaded;
        },
        (error: unknown) => {
          loading = null;
          throw error;
        },
      );
      return loading;
    },
    async reset() {
      const dead = await loading;
      loading = null;
      isLoaded = false;
      // What trapped may trap again; its memory is lost then, not the request.
      await dead?.model.dispose().catch(() => undefined);
    },
  };
}
