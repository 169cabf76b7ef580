// An engine over bundles on this machine, in the thread that opens it.

import { createIsolateEngine } from "../http/engine/isolate-engine.ts";
import type { EngineName, NearEngine } from "../http/engine/engine.ts";
import type { Device } from "../node/devices.ts";
import { loadImageCodecs } from "../node/image-codecs.ts";
import { openBundle } from "../node/open-bundle.ts";
import { NODE_PLATFORM } from "../node/platform.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";
import { batchVision } from "./batch-vision.ts";
import {
  shareModel,
  type ModelLane,
  type SharedModel,
} from "./shared-model.ts";

export interface ModelEngineOptions {
  /** Bundle folders, the default model first; at least one. */
  readonly bundles: readonly string[];
  readonly device: Device;
  /** Threads of one inference. */
  readonly threads: number;
  /** Requests answered side by side, their images seen in one pass; 1 for none. */
  readonly batch: number;
}

/** How long an image waits for others to be seen with. */
const BATCH_WAIT_MS = 5;

/** The name an engine goes by in requests and answers. */
export function engineNameOf(device: Device): EngineName {
  return device === "cpu" ? "container" : "gpu";
}

/** Opens the bundle in a folder. @throws as `openBundle`. */
export type OpenFolder = (folder: string) => Promise<LoadedModel>;

/**
 * Opens every bundle and makes an engine of them, which takes `batch` requests
 * at a time and refuses more. A model whose runtime dies of a request is opened
 * anew, and the request tried once more.
 *
 * @param open opens a bundle; ONNX Runtime on the options' device if left out.
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`,
 *   `engine_unavailable`.
 */
export async function openModelEngine(
  options: ModelEngineOptions,
  open: OpenFolder = (folder) => openBundle(folder, options),
): Promise<NearEngine> {
  const { device, batch } = options;
  const shared: SharedModel[] = [];
  for (const folder of options.bundles) {
    const openBatched = async (): Promise<LoadedModel> =>
      batched(await open(folder), batch);
    shared.push(shareModel(await openBatched(), openBatched));
  }
  const codecs = await loadImageCodecs();
  const lanes = Array.from({ length: batch }, () => {
    const [first, ...rest] = shared.map((model) => model.lane());
    if (first === undefined) throw new Error("internal: no bundle is given");
    const engine = createIsolateEngine({
      name: engineNameOf(device),
      backend: "onnxruntime-node",
      device,
      models: [first, ...rest],
      codecs,
      platform: NODE_PLATFORM,
      maxWaiting: 0,
      decoding: () => ({}),
    });
    return { engine, models: [first, ...rest] };
  });
  return joinLanes(lanes);
}

/** The model, its vision passes shared by up to `batch` callers. */
function batched(loaded: LoadedModel, batch: number): LoadedModel {
  if (batch === 1) return loaded;
  const model = batchVision(loaded.model, {
    maxImages: batch,
    maxWaitMs: BATCH_WAIT_MS,
  });
  return { ...loaded, model };
}

/** An engine that takes one request at a time, and its models. */
interface Lane {
  readonly engine: NearEngine;
  readonly models: readonly ModelLane[];
}

/** Engines over the same models as one: each request goes to an idle one. */
function joinLanes(lanes: readonly Lane[]): NearEngine {
  const [first] = lanes;
  if (first === undefined) throw new Error("internal: no lane");
  const busy = new Set<Lane>();
  return {
    ...first.engine,
    async analyze(request, events) {
      const idle = lanes.find((one) => !busy.has(one));
      // Refuses: it is at work.
      if (idle === undefined)
        return await first.engine.analyze(request, events);
      busy.add(idle);
      try {
        return await idle.engine.analyze(request, events);
      } finally {
        for (const model of idle.models) model.release();
        busy.delete(idle);
      }
    },
  };
}
