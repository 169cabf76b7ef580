// What the core gives to others: everything public, listed by hand.

export {
  ERROR_CODES,
  FlorenceError,
  isFlorenceError,
  type ErrorCode,
  type FieldError,
} from "./errors.ts";
export {
  BINS,
  dequantize,
  quantize,
  type Box,
  type ImageSize,
  type Point,
} from "./geometry.ts";
export {
  decodeImage,
  type DecodedImage,
  type DecodeImageOptions,
  type ImageCodecs,
} from "./image/decode-image.ts";
export type { JpegScaling } from "./image/decode-jpeg.ts";
export {
  DEFAULT_IMAGE_LIMITS,
  type ImageLimits,
} from "./image/image-limits.ts";
export { resizeBicubic } from "./image/resize-bicubic.ts";
export type { RgbImage } from "./image/rgb-image.ts";
export { sniffImage, type SniffedImage } from "./image/sniff-image.ts";
export { loadTokenizer, type Tokenizer } from "./tokenizer/tokenizer.ts";
export type { Answer } from "./parse/answer.ts";
export type { ReferenceAnswer } from "./parse/reference.ts";
export {
  parseAnswer,
  type ParsedPayload,
  type ParseOptions,
} from "./tasks/parse-answer.ts";
export {
  findTask,
  parseSpelling,
  parseTask,
  parseTaskList,
  promptIds,
  taskOf,
  TASKS,
  type AnyTask,
  type PromptPart,
  type Task,
  type TaskInputs,
  type TaskPayload,
  type TaskRequest,
} from "./tasks/index.ts";
export {
  AnalyzeOptionsSchema,
  AnalyzeRequestSchema,
  EnvelopeSchema,
  parseAnalyzeRequest,
  type AnalyzeOptions,
  type AnalyzeRequest,
  type Envelope,
  type EnvelopeResult,
  type FailedResult,
} from "./schema/analysis.ts";
export { jsonSchemaOf, requestJsonSchema } from "./schema/json-schema.ts";
export {
  PROBLEMS,
  ProblemSchema,
  toProblem,
  type Problem,
} from "./schema/problem.ts";
export type { DrawableRequest, DrawableResult } from "./render/marks.ts";
export { annotatePhoto } from "./render/annotate-photo.ts";
export type { Rasterizer, RgbaImage } from "./render/rasterizer.ts";
export { renderSvg, type RenderSvgOptions } from "./render/svg.ts";
export {
  analyze,
  type AnalyzeEvents,
  type AnalyzeInput,
  type Platform,
} from "./analyze/analyze.ts";
export { generate, type GenerateOptions } from "./generate/generate.ts";
export { scoreSequences } from "./generate/score-sequences.ts";
export { parseManifest, type Manifest } from "./model/manifest.ts";
export type { BundleSource } from "./model/bundle-source.ts";
export type {
  DecodingState,
  Features,
  Model,
  Prompt,
  StepResult,
  StepRow,
} from "./model/model.ts";
export { openModel, type LoadedModel } from "./model/open-model.ts";
export type { Session, SessionFactory, Tensor } from "./model/session.ts";
