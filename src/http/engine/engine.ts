// A place that can answer: this isolate, a thread of this process, a server
// elsewhere. Bytes or kept features in, an envelope out.

import type { AnalyzeEvents } from "../../shared/analyze/analyze.ts";
import type { SeenImage } from "../../shared/analyze/seen-image.ts";
import type { SniffedImage } from "../../shared/image/sniff-image.ts";
import type { KernelVariant } from "../../shared/model/edge/kernels.ts";
import type { Manifest } from "../../shared/model/manifest.ts";
import type { AnalyzeRequest, Envelope } from "../../shared/schema/analysis.ts";
import type { Principal } from "../principal.ts";

export const ENGINE_NAMES = ["edge", "container", "gpu"] as const;

export type EngineName = (typeof ENGINE_NAMES)[number];

/** `open`: not asked; `half_open`: one request tries whether it is back. */
export type CircuitState = "closed" | "open" | "half_open";

/** What is known of a model wherever it is; a manifest says all of it. */
export type EngineModel = Pick<
  Manifest,
  "id" | "revision" | "precision" | "tasks" | "license" | "source"
> & {
  readonly parts: readonly Pick<
    Manifest["parts"][number],
    "bytes" | "parameters"
  >[];
};

/** What is known of an engine without asking it to work. */
export interface EngineStatus {
  readonly backend: string;
  readonly device: string;
  /** Which build of our kernels runs, once a model is loaded on them. */
  readonly kernels?: KernelVariant;
  readonly status: "ready" | "cold" | "unavailable";
  /** Whether it is left alone for a while after failures; `closed`: it is not. */
  readonly circuit?: CircuitState;
  /** What its runtime holds, and its ceiling; left out where unknown. */
  readonly memory?: {
    readonly heap_bytes: number;
    readonly max_heap_bytes: number;
  };
}

export interface EngineRequest extends AnalyzeRequest {
  /** The file as received; null where only kept features are at hand. */
  readonly bytes: Uint8Array | null;
  /** A vision pass of the same image, model and size, from before. */
  readonly seen: SeenImage | null;
  /** Aborted: the answer holds what is finished. */
  readonly signal: AbortSignal;
  /**
   * When the answer must be there, on the host's clock; left out where nobody
   * waits for it. The signal aborts then.
   */
  readonly deadlineAtMs?: number;
  /** For whom; engines elsewhere must know. */
  readonly principal?: Principal;
  /** W3C Trace Context of the request, passed on. */
  readonly traceparent?: string;
}

export interface EngineAnswer {
  readonly envelope: Envelope;
  /** The vision pass, to be kept; null where there was none to keep. */
  readonly seen: SeenImage | null;
}

/** One implementation per kind of place; a contract suite holds for all. */
export interface Engine {
  readonly name: EngineName;
  /**
   * Its models, the default first. Empty until `refresh` for an engine elsewhere
   * that was not asked yet.
   */
  readonly models: readonly EngineModel[];

  status(): EngineStatus;

  /**
   * The most pixels of an image such as this one it takes; any number if left
   * out.
   */
  readonly maxPixels?: (header: SniffedImage) => number;

  /**
   * Finds out which models there are, unless that is known; left out where it
   * always is.
   *
   * @throws FlorenceError `engine_unavailable`, `warming_up`,
   *   `engine_bad_output`.
   */
  readonly refresh?: (signal?: AbortSignal) => Promise<void>;

  /**
   * Makes the default model ready.
   *
   * @throws FlorenceError `bundle_invalid`, `engine_unavailable`, `warming_up`.
   */
  warm(): Promise<void>;

  /**
   * Answers one request.
   *
   * @throws FlorenceError `engine_unavailable` or `warming_up`: not here, not
   *   now, another may; anything else is the answer.
   */
  analyze(
    request: EngineRequest,
    events?: AnalyzeEvents,
  ): Promise<EngineAnswer>;
}

/** An engine whose bundles are at hand. */
export interface NearEngine extends Engine {
  /** Manifests of its models, the default first; at least one. */
  readonly models: readonly [Manifest, ...Manifest[]];
}
