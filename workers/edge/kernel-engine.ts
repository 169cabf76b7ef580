// An engine over a model on the kernels, wherever its parts are.

import type { EngineStatus, NearEngine } from "../../src/http/engine/engine.ts";
import {
  createIsolateEngine,
  type HostedModel,
} from "../../src/http/engine/isolate-engine.ts";
import type { Platform } from "../../src/shared/analyze/analyze.ts";
import { decodingWithin, EDGE_CODECS, type PixelLimits } from "./decoding.ts";

export interface KernelEngineOptions {
  readonly hosted: HostedModel;
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
    ...(memory !== undefined && { memory }),
  });
}
