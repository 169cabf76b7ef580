// The host of a whole Florence-2 in one isolate: vision, encoder and decoder one
// after another on the kernels, weights streamed from where the bundle is.

import type { NearEngine } from "../../src/http/engine/engine.ts";
import type { Host } from "../../src/http/host.ts";
import type { BundleSource } from "../../src/shared/model/bundle-source.ts";
import {
  openPhasedModel,
  type PhasedModel,
} from "../../src/shared/model/edge/phased-model.ts";
import type { Manifest } from "../../src/shared/model/manifest.ts";
import {
  readManifest,
  readTokenizer,
} from "../../src/shared/model/open-model.ts";
import type { Env } from "../edge/env.ts";
import { hostModel } from "../edge/host-model.ts";
import { KERNEL_MODULES } from "../edge/kernel-modules.ts";
import { WORKER_PLATFORM } from "../edge/platform.ts";
import {
  assetFiles,
  bucketFiles,
  storedBundle,
} from "../edge/stored-bundle.ts";
import { createWorkerHost } from "../edge/worker-host.ts";
import { createDavitEngine, withSizes } from "./davit-engine.ts";
import { restNowAndThen } from "./rest.ts";

/** Of the 128 MB an isolate may take; the rest is for images and the script. */
const MAX_MEMORY_BYTES = 110_000_000;

/** One pass at 768 pixels, for who asks at the same time; all are in the bucket. */
const FEATURE_MEMORY_BYTES = 2 * 2 ** 20;

export interface PhasedEnv extends Env {
  /** A bucket with the bundle, in place of the static assets. */
  readonly WEIGHTS?: R2Bucket;
  /** The bundle's folder in it. */
  readonly WEIGHTS_FOLDER?: string;
}

/** The host of the bundle that is deployed with the script. */
export async function createPhasedHost(env: PhasedEnv): Promise<Host> {
  const bundle =
    env.WEIGHTS === undefined
      ? storedBundle("static assets", assetFiles(env.ASSETS))
      : storedBundle(
          "bucket WEIGHTS",
          bucketFiles(env.WEIGHTS, env.WEIGHTS_FOLDER ?? "bundle"),
        );
  const manifest = withSizes(await readManifest(bundle));
  const engine = createPhasedEngine(manifest, bundle);
  return {
    ...createWorkerHost(engine, env, WORKER_PLATFORM),
    featureMemoryBytes: FEATURE_MEMORY_BYTES,
  };
}

/** The engine of this isolate. */
export function createPhasedEngine(
  manifest: Manifest,
  bundle: BundleSource,
): NearEngine {
  let opened: PhasedModel | null = null;
  const hosted = hostModel(manifest, async () => {
    const tokenizer = await readTokenizer(manifest, bundle);
    opened = await openPhasedModel(
      ...([manifest, bundle, tokenizer, KERNEL_MODULES] as const),
      {
        maxBytes: MAX_MEMORY_BYTES,
        rest: restNowAndThen(),
      },
    );
    return { model: opened.model, tokenizer, manifest };
  });
  return createDavitEngine(hosted, () => ({
    heap_bytes: opened?.memoryBytes() ?? 0,
    max_heap_bytes: MAX_MEMORY_BYTES,
  }));
}
