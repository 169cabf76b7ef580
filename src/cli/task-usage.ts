// How each task is asked for on the command line, told from the task table.

import { isFlorenceError } from "../shared/errors.ts";
import { parseTask, type AnyTask } from "../shared/tasks/index.ts";

/** The flag that brings an input, and the field of requests it fills. */
export const INPUT_FLAGS = {
  phrase: "--phrase",
  labels: "--labels",
  regions: "--region",
} as const satisfies Readonly<Record<string, string>>;

/** One input of a task. */
export interface TaskInput {
  readonly field: string;
  readonly flag: string;
  readonly isRequired: boolean;
}

/** What a task takes besides the image. */
export function taskInputs(task: AnyTask): TaskInput[] {
  return task.inputs.map((field) => ({
    field,
    flag: flagOf(field),
    isRequired: isRequired(task, field),
  }));
}

/** The flags that ask for a task, with the table's example: `--task ground --phrase "a red bicycle"`. */
export function taskFlags(task: AnyTask): string {
  const example: Readonly<Record<string, unknown>> = { ...task.example };
  const inputs = task.inputs
    .filter((field) => example[field] !== undefined)
    .map((field) => ` ${flagOf(field)} ${exampleValue(example[field])}`);
  return `--task ${task.spelling}${inputs.join("")}`;
}

function flagOf(field: string): string {
  return field in INPUT_FLAGS
    ? INPUT_FLAGS[field as keyof typeof INPUT_FLAGS]
    : `--${field}`;
}

/** Asks the schema: is the example still right without it? */
function isRequired(task: AnyTask, field: string): boolean {
  const request: Record<string, unknown> = { ...task.example };
  request[field] = undefined;
  try {
    parseTask(
      Object.fromEntries(
        Object.entries(request).filter(([, value]) => value !== undefined),
      ),
      "",
    );
    return false;
  } catch (error) {
    if (isFlorenceError(error)) return true;
    throw error;
  }
}

function exampleValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (!Array.isArray(value)) return String(value);
  const [first] = value as unknown[];
  if (typeof first === "object" && first !== null && "box" in first)
    return Object.values(first.box as Record<string, number>).join(",");
  const list = value.map(String).join(",");
  return list.includes(" ") ? JSON.stringify(list) : list;
}
