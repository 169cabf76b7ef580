// An engine over a model on the kernels, wherever its parts are.

import type { EngineStatus, NearEngine } from "../../src/http/engine/engine.ts";
import { createIsolateEngine } from "../../src/http/engine/isolate-engine.ts";
import type { Platform } from "../../src/shared/analyze/analyze.ts";
import {
  isKernelVariant,
  type KernelVariant,
} from "../../src/shared/model/edge/kernels.ts";
import { decodingWithin, EDGE_CODECS, type PixelLimits } from "./decoding.ts";
import type { OnceHosted } from "./host-model.ts";

export interface KernelEngineOptions {
  readonly hosted: OnceHosted;
  readonly platform: Platform;
  /** Most pixels of a picture, and from how many on a JPEG is scaled down. */
  readonly pixels: PixelLimits;
  readonly scaleAbove: number;
  readonly memory?: (() => NonNullable<EngineStatus["memory"]>) | undefined;
}

/** The engine of this isolate. */
export function createKernelEngine(options: KernelEngineOptions): NearEngine {
  const { hosted, platform, pixels, scaleAbove, memory } = options;
  return createIsolateEngine({
    name: "edge",
    backend: "florence-kernels",
    device: "wasm",
    models: [hosted],
    codecs: EDGE_CODECS,
    platform,
    maxWaiting: 8,
    decoding: decodingWithin(pixels, scaleAbove),
    kernels: () => variantOf(hosted),
    ...(memory !== undefined && { memory }),
  });
}

/** Null before the model is loaded, and where its parts are elsewhere. */
function variantOf(hosted: OnceHosted): KernelVariant | null {
  const device = hosted.loaded()?.model.capabilities.device;
  return device !== undefined && isKernelVariant(device) ? device : null;
}
