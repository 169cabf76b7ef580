// From what a caller wrote to the request of one task, or to an answer that
// says what to write in its place.

import * as v from "valibot";
import { FlorenceError, type ErrorCode } from "../errors.ts";
import {
  fieldErrors,
  fieldOf,
  isMissingField,
  isUnknownField,
  unknownFieldDetail,
  type Issue,
} from "../schema/field-errors.ts";
import { nearestWord } from "../schema/nearest.ts";
import { findTask, TASKS, type AnyTask, type TaskRequest } from "./table.ts";

const INPUT_HELP: Readonly<Record<string, string>> = {
  phrase: "required, a text of 1 to 512 characters",
  labels: "required, 1 to 32 strings",
  regions: 'required, 1 to 64 of {"id"?, "box"}',
};

/** What people ask for that the released weights were never trained on. */
const UNTRAINED = new Set(["vqa", "<vqa>", "question", "answer", "chat"]);

/** Fields that tasks of one list share: those a task takes are given to it. */
export interface TaskInputs {
  readonly phrase?: unknown;
  readonly labels?: unknown;
  readonly regions?: unknown;
}

/**
 * Parses the request of one task.
 *
 * @param pointer where it stands, e.g. `/tasks/2`; `""` where it is alone.
 * @throws FlorenceError `unknown_task`, `unsupported_task`,
 *   `missing_task_input`, `region_out_of_bounds` or `invalid_request`.
 */
export function parseTask(input: unknown, pointer: string): TaskRequest {
  const task = taskFor(input, pointer);
  const parsed = v.safeParse(task.request, input);
  if (parsed.success) return parsed.output;
  const issues: readonly Issue[] = parsed.issues;
  const errors = fieldErrors(issues, pointer, (issue) => describe(issue, task));
  const where =
    pointer === ""
      ? `Task ${task.spelling}`
      : `Task ${pointer.replace(/^.*\//u, "")} (${task.spelling})`;
  const missing = issues.find((issue) => isMissingInput(issue, task));
  if (missing !== undefined) {
    throw new FlorenceError(
      "missing_task_input",
      `${where} needs ${fieldOf(missing)}, e.g. ${JSON.stringify(task.example)}.`,
      { errors },
    );
  }
  const code: ErrorCode = issues.every(isNotFinite)
    ? "region_out_of_bounds"
    : "invalid_request";
  const [first, ...more] = errors;
  const rest = more.length > 0 ? ` (and ${more.length} more)` : "";
  throw new FlorenceError(
    code,
    `${where}: ${first?.pointer.slice(pointer.length + 1) ?? ""}: ${first?.detail ?? "not valid"}${rest}. A valid one is ${JSON.stringify(task.example)}.`,
    { errors },
  );
}

/**
 * A request from a spelling: `caption:detailed` is
 * `{"task": "caption", "detail": "detailed"}`. What the task needs besides is
 * not looked at.
 *
 * @throws FlorenceError `unknown_task` or `unsupported_task`.
 */
export function parseSpelling(
  spelling: string,
  inputs: TaskInputs = {},
): Readonly<Record<string, unknown>> {
  const task = findTask(spelling);
  if (task === undefined) throw unknownTask(spelling, "");
  const given = Object.entries(inputs).filter(
    ([name, value]) => value !== undefined && task.inputs.includes(name),
  );
  return {
    task: task.name,
    ...(task.variant !== null && { [task.variant.field]: task.variant.value }),
    ...Object.fromEntries(given),
  };
}

/**
 * Requests from a list such as `caption:detailed,ocr:lines,ground`.
 *
 * @throws FlorenceError as `parseTask`; `invalid_request` if no task of the
 *   list takes an input that was given.
 */
export function parseTaskList(
  list: string,
  inputs: TaskInputs = {},
): TaskRequest[] {
  const spellings = list
    .split(",")
    .map((spelling) => spelling.trim())
    .filter((spelling) => spelling !== "");
  if (spellings.length === 0) {
    throw new FlorenceError(
      "invalid_request",
      `No tasks are given. Name some of ${spellingList()}.`,
    );
  }
  const requests = spellings.map((spelling) => parseSpelling(spelling, inputs));
  for (const [name, value] of Object.entries(inputs)) {
    if (value === undefined || requests.some((one) => name in one)) continue;
    const takers = TASKS.filter((task) => task.inputs.includes(name));
    throw new FlorenceError(
      "invalid_request",
      `No task of ${JSON.stringify(list)} takes ${name}. Leave it out, or ask for ${takers.map((task) => task.spelling).join(" or ")}.`,
    );
  }
  return requests.map((request, index) =>
    parseTask(request, `/tasks/${index}`),
  );
}

function taskFor(input: unknown, pointer: string): AnyTask {
  const fields = isRecord(input) ? input : {};
  const name = fields["task"];
  if (typeof name !== "string") {
    throw new FlorenceError(
      "invalid_request",
      `${pointer}: each task is an object with its name, e.g. ${JSON.stringify(TASKS[0]?.example)}.`,
      { errors: [{ pointer: `${pointer}/task`, detail: "required" }] },
    );
  }
  const named = TASKS.filter((task) => task.name === name);
  const [first] = named;
  if (first === undefined) throw unknownTask(name, pointer);
  if (first.variant === null) return first;
  const { field } = first.variant;
  const value = fields[field];
  if (value === undefined) return first;
  const task = named.find(({ variant }) => variant?.value === value);
  if (task !== undefined) return task;
  const values = named.map(({ variant }) => JSON.stringify(variant?.value));
  const detail = `one of ${values.join(", ")}`;
  throw new FlorenceError(
    "invalid_request",
    `${pointer}/${field} is ${JSON.stringify(value).slice(0, 60)}; write ${detail}.`,
    { errors: [{ pointer: `${pointer}/${field}`, detail }] },
  );
}

function unknownTask(name: string, pointer: string): FlorenceError {
  const shown = JSON.stringify(name.slice(0, 60));
  const errors = [
    { pointer: `${pointer}/task`, detail: `one of ${nameList()}` },
  ];
  if (UNTRAINED.has(name.toLowerCase())) {
    return new FlorenceError(
      "unsupported_task",
      `${shown} is nothing the released Florence-2 weights were trained for: free questions get unusable answers. There is: ${spellingList()}.`,
      { errors },
    );
  }
  const known = findTask(name);
  if (known !== undefined) {
    return new FlorenceError(
      "unknown_task",
      `${shown} is written ${JSON.stringify(known.example)} here.`,
      { errors },
    );
  }
  const meant = nearestWord(name, [
    ...TASKS.map((task) => task.spelling),
    ...TASKS.map((task) => task.token),
  ]);
  const hint =
    meant === null
      ? ""
      : ` Did you mean ${findTask(meant)?.spelling ?? meant}?`;
  return new FlorenceError(
    "unknown_task",
    `There is no task ${shown}.${hint} There is: ${spellingList()}.`,
    { errors },
  );
}

function describe(issue: Issue, task: AnyTask): string | null {
  const field = fieldOf(issue);
  if (isMissingInput(issue, task)) return INPUT_HELP[field] ?? "required";
  if (!isUnknownField(issue) || issue.path?.length !== 1) return null;
  if (field in INPUT_HELP) return `${task.spelling} takes no ${field}`;
  const own = task.variant === null ? [] : [task.variant.field];
  return unknownFieldDetail(issue, ["task", "id", ...own, ...task.inputs]);
}

function isMissingInput(issue: Issue, task: AnyTask): boolean {
  return (
    isMissingField(issue) &&
    issue.path?.length === 1 &&
    task.inputs.includes(fieldOf(issue))
  );
}

/** A number that is no place: JSON has none, a caller in TypeScript may. */
function isNotFinite(issue: Issue): boolean {
  return (
    issue.path?.at(-2)?.key === "box" &&
    typeof issue.input === "number" &&
    !Number.isFinite(issue.input)
  );
}

function nameList(): string {
  return [...new Set(TASKS.map((task) => task.name))].join(", ");
}

function spellingList(): string {
  return TASKS.map((task) => task.spelling).join(", ");
}

function isRecord(input: unknown): input is Record<string, unknown> {
  return typeof input === "object" && input !== null && !Array.isArray(input);
}
