// An engine over a model on the kernels, wherever its parts are: codecs, sizes of
// pictures, and what of them fits beside the model.

import jpegTurbo from "@cwasm/jpeg-turbo/jpeg-turbo.wasm";
import webp from "@jsquash/webp/codec/dec/webp_dec.wasm";
import type { EngineStatus, NearEngine } from "../../src/http/engine/engine.ts";
import { withInputSizes } from "../../src/http/engine/fit-deadline.ts";
import {
  createIsolateEngine,
  type HostedModel,
} from "../../src/http/engine/isolate-engine.ts";
import type { DecodeImageOptions } from "../../src/shared/image/decode-image.ts";
import type { SniffedImage } from "../../src/shared/image/sniff-image.ts";
import type { Manifest } from "../../src/shared/model/manifest.ts";
import { WORKER_PLATFORM } from "../edge/platform.ts";

/** The sides this Worker plans its memory for. */
const INPUT_SIZES = [768, 512, 384] as const;

/**
 * What vision at a size takes before it was measured, in milliseconds: a base
 * model on one core of a server, `bench/edge/phased.ts`.
 */
const VISION_MS = { 768: 7000, 512: 3200, 384: 1900 };

/**
 * Pixels of what the model leaves, 15 MB: a decoder takes 3 bytes a pixel for
 * PNG, 6 for a progressive JPEG, 11 for WebP.
 */
const MAX_PIXELS = {
  baselineJpeg: 100_000_000,
  progressiveJpeg: 2_500_000,
  png: 5_000_000,
  webp: 1_300_000,
};

/** The engine of this isolate. */
export function createKernelEngine(
  hosted: HostedModel,
  memory?: () => NonNullable<EngineStatus["memory"]>,
): NearEngine {
  const engine = createIsolateEngine({
    name: "edge",
    backend: "florence-kernels",
    device: "wasm",
    models: [hosted],
    codecs: { jpegTurbo, webp },
    platform: WORKER_PLATFORM,
    maxWaiting: 8,
    decoding: decodingOf,
    ...(memory !== undefined && { memory }),
  });
  return withInputSizes(engine, VISION_MS, WORKER_PLATFORM.now);
}

/** A manifest with the sides that memory is planned for here. */
export function withSizes(manifest: Manifest): Manifest {
  const { vision } = manifest;
  if (vision.kind !== "davit") return manifest;
  return { ...manifest, vision: { ...vision, input_sizes: [...INPUT_SIZES] } };
}

function decodingOf(header: SniffedImage): DecodeImageOptions {
  return {
    limits: { maxPixels: maxPixelsOf(header) },
    jpegScaling: { abovePixels: 1_000_000, minSide: 768 },
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
