// An engine over bundles on this machine, in the thread that opens it.

import {
  createIsolateEngine,
  type HostedModel,
} from "../http/engine/isolate-engine.ts";
import type { EngineName, NearEngine } from "../http/engine/engine.ts";
import type { Device } from "../node/devices.ts";
import { loadImageCodecs } from "../node/image-codecs.ts";
import { openBundle } from "../node/open-bundle.ts";
import { NODE_PLATFORM } from "../node/platform.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";
import { batchVision } from "./batch-vision.ts";

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

/**
 * Opens every bundle and makes an engine of them, which takes `batch` requests
 * at a time and refuses more.
 *
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`,
 *   `engine_unavailable`.
 */
export async function openModelEngine(
  options: ModelEngineOptions,
): Promise<NearEngine> {
  const { device, threads, batch } = options;
  const hosted: HostedModel[] = [];
  for (const folder of options.bundles) {
    hosted.push(host(await openBundle(folder, { device, threads }), batch));
  }
  const [first, ...rest] = hosted;
  if (first === undefined) throw new Error("internal: no bundle is given");
  const codecs = await loadImageCodecs();
  return joinLanes(
    Array.from({ length: batch }, () =>
      createIsolateEngine({
        name: engineNameOf(device),
        backend: "onnxruntime-node",
        device,
        models: [first, ...rest],
        codecs,
        platform: NODE_PLATFORM,
        maxWaiting: 0,
        decoding: () => ({}),
      }),
    ),
  );
}

function host(loaded: LoadedModel, batch: number): HostedModel {
  const batched: LoadedModel =
    batch === 1
      ? loaded
      : {
          ...loaded,
          model: batchVision(loaded.model, {
            maxImages: batch,
            maxWaitMs: BATCH_WAIT_MS,
          }),
        };
  return {
    manifest: loaded.manifest,
    isLoaded: () => true,
    load: () => Promise.resolve(batched),
  };
}

/** Engines over the same models as one: each request goes to an idle one. */
function joinLanes(lanes: readonly NearEngine[]): NearEngine {
  const [first] = lanes;
  if (first === undefined) throw new Error("internal: no lane");
  const busy = new Set<NearEngine>();
  return {
    ...first,
    async analyze(request, events) {
      const lane = lanes.find((one) => !busy.has(one)) ?? first;
      busy.add(lane);
      try {
        return await lane.analyze(request, events);
      } finally {
        busy.delete(lane);
      }
    },
  };
}
