// The body of `POST /v1/analyze`, from the values of the panel.

import { BadInput } from "../shared/bad-input.ts";
import { shown, type Json } from "../shared/json.ts";
import { findTask, type TaskInput, type TaskRow } from "./operations.ts";
import { readRegions, type Region } from "./read-regions.ts";
import { LIMITS } from "./task-table.ts";

/** What a task may be told, as it stands in the panel. */
export interface TaskValues {
  readonly phrase?: unknown;
  readonly labels?: unknown;
  /** Read already, or as in the panel. */
  readonly regions?: readonly Region[] | string;
}

/** What the panel's Options and output fields say of the request. */
export interface RequestOptions {
  readonly annotated: boolean;
  readonly crops: boolean;
  readonly more: Json;
}

/**
 * One task of the request.
 *
 * @throws BadInput for an input that is missing or none.
 */
export function buildTask(task: TaskRow, values: TaskValues): Json {
  const request: Record<string, unknown> = { task: task.name };
  const { variant } = task;
  if (variant !== null) request[variant.field] = variant.value;
  for (const input of task.inputs) {
    const value = readInput(input, values);
    if (value !== undefined) request[input] = value;
    else if (!task.optionalInputs.some((one: TaskInput) => one === input)) {
      throw new BadInput(
        `${titleOf(input)} is empty; the task ${task.spelling} needs it`,
      );
    }
  }
  return request;
}

/**
 * The tasks of Run Many Tasks, from its rows.
 *
 * @throws BadInput naming the row.
 */
export function buildTasks(rows: readonly Json[]): Json[] {
  if (rows.length === 0) throw new BadInput("Add at least one task");
  if (rows.length > LIMITS.tasks) {
    throw new BadInput(
      `There are ${rows.length} tasks; one request takes ${LIMITS.tasks}`,
    );
  }
  return rows.map((row, index) => {
    const spelling = String(row["task"]);
    const task = findTask(spelling);
    if (task === undefined) {
      throw new BadInput(
        `Task ${index + 1}: there is no task ${shown(spelling)}`,
      );
    }
    return buildTask(task, {
      phrase: row["phrase"],
      labels: row["labels"],
      ...(typeof row["regions"] === "string" || Array.isArray(row["regions"])
        ? { regions: row["regions"] as string | readonly Region[] }
        : {}),
    });
  });
}

/** `options` of the request; what is left at its default is left out. */
export function buildOptions({ annotated, crops, more }: RequestOptions): Json {
  const options: Record<string, unknown> = {};
  const copy = (name: string, field: string): void => {
    if (more[name] !== undefined && more[name] !== "")
      options[field] = more[name];
  };
  copy("engine", "engine");
  copy("coordinates", "coordinates");
  copy("minScore", "min_score");
  copy("maxTokens", "max_tokens");
  copy("beams", "beams");
  copy("inputSize", "input_size");
  copy("cache", "cache");
  if (more["onlyThisEngine"] === true) options["allow_fallback"] = false;
  if (more["includeRaw"] === true) options["include_raw"] = true;
  // "default" stands for the service's first model: an empty choice shows red.
  if (more["model"] !== "default") copy("model", "model");
  if (more["tiling"] === true) {
    options["tiling"] = {
      mode: "auto",
      ...(more["maxTiles"] !== undefined && { max_tiles: more["maxTiles"] }),
      ...(more["tileOverlap"] !== undefined && {
        overlap: more["tileOverlap"],
      }),
    };
  }
  if (annotated || crops) {
    options["render"] = {
      format: annotated ? "png" : "none",
      crops: crops ? "png" : "none",
    };
  }
  return options;
}

/** Labels as a list, or as one text with commas or lines between them. */
export function readLabels(value: unknown): string[] {
  const parts = Array.isArray(value)
    ? value.map(String)
    : typeof value === "string"
      ? value.split(/[,\n]/u)
      : [];
  return parts.map((label) => label.trim()).filter((label) => label !== "");
}

/** The value of an input; undefined if it was left empty. */
function readInput(input: TaskInput, values: TaskValues): unknown {
  switch (input) {
    case "phrase": {
      const phrase = String(values.phrase ?? "").trim();
      if (phrase.length > LIMITS.phraseLength) {
        throw new BadInput(
          `Phrase has ${phrase.length} characters; the most are ${LIMITS.phraseLength}`,
        );
      }
      return phrase === "" ? undefined : phrase;
    }
    case "labels": {
      const labels = readLabels(values.labels);
      if (labels.length > LIMITS.labels) {
        throw new BadInput(
          `There are ${labels.length} labels; the most are ${LIMITS.labels}`,
        );
      }
      return labels.length === 0 ? undefined : labels;
    }
    case "regions": {
      const { regions } = values;
      if (regions === undefined || regions === "") return undefined;
      const read = readRegions(regions);
      if (read.length > LIMITS.regions) {
        throw new BadInput(
          `There are ${read.length} regions; the most are ${LIMITS.regions}`,
          "Take the best of them with a Limit or Filter node, or make one item for each.",
        );
      }
      return read;
    }
    default:
      return input satisfies never;
  }
}

function titleOf(input: TaskInput): string {
  return input.charAt(0).toUpperCase() + input.slice(1);
}
