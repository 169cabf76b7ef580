// The engine of this isolate or thread: one inference at a time over models
// that are loaded at the first need.

import { analyze, type Platform } from "../../shared/analyze/analyze.ts";
import { needsLook } from "../../shared/analyze/needs-look.ts";
import type { SeenImage } from "../../shared/analyze/seen-image.ts";
import {
  FlorenceError,
  isFlorenceError,
  throwIfAborted,
} from "../../shared/errors.ts";
import { freeMemory } from "../../shared/free-memory.ts";
import {
  decodeImage,
  type DecodedImage,
  type DecodeImageOptions,
  type ImageCodecs,
} from "../../shared/image/decode-image.ts";
import {
  sniffImage,
  type SniffedImage,
} from "../../shared/image/sniff-image.ts";
import type { KernelVariant } from "../../shared/model/edge/kernels.ts";
import type { Manifest } from "../../shared/model/manifest.ts";
import type { LoadedModel } from "../../shared/model/open-model.ts";
import type { AnalyzeOptions, Envelope } from "../../shared/schema/analysis.ts";
import { outlast } from "../outlast.ts";
import type {
  EngineName,
  EngineRequest,
  EngineStatus,
  NearEngine,
} from "./engine.ts";
import { tellOnce } from "./tell-once.ts";
import { createTurns } from "./turns.ts";

/** A model the engine has, loaded at the first need. */
export interface HostedModel {
  readonly manifest: Manifest;
  isLoaded(): boolean;
  /**
   * The model, the same for every caller; the host owns it.
   *
   * @throws FlorenceError `bundle_invalid`, `engine_unavailable`.
   */
  load(): Promise<LoadedModel>;
  /**
   * Gives up what is loaded, its runtime being dead: `load` begins anew. Without
   * it a dead engine stays dead.
   */
  reset?(): Promise<void>;
}

export interface IsolateEngineOptions {
  readonly name: EngineName;
  readonly backend: string;
  readonly device: string;
  /** At least one; the first is the default. */
  readonly models: readonly [HostedModel, ...HostedModel[]];
  readonly codecs: ImageCodecs;
  readonly platform: Platform;
  /** Requests that may wait beside the one at work. */
  readonly maxWaiting: number;
  /**
   * How an image is decoded here, and up to which size, told by its header. With
   * tiles a large JPEG keeps twice the detail.
   */
  readonly decoding: (header: SniffedImage) => DecodeImageOptions;
  readonly memory?: () => NonNullable<EngineStatus["memory"]>;
  /** Null before a model is loaded. */
  readonly kernels?: () => KernelVariant | null;
}

export function createIsolateEngine(options: IsolateEngineOptions): NearEngine {
  const { models, platform } = options;
  const turns = createTurns(options.maxWaiting);
  const [first, ...rest] = models;

  return {
    name: options.name,
    models: [first.manifest, ...rest.map(({ manifest }) => manifest)],
    status: () => ({
      backend: options.backend,
      device: options.device,
      status: models.some((hosted) => hosted.isLoaded()) ? "ready" : "cold",
      ...(options.memory === undefined ? {} : { memory: options.memory() }),
      ...kernelsOf(options),
    }),
    maxPixels: (header) =>
      options.decoding(header).limits?.maxPixels ?? Number.POSITIVE_INFINITY,
    warm: async () => {
      await outlast(first.load());
    },
    analyze: (request, events = {}) =>
      turns.run(async () => {
        const hosted = chooseModel(request.options.model, models);
        const isEnough = await isSeenEnough(request, hosted);
        const decodeStartMs = platform.now();
        const image = isEnough ? null : await decode(request, options);
        const decodeMs = platform.now() - decodeStartMs;
        throwIfAborted(request.signal);
        let kept: SeenImage | null = null;
        const nextListeners = tellOnce({
          ...events,
          vision: (seen) => {
            kept = seen;
            events.vision?.(seen);
          },
        });
        const answer = async (loaded: LoadedModel): Promise<Envelope> =>
          await analyze(
            loaded,
            { ...request, image, decodeMs, engine: options.name },
            platform,
            nextListeners(),
          );
        try {
          return { envelope: await answerWith(hosted, answer), seen: kept };
        } finally {
          if (image !== null) freeMemory(image.image.data);
        }
      }, request.signal),
  };
}

function kernelsOf({
  kernels,
}: IsolateEngineOptions): Pick<EngineStatus, "kernels"> {
  const variant = kernels?.() ?? null;
  return variant === null ? {} : { kernels: variant };
}

/**
 * Answers with a model; if its runtime dies of it, loads it anew and tries once
 * more.
 *
 * @throws FlorenceError `engine_unavailable` if the new one dies as well.
 */
async function answerWith<T>(
  hosted: HostedModel,
  answer: (loaded: LoadedModel) => Promise<T>,
): Promise<T> {
  const loaded = await outlast(hosted.load());
  try {
    return await answer(loaded);
  } catch (error) {
    const isDead =
      isFlorenceError(error) && error.code === "engine_unavailable";
    if (!isDead || hosted.reset === undefined) throw error;
    await hosted.reset();
  }
  return await answer(await outlast(hosted.load()));
}

/** Whether what was seen answers the request, without the pixels. */
async function isSeenEnough(
  request: EngineRequest,
  hosted: HostedModel,
): Promise<boolean> {
  const { seen, options } = request;
  if (seen === null || needsPixels(options)) return false;
  return !needsLook(await outlast(hosted.load()), seen, request);
}

/** The pixels; null where only kept features are at hand. */
async function decode(
  { bytes, options }: EngineRequest,
  { codecs, decoding }: IsolateEngineOptions,
): Promise<DecodedImage | null> {
  if (bytes === null) return null;
  const how = decoding(sniffImage(bytes));
  const { jpegScaling } = how;
  if (options.tiling.mode === "off" || typeof jpegScaling !== "object") {
    return await decodeImage(bytes, codecs, how);
  }
  const minSide = 2 * jpegScaling.minSide;
  return await decodeImage(bytes, codecs, {
    ...how,
    jpegScaling: { ...jpegScaling, minSide },
  });
}

function needsPixels({ tiling, render }: AnalyzeOptions): boolean {
  return (
    tiling.mode === "auto" || render.format === "png" || render.crops === "png"
  );
}

/**
 * The model a request names, the first if it names none.
 *
 * @throws FlorenceError `invalid_request`, listing the models.
 */
function chooseModel(
  id: string | undefined,
  models: readonly [HostedModel, ...HostedModel[]],
): HostedModel {
  if (id === undefined) return models[0];
  const hosted = models.find(({ manifest }) => manifest.id === id);
  if (hosted !== undefined) return hosted;
  const ids = models.map(({ manifest }) => manifest.id).join(", ");
  throw new FlorenceError(
    "invalid_request",
    `There is no model "${id.slice(0, 80)}" here. There is: ${ids}.`,
    { errors: [{ pointer: "/options/model", detail: `one of: ${ids}` }] },
  );
}
