// What a host brings to the HTTP API: its models, its decoders, its clock. The
// API itself is the same everywhere.

import type { Context } from "hono";
import type { Platform } from "../shared/analyze/analyze.ts";
import type {
  DecodeImageOptions,
  ImageCodecs,
} from "../shared/image/decode-image.ts";
import type { SniffedImage } from "../shared/image/sniff-image.ts";
import type { Manifest } from "../shared/model/manifest.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";
import type { BodyLimits } from "./read-image.ts";

/** A model the host has, loaded at the first need. */
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

/** The place where this host's inference runs. */
export interface Engine {
  readonly name: "edge" | "container" | "gpu";
  readonly backend: string;
  readonly device: string;
  /** What the runtime holds, and its ceiling; left out where unknown. */
  memory?(): { readonly heap_bytes: number; readonly max_heap_bytes: number };
}

export interface HostLimits extends BodyLimits {
  /** Requests that may wait for the engine beside the one at work. */
  readonly maxWaiting: number;
}

/** Everything `createApp` needs. */
export interface Host {
  /** At least one; the first is the default. */
  readonly models: readonly [HostedModel, ...HostedModel[]];
  readonly engine: Engine;
  readonly codecs: ImageCodecs;
  readonly platform: Platform;
  readonly limits: HostLimits;
  /** How an image is decoded here, and up to which size, told by its header. */
  decoding(header: SniffedImage): DecodeImageOptions;
  /** Keeps work going whose client may leave before it ends. */
  keepAlive?(work: Promise<unknown>, context: Context): void;
  /** Told of everything that is answered with status 500 or above. */
  onFailure?(error: unknown, requestId: string): void;
}
