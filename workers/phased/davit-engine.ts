// An engine over a whole Florence-2 on the kernels, wherever its parts are: the
// sizes of pictures it takes, and what of them fits beside the model.

import type { EngineStatus, NearEngine } from "../../src/http/engine/engine.ts";
import { withInputSizes } from "../../src/http/engine/fit-deadline.ts";
import type { Manifest } from "../../src/shared/model/manifest.ts";
import type { PixelLimits } from "../edge/decoding.ts";
import type { OnceHosted } from "../edge/host-model.ts";
import { createKernelEngine } from "../edge/kernel-engine.ts";
import { WORKER_PLATFORM } from "../edge/platform.ts";

/** The sides this Worker plans its memory for. */
const INPUT_SIZES = [768, 512, 384] as const;

/**
 * What vision at a size takes before it was measured, in milliseconds: a base
 * model on one core of a server, `bench/edge/whole.ts`.
 */
const VISION_MS = { 768: 7000, 512: 3200, 384: 1900 };

/** Pixels of what the model leaves, 15 MB. */
const PIXELS: PixelLimits = {
  baselineJpeg: 100_000_000,
  progressiveJpeg: 2_500_000,
  png: 5_000_000,
  webp: 1_300_000,
};

/** The engine of this isolate. */
export function createDavitEngine(
  hosted: OnceHosted,
  memory?: () => NonNullable<EngineStatus["memory"]>,
): NearEngine {
  const engine = createKernelEngine({
    ...{ hosted, memory, platform: WORKER_PLATFORM },
    pixels: PIXELS,
    scaleAbove: 1_000_000,
  });
  return withInputSizes(engine, VISION_MS, WORKER_PLATFORM.now);
}

/** A manifest with the sides that memory is planned for here. */
export function withSizes(manifest: Manifest): Manifest {
  const { vision } = manifest;
  if (vision.kind !== "davit") return manifest;
  return { ...manifest, vision: { ...vision, input_sizes: [...INPUT_SIZES] } };
}
