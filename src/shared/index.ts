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
