// The host of a bundle of graphs: ONNX Runtime on WebAssembly under the ceiling of
// an isolate's memory, all files among the static assets.

import ortModule from "onnxruntime-web/ort-wasm-simd-threaded.wasm";
import type { NearEngine } from "../../src/http/engine/engine.ts";
import {
  createIsolateEngine,
  type HostedModel,
} from "../../src/http/engine/isolate-engine.ts";
import type { Host } from "../../src/http/host.ts";
import type { Platform } from "../../src/shared/analyze/analyze.ts";
import {
  parseManifest,
  type Manifest,
} from "../../src/shared/model/manifest.ts";
import { openModel } from "../../src/shared/model/open-model.ts";
import {
  decodingWithin,
  EDGE_CODECS,
  SMALL_MODEL_PIXELS,
} from "../edge/decoding.ts";
import type { Env } from "../edge/env.ts";
import { hostModel } from "../edge/host-model.ts";
import { platformOf } from "../edge/pictures.ts";
import { createWorkerHost } from "../edge/worker-host.ts";
import { assetsBundle, readAsset, type FetchAsset } from "./assets-bundle.ts";
import { createWebSessions, type WebSessions } from "./onnxruntime-session.ts";

/** Of the 128 MB an isolate may take; the rest is for images and the script. */
const MAX_HEAP_BYTES = 96 * 2 ** 20;

/** Tasks that the reader answers. */
const READ: ReadonlySet<string> = new Set(["ocr", "ocr:lines", "ocr_regions"]);

/** Sessions under the isolate's memory ceiling, or another. */
export function createEdgeSessions(maxHeapBytes = MAX_HEAP_BYTES): WebSessions {
  return createWebSessions({ module: ortModule, maxHeapBytes });
}

/** The host of the bundle that is deployed with the script. */
export async function createRuntimeHost(env: Env): Promise<Host> {
  const fetchAsset: FetchAsset = (file) =>
    // The host name is not looked at: the binding serves this Worker's own.
    env.ASSETS.fetch(`https://assets.local/${file}`);
  const text = new TextDecoder().decode(
    await readAsset("manifest.json", fetchAsset),
  );
  const platform = platformOf(env);
  const engine = createRuntimeEngine(
    withoutReader(parseManifest(JSON.parse(text))),
    fetchAsset,
    createEdgeSessions(),
    platform,
  );
  return createWorkerHost(engine, env, platform);
}

/** The engine of this isolate. */
export function createRuntimeEngine(
  manifest: Manifest,
  fetchAsset: FetchAsset,
  sessions: WebSessions,
  platform: Platform,
): NearEngine {
  return createIsolateEngine({
    name: "edge",
    backend: sessions.backend,
    device: sessions.device,
    models: [replaceable(manifest, fetchAsset, sessions)],
    codecs: EDGE_CODECS,
    platform,
    maxWaiting: 8,
    decoding: decodingWithin(SMALL_MODEL_PIXELS, 4_000_000),
    memory: () => ({
      heap_bytes: sessions.heapBytes(),
      max_heap_bytes: MAX_HEAP_BYTES,
    }),
  });
}

/** A model that is loaded anew when its runtime died. */
function replaceable(
  manifest: Manifest,
  fetchAsset: FetchAsset,
  sessions: WebSessions,
): HostedModel {
  const hosted = hostModel(manifest, () =>
    openModel(assetsBundle(manifest, fetchAsset), sessions),
  );
  return {
    ...hosted,
    async reset() {
      const dead = await hosted.forget();
      // What trapped may trap again; its memory is lost then, not the request.
      await dead?.model.dispose().catch(() => undefined);
    },
  };
}

/**
 * The model as far as an isolate holds it: the reader's graphs find no room
 * beside the others in 96 MiB. Text is for another engine.
 */
function withoutReader(whole: Manifest): Manifest {
  return { ...whole, tasks: whole.tasks.filter((task) => !READ.has(task)) };
}
