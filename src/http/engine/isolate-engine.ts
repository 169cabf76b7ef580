// The engine of this isolate or thread: one inference at a time over models
// that are loaded at the first need.

import {
  analyze,
  type AnalyzeEvents,
  type Platform,
} from "../../shared/analyze/analyze.ts";
import type { SeenImage } from "../../shared/analyze/seen-image.ts";
import { FlorenceError, throwIfAborted } from "../../shared/errors.ts";
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
import type { Manifest } from "../../shared/model/manifest.ts";
import type { LoadedModel } from "../../shared/model/open-model.ts";
import { outlast } from "../outlast.ts";
import type {
  Engine,
  EngineName,
  EngineRequest,
  EngineStatus,
} from "./engine.ts";
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
  /** How an image is decoded here, and up to which size, told by its header. */
  readonly decoding: (header: SniffedImage) => DecodeImageOptions;
  readonly memory?: () => NonNullable<EngineStatus["memory"]>;
}

export function createIsolateEngine(options: IsolateEngineOptions): Engine {
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
    }),
    warm: async () => {
      await outlast(first.load());
    },
    analyze: (request, events = {}) =>
      turns.run(async () => {
        const decodeStartMs = platform.now();
        const image = await decode(request, options);
        const decodeMs = platform.now() - decodeStartMs;
        throwIfAborted(request.signal);
        const hosted = chooseModel(request.options.model, models);
        const loaded = await outlast(hosted.load());
        let kept: SeenImage | null = null;
        const told: AnalyzeEvents = {
          ...events,
          vision: (seen) => {
            kept = seen;
            events.vision?.(seen);
          },
        };
        const envelope = await analyze(
          loaded,
          { ...request, image, decodeMs, engine: options.name },
          platform,
          told,
        );
        return { envelope, seen: kept };
      }, request.signal),
  };
}

async function decode(
  { bytes, seen }: EngineRequest,
  { codecs, decoding }: IsolateEngineOptions,
): Promise<DecodedImage | null> {
  if (seen !== null || bytes === null) return null;
  return await decodeImage(bytes, codecs, decoding(sniffImage(bytes)));
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
