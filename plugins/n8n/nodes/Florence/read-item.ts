// What one item asks for, read from the panel.

import type { IExecuteFunctions } from "n8n-workflow";
import { BadInput } from "../shared/bad-input.ts";
import { objectsOf, type Json } from "../shared/json.ts";
import type { Asking } from "./analyze.ts";
import { buildOptions, buildTask, buildTasks } from "./build-request.ts";
import { taskOfOperation, type TaskRow } from "./operations.ts";
import { regionsOfItem, type Region } from "./read-regions.ts";

export interface ItemRequest {
  /** `tasks` and `options` of the body. */
  readonly request: Json;
  readonly asking: Asking;
  readonly output: {
    readonly perObject: boolean;
    readonly simplify: boolean;
    readonly keepInput: boolean;
    readonly isMany: boolean;
  };
}

/** @throws BadInput for a value that is missing or none. */
export function readItem(
  context: IExecuteFunctions,
  itemIndex: number,
): ItemRequest {
  const read = (name: string, standard: unknown): unknown =>
    context.getNodeParameter(name, itemIndex, standard) as unknown;
  const resource = String(read("resource", ""));
  const operation = String(read("operation", ""));
  const task = taskOfOperation(
    resource,
    operation,
    String(read("detail", "short")),
  );
  if (task === undefined) {
    throw new BadInput(`There is no operation "${operation}" of "${resource}"`);
  }
  const options = read("options", {}) as Json;
  const tasks =
    task === null
      ? buildTasks(objectsOf((read("tasks", {}) as Json)["task"]))
      : [buildTask(task, valuesOf(context, itemIndex, task, read))];
  return {
    request: {
      tasks,
      options: buildOptions({
        annotated: read("annotated", false) === true,
        crops: read("crops", false) === true,
        more: options,
      }),
    },
    asking: {
      itemIndex,
      timeoutMs: Number(options["timeout"] ?? 120) * 1000,
      retries: Number(options["retries"] ?? 3),
      asJob: (options["asJob"] ?? "no") as Asking["asJob"],
    },
    output: {
      perObject: read("output", "image") === "object",
      simplify: read("simplify", true) === true,
      keepInput: options["keepInput"] !== false,
      isMany: task === null,
    },
  };
}

function valuesOf(
  context: IExecuteFunctions,
  itemIndex: number,
  task: TaskRow,
  read: (name: string, standard: unknown) => unknown,
): {
  phrase?: unknown;
  labels?: unknown;
  regions?: readonly Region[] | string;
} {
  const inputs: readonly string[] = task.inputs;
  const labels = task.name === "classify_regions" ? "categories" : "labels";
  return {
    ...(inputs.includes("phrase") && { phrase: read("phrase", "") }),
    ...(inputs.includes("labels") && { labels: read(labels, "") }),
    ...(inputs.includes("regions") && {
      regions: regionsFrom(context, itemIndex, read),
    }),
  };
}

function regionsFrom(
  context: IExecuteFunctions,
  itemIndex: number,
  read: (name: string, standard: unknown) => unknown,
): readonly Region[] | string {
  switch (read("regionsFrom", "item")) {
    case "json":
      return read("regionsJson", "") as string;
    case "fields": {
      const { region } = read("regions", {}) as { region?: unknown };
      // An empty id is no id; each box is checked with the others.
      return objectsOf(region).map(({ id, ...box }) => ({
        ...(typeof id === "string" && id !== "" && { id }),
        box: box as unknown as Region["box"],
      }));
    }
    default:
      return regionsOfItem(context.getInputData()[itemIndex]?.json ?? {});
  }
}
