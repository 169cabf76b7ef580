// A request for an analysis and its answer, as they go over every wire: HTTP,
// the command line, files.

import * as v from "valibot";
import { FlorenceError, type FieldError } from "../errors.ts";
import {
  parseTask,
  TASKS,
  type TaskPayload,
  type TaskRequest,
} from "../tasks/index.ts";
import {
  fieldErrors,
  fieldOf,
  isMissingField,
  isUnknownField,
  unknownFieldDetail,
  type Issue,
} from "./field-errors.ts";
import { ProblemSchema } from "./problem.ts";

export type { TaskPayload, TaskRequest } from "../tasks/index.ts";

/** Tasks of one request. */
export const MAX_TASKS = 16;

const TASKS_WANTED = `required, 1 to ${MAX_TASKS} of {"task", …}`;

/** Letters of a request's metadata, written as JSON. */
export const MAX_METADATA_LENGTH = 8192;

const Flag = v.boolean("true or false");

function whole(from: number, to: number) {
  const message = `a whole number from ${from} to ${to}`;
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(from, message),
    v.maxValue(to, message),
  );
}

function share(from: number, to: number) {
  const message = `a number from ${from} to ${to}`;
  return v.pipe(
    v.number(message),
    v.minValue(from, message),
    v.maxValue(to, message),
  );
}

function oneOf<const Values extends readonly (string | number)[]>(
  values: Values,
) {
  return v.picklist(
    values,
    `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`,
  );
}

/**
 * Options of a request, with their defaults. A host refuses what it does not
 * act upon: nothing is ignored.
 */
export const AnalyzeOptionsSchema = v.strictObject({
  /** Who answers; `auto` lets the host choose. */
  engine: v.optional(oneOf(["auto", "edge", "container", "gpu"]), "auto"),
  /** Whether another engine may answer if that one cannot. */
  allow_fallback: v.optional(Flag, true),
  /** The host's first model if left out. */
  model: v.exactOptional(v.pipe(v.string("a model's id"), v.minLength(1))),
  /** New tokens per answer; the model's limit if left out. */
  max_tokens: v.exactOptional(whole(1, 4096)),
  /** Beams of the search; 1, greedy, if left out. */
  beams: v.exactOptional(whole(1, 8)),
  /** Unit of every box and point, in requests as well as results. */
  coordinates: v.optional(oneOf(["pixel", "normalized"]), "pixel"),
  /**
   * Objects, lines and segments below it are counted in `dropped` only. The
   * model's own for the task if left out, 0 where it has none.
   */
  min_score: v.exactOptional(share(0, 1)),
  tiling: v.optional(
    v.strictObject({
      mode: v.optional(oneOf(["off", "auto"]), "off"),
      max_tiles: v.optional(whole(1, 64), 9),
      overlap: v.optional(share(0, 0.5), 0.15),
    }),
    {},
  ),
  render: v.optional(
    v.strictObject({
      format: v.optional(oneOf(["none", "svg", "png"]), "none"),
      crops: v.optional(oneOf(["none", "png"]), "none"),
    }),
    {},
  ),
  /** Whether features and results kept from before may be used. */
  cache: v.optional(oneOf(["use", "off"]), "use"),
  /** Whether the host keeps the result. */
  store: v.optional(Flag, false),
  /** Adds the model's own answer to each result. */
  include_raw: v.optional(Flag, false),
  /** Side in pixels the image is seen at; `auto`: the model's default. */
  input_size: v.optional(oneOf([384, 512, 768, "auto"]), "auto"),
});

export type AnalyzeOptions = v.InferOutput<typeof AnalyzeOptionsSchema>;

const Metadata = v.pipe(
  v.record(v.string(), v.unknown(), "an object"),
  v.check(
    (metadata) => JSON.stringify(metadata).length <= MAX_METADATA_LENGTH,
    `at most ${MAX_METADATA_LENGTH} characters as JSON`,
  ),
);

/** A request without its image, which every door brings in its own way. */
export const AnalyzeRequestSchema = v.strictObject({
  tasks: v.pipe(
    v.array(v.unknown(), TASKS_WANTED),
    v.minLength(1, `1 to ${MAX_TASKS} tasks`),
    v.maxLength(MAX_TASKS, `1 to ${MAX_TASKS} tasks`),
  ),
  options: v.optional(AnalyzeOptionsSchema, {}),
  /** Comes back unread. */
  metadata: v.optional(Metadata, {}),
});

export interface AnalyzeRequest {
  /** Each with its `id`, the caller's or `t0`, `t1`, … */
  readonly tasks: readonly TaskRequest[];
  readonly options: AnalyzeOptions;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/**
 * Parses a request, its image taken out.
 *
 * @throws FlorenceError `invalid_request`, `unknown_task`, `unsupported_task`,
 *   `missing_task_input` or `region_out_of_bounds`, with a pointer to every
 *   faulty field of the first faulty part.
 */
export function parseAnalyzeRequest(input: unknown): AnalyzeRequest {
  refuseArrays(input);
  const parsed = v.safeParse(AnalyzeRequestSchema, input);
  if (!parsed.success)
    throw invalidRequest(fieldErrors(parsed.issues, "", describe));
  const { options, metadata } = parsed.output;
  const tasks = parsed.output.tasks.map((task, index): TaskRequest => {
    const request = parseTask(task, `/tasks/${index}`);
    return { ...request, id: request.id ?? `t${index}` };
  });
  refuseEqualIds(tasks);
  return { tasks, options, metadata };
}

/** Valibot takes an array for an object without fields: nothing is ignored. */
function refuseArrays(input: unknown): void {
  const paths = [
    [],
    ["options"],
    ["options", "tiling"],
    ["options", "render"],
    ["metadata"],
  ];
  const errors = paths
    .filter((path) => Array.isArray(valueAt(input, path)))
    .map((path) => ({
      pointer: path.map((key) => `/${key}`).join(""),
      detail: "an object, not an array",
    }));
  if (errors.length > 0) throw invalidRequest(errors);
}

function valueAt(input: unknown, path: readonly string[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

/** Names the field that was probably meant, or says what is missing. */
function describe(issue: Issue): string | null {
  if (isMissingField(issue) && fieldOf(issue) === "tasks") return TASKS_WANTED;
  if (!isUnknownField(issue)) return null;
  const [first, second, third] = issue.path ?? [];
  if (second === undefined)
    return unknownFieldDetail(issue, Object.keys(AnalyzeRequestSchema.entries));
  return first?.key === "options" && third === undefined
    ? unknownFieldDetail(issue, Object.keys(AnalyzeOptionsSchema.entries))
    : null;
}

function refuseEqualIds(tasks: readonly TaskRequest[]): void {
  const ids = tasks.map(({ id }) => id);
  const errors = ids.flatMap((id, index): FieldError[] =>
    ids.indexOf(id) === index
      ? []
      : [
          {
            pointer: `/tasks/${index}/id`,
            detail: `task ${ids.indexOf(id)} has the id ${JSON.stringify(id)} as well`,
          },
        ],
  );
  if (errors.length > 0) throw invalidRequest(errors);
}

function invalidRequest(errors: readonly FieldError[]): FlorenceError {
  const [first, ...more] = errors;
  const where = first?.pointer === "" ? "The request" : first?.pointer;
  const rest = more.length > 0 ? ` (and ${more.length} more)` : "";
  return new FlorenceError(
    "invalid_request",
    `${where ?? "The request"}: ${first?.detail ?? "not valid"}${rest}.`,
    { errors },
  );
}

/** The result of a task that failed while others did not. */
const FailedResult = v.object({
  id: v.string(),
  task: v.string(),
  status: v.literal("error"),
  problem: ProblemSchema,
});

export type FailedResult = v.InferOutput<typeof FailedResult>;

/** One entry of `results`. */
export type EnvelopeResult = TaskPayload | FailedResult;

const EnvelopeResultSchema: v.GenericSchema<unknown, EnvelopeResult> = v.union([
  FailedResult,
  ...TASKS.map((task) => task.result),
]);

const Engine = v.picklist(["edge", "container", "gpu"]);

/** Schema of an answer to a request. */
export const EnvelopeSchema = v.object({
  id: v.string(),
  object: v.literal("analysis"),
  created: v.string(),
  status: v.picklist(["completed", "partial"]),
  image: v.object({
    width: v.number(),
    height: v.number(),
    media_type: v.string(),
    sha256: v.string(),
    orientation_applied: v.boolean(),
    feature_id: v.exactOptional(v.string()),
  }),
  /** One per task, in the order of the request. */
  results: v.array(EnvelopeResultSchema),
  model: v.object({
    id: v.string(),
    revision: v.string(),
    quantization: v.string(),
    input_size: v.exactOptional(v.number()),
  }),
  engine: v.object({
    used: Engine,
    attempts: v.array(
      v.object({
        engine: Engine,
        outcome: v.string(),
        reason: v.exactOptional(v.string()),
      }),
    ),
  }),
  usage: v.object({
    vision_passes: v.number(),
    tiles: v.number(),
    prompt_tokens: v.number(),
    output_tokens: v.number(),
    cpu_ms: v.exactOptional(v.number()),
  }),
  timings_ms: v.object({
    fetch: v.exactOptional(v.number()),
    decode: v.number(),
    vision: v.number(),
    text: v.number(),
    total: v.number(),
  }),
  rendering: v.exactOptional(
    v.object({ media_type: v.string(), base64: v.string() }),
  ),
  warnings: v.array(v.string()),
  metadata: v.record(v.string(), v.unknown()),
});

export type Envelope = v.InferOutput<typeof EnvelopeSchema>;
