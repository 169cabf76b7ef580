// From the flags of `analyze` to the request the HTTP API would get.

import { readFile } from "node:fs/promises";
import { FlorenceError, isFlorenceError } from "../shared/errors.ts";
import {
  parseAnalyzeRequest,
  type AnalyzeRequest,
} from "../shared/schema/analysis.ts";
import { findTask, parseTaskList } from "../shared/tasks/index.ts";
import type { ANALYZE_FLAGS } from "./analyze-flags.ts";
import type { FlagValues } from "./parse-flags.ts";
import { taskFlags } from "./task-usage.ts";
import { usageError } from "./usage-error.ts";

export type AnalyzeFlagValues = FlagValues<typeof ANALYZE_FLAGS>;

/** Asked for where nothing is. */
const DEFAULT_TASKS = ["caption", "detect"];

/**
 * The request that the flags, and the file of `--request`, make.
 *
 * @throws FlorenceError for every fault a request can have, and
 *   `invalid_request` for flags that contradict each other.
 */
export async function readAnalyzeRequest(
  values: AnalyzeFlagValues,
): Promise<AnalyzeRequest> {
  const body =
    values.request === undefined ? {} : await readBody(values.request);
  const tasks = "tasks" in body ? body["tasks"] : tasksOf(values);
  if ("tasks" in body) refuseTaskFlags(values);
  const request = parseAnalyzeRequest({
    ...body,
    tasks,
    options: optionsOf(body["options"], values),
  });
  refuseUnheeded(request.options);
  return request;
}

function tasksOf(values: AnalyzeFlagValues): readonly unknown[] {
  const spellings = (values.task ?? DEFAULT_TASKS).join(",");
  try {
    return parseTaskList(spellings, {
      phrase: values.phrase,
      labels: values.labels?.split(",").map((label) => label.trim()),
      regions: values.region?.map((text) => ({ box: parseRegion(text) })),
    });
  } catch (error) {
    throw withExample(error, spellings);
  }
}

/** Says in flags what the core says in fields. */
function withExample(error: unknown, spellings: string): unknown {
  if (!isFlorenceError(error) || error.code !== "missing_task_input")
    return error;
  const index = Number(error.errors[0]?.pointer.split("/")[2]);
  const task = findTask(spellings.split(",")[index]?.trim() ?? "");
  const field = error.errors[0]?.pointer.split("/")[3];
  if (task === undefined || field === undefined) return error;
  return new FlorenceError(
    "missing_task_input",
    `${task.spelling} needs ${field}, for example: ${taskFlags(task)}`,
    { cause: error },
  );
}

function parseRegion(text: string): Record<string, number> {
  const parts = text.split(",").map((part) => part.trim());
  const isNumeric = parts.every((part) =>
    /^[-+]?(\d+\.?\d*|\.\d+)$/u.test(part),
  );
  if (parts.length !== 4 || !isNumeric)
    throw usageError(
      `--region wants four numbers, x_min,y_min,x_max,y_max, such as 34,160,597,372; "${text}" is not that.`,
      "analyze",
    );
  const [x_min, y_min, x_max, y_max] = parts.map(Number);
  return { x_min: x_min!, y_min: y_min!, x_max: x_max!, y_max: y_max! };
}

async function readBody(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new FlorenceError("not_found", `Cannot read the request ${path}.`, {
      cause,
    });
  });
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "";
    throw new FlorenceError("invalid_json", `${path} is not JSON: ${reason}.`, {
      cause,
    });
  }
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new FlorenceError(
      "invalid_request",
      `${path} holds no JSON object. Write {"tasks": [{"task": "caption"}]}.`,
    );
  if ("image" in body)
    throw new FlorenceError(
      "invalid_request",
      `${path} names an image; here images are arguments. Take "image" out of it.`,
    );
  return { ...body };
}

function refuseTaskFlags(values: AnalyzeFlagValues): void {
  for (const flag of ["task", "phrase", "labels", "region"] as const) {
    if (values[flag] === undefined) continue;
    throw usageError(
      `--${flag} and the tasks of --request exclude each other.`,
      "analyze",
    );
  }
}

/** Options by flag go over those of the file. */
function optionsOf(given: unknown, values: AnalyzeFlagValues): unknown {
  const inputSize = values["input-size"];
  const options = {
    ...(values.beams !== undefined && {
      beams: wholeNumber("beams", values.beams),
    }),
    ...(values["max-tokens"] !== undefined && {
      max_tokens: wholeNumber("max-tokens", values["max-tokens"]),
    }),
    ...(values["min-score"] !== undefined && {
      min_score: parseNumber("min-score", values["min-score"]),
    }),
    ...(values.coordinates !== undefined && {
      coordinates: values.coordinates,
    }),
    ...(inputSize !== undefined && {
      input_size:
        inputSize === "auto" ? inputSize : wholeNumber("input-size", inputSize),
    }),
    ...(values.raw !== undefined && { include_raw: values.raw }),
  };
  // What is no object is refused by the schema, if flags do not hide it.
  if (typeof given !== "object" || given === null || Array.isArray(given))
    return given ?? options;
  return { ...given, ...options };
}

/** @throws FlorenceError `invalid_request` for anything but a whole number above 0. */
export function wholeNumber(flag: string, text: string): number {
  if (/^[1-9]\d{0,8}$/u.test(text)) return Number(text);
  throw usageError(
    `--${flag} wants a whole number above 0; "${text}" is none.`,
    "analyze",
  );
}

function parseNumber(flag: string, text: string): number {
  if (/^[-+]?(\d+\.?\d*|\.\d+)$/u.test(text)) return Number(text);
  throw usageError(`--${flag} wants a number; "${text}" is none.`, "analyze");
}

/** Options of the API that mean nothing on this machine. */
function refuseUnheeded(options: AnalyzeRequest["options"]): void {
  const unheeded: readonly (readonly [string, boolean, string])[] = [
    ["engine", options.engine === "container" || options.engine === "gpu", ""],
    ["model", options.model !== undefined, " Use --model with a bundle."],
    ["store", options.store, " Redirect the output to a file."],
  ];
  for (const [name, isGiven, advice] of unheeded) {
    if (!isGiven) continue;
    throw new FlorenceError(
      "invalid_request",
      `options.${name} is not heeded on the command line.${advice}`,
    );
  }
}
