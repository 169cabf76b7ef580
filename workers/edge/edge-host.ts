// The host of the edge Worker: the model in the box on the kernels, whole in one
// memory, its weights among the static assets.

import type { NearEngine } from "../../src/http/engine/engine.ts";
import type { Host } from "../../src/http/host.ts";
import type { Platform } from "../../src/shared/analyze/analyze.ts";
import type { BundleSource } from "../../src/shared/model/bundle-source.ts";
import { openEdgeModel } from "../../src/shared/model/edge/edge-model.ts";
import type { Manifest } from "../../src/shared/model/manifest.ts";
import {
  readManifest,
  readTokenizer,
} from "../../src/shared/model/open-model.ts";
import { SMALL_MODEL_PIXELS } from "./decoding.ts";
import type { Env } from "./env.ts";
import { hostModel } from "./host-model.ts";
import { createKernelEngine } from "./kernel-engine.ts";
import { KERNEL_MODULES } from "./kernel-modules.ts";
import { platformOf } from "./pictures.ts";
import { assetFiles, storedBundle } from "./stored-bundle.ts";
import { createWorkerHost } from "./worker-host.ts";

/** Of the 128 MB an isolate may take; the rest is for images and the script. */
const MAX_MEMORY_BYTES = 64 * 2 ** 20;

/**
 * Steps of a tower or of decoding between two rests. A picture takes 248: a rest
 * at each costs a quarter of a caption's time, one at each of these is not felt.
 */
const STEPS = 32;

/** The host of the bundle that is deployed with the script. */
export async function createEdgeHost(env: Env): Promise<Host> {
  const bundle = storedBundle("static assets", assetFiles(env.ASSETS));
  const manifest = await readManifest(bundle);
  const platform = platformOf(env);
  const engine = createEdgeEngine(manifest, bundle, platform);
  return createWorkerHost(engine, env, platform);
}

function createEdgeEngine(
  manifest: Manifest,
  bundle: BundleSource,
  platform: Platform,
): NearEngine {
  let memory: WebAssembly.Memory | null = null;
  const hosted = hostModel(manifest, async () => {
    const tokenizer = await readTokenizer(manifest, bundle);
    const model = await openEdgeModel(
      ...([manifest, bundle, tokenizer, KERNEL_MODULES] as const),
      {
        maxBytes: MAX_MEMORY_BYTES,
        rest: restNowAndThen(),
        watch: (run, own) => {
          memory = own;
          return run;
        },
      },
    );
    return { model, tokenizer, manifest };
  });
  return createKernelEngine({
    ...{ hosted, platform, pixels: SMALL_MODEL_PIXELS, scaleAbove: 4_000_000 },
    memory: () => ({
      heap_bytes: memory?.buffer.byteLength ?? 0,
      max_heap_bytes: MAX_MEMORY_BYTES,
    }),
  });
}

/** Deadlines, and clients that leave, are heard when others get a turn. */
function restNowAndThen(): () => Promise<void> {
  let steps = 0;
  return async () => {
    steps += 1;
    if (steps % STEPS === 0) await scheduler.wait(0);
  };
}
