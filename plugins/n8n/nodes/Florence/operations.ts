// From what is chosen in the panel to a task of the service: one line for each
// operation.

import { TASKS } from "./task-table.ts";

export type TaskRow = (typeof TASKS)[number];

/** What a task is told beside its name. */
export type TaskInput = TaskRow["inputs"][number];

/** Resource and operation, to the task's name; `null` for many tasks. */
export const OPERATIONS = {
  "image.caption": "caption",
  "image.denseCaption": "dense_caption",
  "image.runMany": null,
  "object.detect": "detect",
  "object.detectOpen": "detect_open",
  "object.ground": "ground",
  "object.propose": "propose",
  "segment.byPhrase": "segment",
  "segment.byRegion": "segment_regions",
  "region.classify": "classify_regions",
  "region.describe": "describe_regions",
  "region.readText": "ocr_regions",
  "text.read": "ocr",
  "text.readWithRegions": "ocr:lines",
} as const satisfies Readonly<Record<string, string | null>>;

/**
 * The task of an operation.
 *
 * @param detail of a caption: short, detailed or full.
 * @returns null for Run Many Tasks, undefined for an operation there is not.
 */
export function taskOfOperation(
  resource: string,
  operation: string,
  detail: string,
): TaskRow | null | undefined {
  const key = `${resource}.${operation}`;
  const entry = Object.entries(OPERATIONS).find(([name]) => name === key);
  if (entry === undefined) return undefined;
  const [, name] = entry;
  return name === null ? null : findTask(name, detail);
}

/** A task by its spelling, or by its name and the value of its variant. */
export function findTask(name: string, variant = ""): TaskRow | undefined {
  return (
    TASKS.find(
      (task) => task.name === name && task.variant?.value === variant,
    ) ?? TASKS.find((task) => task.spelling === name)
  );
}

/** Values for n8n's `displayOptions`: operations whose task takes an input. */
export function operationsWith(input: TaskInput): string[] {
  return operationsWhere((task) =>
    task.inputs.some((one: TaskInput) => one === input),
  );
}

/** Operations whose answer is a list, which can be made one item for each. */
export function operationsWithList(): string[] {
  return [...operationsWhere((task) => task.list !== null), "runMany"];
}

function operationsWhere(isWanted: (task: TaskRow) => boolean): string[] {
  return Object.entries(OPERATIONS).flatMap(([key, name]) => {
    const task = name === null ? undefined : findTask(name);
    const [, operation = ""] = key.split(".");
    return task !== undefined && isWanted(task) ? [operation] : [];
  });
}
