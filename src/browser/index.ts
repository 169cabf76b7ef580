// What pages use: open a model in a worker, analyze pictures.

export {
  FlorenceError,
  isFlorenceError,
  type ErrorCode,
} from "../shared/errors.ts";
export type { Envelope, EnvelopeResult } from "../shared/schema/analysis.ts";
export type { AnalyzeMore } from "./ask-worker.ts";
export type { AnalyzeAsk, Backend, Dropped, ToldEvents } from "./messages.ts";
export {
  openFlorence,
  type Florence,
  type FlorenceOptions,
} from "./open-florence.ts";
