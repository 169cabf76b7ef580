// One answer, from anywhere, read without the model that gave it.

import { FlorenceError } from "../errors.ts";
import type { ImageSize } from "../geometry.ts";
import { answerOfIds } from "../parse/answer.ts";
import { parseReference, type ReferenceAnswer } from "../parse/reference.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { parseTask } from "./parse-task.ts";
import {
  findTask,
  taskOf,
  type AnyTask,
  type TaskPayload,
  type TaskRequest,
} from "./table.ts";

/** Fields that need log-probabilities: not known of ids alone. */
const SCORE_FIELDS = new Set([
  "score",
  "label_score",
  "box_score",
  "box_spread",
  "score_kind",
  "scores",
]);

type ScoreField =
  | "score"
  | "label_score"
  | "box_score"
  | "box_spread"
  | "score_kind"
  | "scores";

/** A value without the fields that need log-probabilities. */
type Unscored<T> = T extends readonly [unknown, ...unknown[]]
  ? T
  : T extends readonly (infer Item)[]
    ? Unscored<Item>[]
    : T extends object
      ? { [Key in keyof T as Exclude<Key, ScoreField>]: Unscored<T[Key]> }
      : T;

/** A task's result as far as it follows from the ids. */
export type ParsedPayload = Unscored<TaskPayload>;

export interface ParseOptions extends ImageSize {
  readonly mode?: "strict" | "reference";
}

/**
 * Reads the ids of one answer.
 *
 * `strict`, the default, gives our result without scores: Unicode kept, corners
 * sorted, everything left out counted. `reference` gives the native reference's
 * own object under the task's token, oddities included.
 *
 * @param task a request, or Florence-2's own token; in strict mode a task that
 *   looks for a phrase or labels needs the request.
 * @param ids with or without the decoder's start token.
 * @throws FlorenceError `unknown_task`; `missing_task_input` for a token whose
 *   task needs the request; `invalid_request` for several regions, each of which
 *   has an answer of its own.
 */
export function parseAnswer(
  task: TaskRequest | string,
  ids: readonly number[],
  tokenizer: Tokenizer,
  options: ParseOptions & { readonly mode: "reference" },
): Readonly<Record<string, ReferenceAnswer>>;
export function parseAnswer(
  task: TaskRequest | string,
  ids: readonly number[],
  tokenizer: Tokenizer,
  options: ImageSize & { readonly mode?: "strict" },
): ParsedPayload;
export function parseAnswer(
  task: TaskRequest | string,
  ids: readonly number[],
  tokenizer: Tokenizer,
  options: ParseOptions,
): ParsedPayload | Readonly<Record<string, ReferenceAnswer>> {
  const { width, height, mode = "strict" } = options;
  const size = { width, height };
  const row = typeof task === "string" ? taskOfToken(task) : taskOf(task);
  if (mode === "reference")
    return { [row.token]: parseReference(row.token, ids, tokenizer, size) };

  const request =
    typeof task === "string" ? requestOfToken(row, size) : oneRegion(task);
  const isFinished =
    ids.at(-1) === tokenizer.special.eos ||
    ids.at(-1) === tokenizer.special.pad;
  const payload = row.finish(
    [answerOfIds(ids, isFinished ? "stop" : "length")],
    {
      request,
      tokenizer,
      image: size,
      scale: size,
      threshold: null,
      minScore: 0,
      includeRaw: false,
      resultId: request.id ?? "t0",
    },
  );
  return withoutScores(payload);
}

function taskOfToken(token: string): AnyTask {
  const task = findTask(token);
  if (task !== undefined) return task;
  throw new FlorenceError(
    "unknown_task",
    `There is no task ${JSON.stringify(token.slice(0, 60))}. Give a request, or a token such as "<OD>".`,
  );
}

/** What a token alone says; a region's place does not change how it is read. */
function requestOfToken(task: AnyTask, { width, height }: ImageSize) {
  const box = { x_min: 0, y_min: 0, x_max: width, y_max: height };
  const input = {
    task: task.name,
    ...(task.variant !== null && { [task.variant.field]: task.variant.value }),
    ...(task.inputs.includes("regions") && { regions: [{ box }] }),
  };
  return parseTask(input, "/tasks/0");
}

function oneRegion(request: TaskRequest): TaskRequest {
  if (!("regions" in request) || request.regions.length === 1) return request;
  throw new FlorenceError(
    "invalid_request",
    `The request has ${request.regions.length} regions, and each has an answer of its own. Parse them one by one.`,
  );
}

function withoutScores<T>(value: T): Unscored<T> {
  return strip(value) as Unscored<T>;
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !SCORE_FIELDS.has(key))
      .map(([key, inner]) => [key, strip(inner)]),
  );
}
