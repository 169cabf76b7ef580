// An engine over bundles on this machine, in the thread that opens it.

import {
  createIsolateEngine,
  type HostedModel,
} from "../http/engine/isolate-engine.ts";
import type { Engine, EngineName } from "../http/engine/engine.ts";
import type { Device } from "../node/devices.ts";
import { loadImageCodecs } from "../node/image-codecs.ts";
import { openBundle } from "../node/open-bundle.ts";
import { NODE_PLATFORM } from "../node/platform.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";

export interface ModelEngineOptions {
  /** Bundle folders, the default model first; at least one. */
  readonly bundles: readonly string[];
  readonly device: Device;
  /** Threads of one inference. */
  readonly threads: number;
  /** Requests that may wait beside the one at work. */
  readonly maxWaiting: number;
}

/** The name an engine goes by in requests and answers. */
export function engineNameOf(device: Device): EngineName {
  return device === "cpu" ? "container" : "gpu";
}

/**
 * Opens every bundle and makes an engine of them.
 *
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`,
 *   `engine_unavailable`.
 */
export async function openModelEngine(
  options: ModelEngineOptions,
): Promise<Engine> {
  const { device, threads } = options;
  const models: HostedModel[] = [];
  for (const folder of options.bundles) {
    models.push(host(await openBundle(folder, { device, threads })));
  }
  const [first, ...rest] = models;
  if (first === undefined) throw new Error("internal: no bundle is given");
  return createIsolateEngine({
    name: engineNameOf(device),
    backend: "onnxruntime-node",
    device,
    models: [first, ...rest],
    codecs: await loadImageCodecs(),
    platform: NODE_PLATFORM,
    maxWaiting: options.maxWaiting,
    decoding: () => ({}),
  });
}

function host(loaded: LoadedModel): HostedModel {
  return {
    manifest: loaded.manifest,
    isLoaded: () => true,
    load: () => Promise.resolve(loaded),
  };
}
