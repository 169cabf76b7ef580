// What the page and its worker say to each other. Both are of one build, so that
// what comes in needs no parsing; what the page's program asks is parsed in the
// worker, as every host does it.

import type { AnalyzeEvents } from "../shared/analyze/analyze.ts";
import type { Envelope } from "../shared/schema/analysis.ts";
import type { Problem } from "../shared/schema/problem.ts";

/** Something that was wished for and is not used, and why. */
export interface Dropped {
  readonly what: "threads" | "webgpu";
  readonly reason: string;
}

/** What answers in this page. */
export interface Backend {
  /** The model's id. */
  readonly model: string;
  /** `florence-kernels` or `onnxruntime-web`. */
  readonly backend: string;
  /** The variant of the kernels, or `webgpu`. */
  readonly device: string;
  /** Threads that compute. */
  readonly threads: number;
  readonly dropped: readonly Dropped[];
}

/** What a worker opens; addresses are absolute, those of folders with a slash. */
export interface Opening {
  readonly bundle: string;
  readonly webgpu: string | null;
  readonly assets: string;
  readonly threads: number;
  readonly maxBytes: number;
}

/** A request as it goes over the wire, its image left out. */
export interface AnalyzeAsk {
  readonly tasks: readonly object[];
  readonly options?: object;
  readonly metadata?: object;
}

/** Events of an analysis that are told to the page as they come. */
export const TOLD_EVENTS = ["token", "object", "result", "warning"] as const;
export type ToldEvents = Pick<AnalyzeEvents, (typeof TOLD_EVENTS)[number]>;

export type ToWorker =
  | { readonly kind: "open"; readonly id: number; readonly opening: Opening }
  | {
      readonly kind: "analyze";
      readonly id: number;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly request: AnalyzeAsk;
    }
  | { readonly kind: "abort"; readonly id: number };

export type ToPage =
  | { readonly kind: "opened"; readonly id: number; readonly backend: Backend }
  | {
      readonly kind: "answered";
      readonly id: number;
      readonly envelope: Envelope;
    }
  | { readonly kind: "refused"; readonly id: number; readonly problem: Problem }
  | {
      readonly kind: "told";
      readonly id: number;
      readonly event: keyof ToldEvents;
      readonly value: unknown;
    };

/** One end of a channel: a worker, the worker's own side, a port. */
export interface Channel<In, Out> {
  postMessage(message: Out, transfer: ArrayBuffer[]): void;
  addEventListener(
    type: "message",
    listener: (event: { readonly data: In }) => void,
  ): void;
}
