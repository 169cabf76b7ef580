// A place that can answer: this isolate, a thread of this process, a server
// elsewhere. Bytes or kept features in, an envelope out.

import type { AnalyzeEvents } from "../../shared/analyze/analyze.ts";
import type { SeenImage } from "../../shared/analyze/seen-image.ts";
import type { Manifest } from "../../shared/model/manifest.ts";
import type { AnalyzeRequest, Envelope } from "../../shared/schema/analysis.ts";

export const ENGINE_NAMES = ["edge", "container", "gpu"] as const;

export type EngineName = (typeof ENGINE_NAMES)[number];

/** What is known of an engine without asking it to work. */
export interface EngineStatus {
  readonly backend: string;
  readonly device: string;
  readonly status: "ready" | "cold" | "unavailable";
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
}

export interface EngineAnswer {
  readonly envelope: Envelope;
  /** The vision pass, to be kept; null where there was none to keep. */
  readonly seen: SeenImage | null;
}

/** One implementation per kind of place; a contract suite holds for all. */
export interface Engine {
  readonly name: EngineName;
  /** Manifests of its models, the default first; at least one. */
  readonly models: readonly [Manifest, ...Manifest[]];

  status(): EngineStatus;

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
