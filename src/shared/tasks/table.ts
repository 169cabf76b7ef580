// The task table. Adding a task is one file and one line here.

import type { InferOutput } from "valibot";
import { captionDetailed, captionFull, captionShort } from "./caption.ts";
import { classifyRegions } from "./classify-regions.ts";
import { denseCaption } from "./dense-caption.ts";
import { detectOpen } from "./detect-open.ts";
import { detect } from "./detect.ts";
import { ground } from "./ground.ts";
import { ocrLines, ocrText } from "./ocr.ts";
import { propose } from "./propose.ts";
import { describeRegions, ocrRegions } from "./region-text.ts";
import { segmentRegions } from "./segment-regions.ts";
import { segment } from "./segment.ts";
import type { Task } from "./task.ts";

const TABLE = [
  captionShort,
  captionDetailed,
  captionFull,
  detect,
  detectOpen,
  ground,
  denseCaption,
  propose,
  segment,
  segmentRegions,
  classifyRegions,
  describeRegions,
  ocrRegions,
  ocrText,
  ocrLines,
] as const;

type TableRow = (typeof TABLE)[number];

/** A request of any task. */
export type TaskRequest = InferOutput<TableRow["request"]>;

/** The result of any task that did not fail. */
export type TaskPayload = InferOutput<TableRow["result"]>;

/** A row of the table, whichever it is. */
export type AnyTask = Task<TaskRequest, TaskPayload>;

/** All 15 tasks; the first of a name is the one meant without a variant. */
export const TASKS: readonly AnyTask[] = TABLE;

/**
 * Finds a task by name, spelling or Florence-2's own token: `ocr`,
 * `ocr:lines`, `<OCR_WITH_REGION>`.
 */
export function findTask(spelling: string): AnyTask | undefined {
  return TASKS.find(
    (task) => task.spelling === spelling || task.token === spelling,
  );
}

/** The task of a request that was parsed. */
export function taskOf(request: TaskRequest): AnyTask {
  const task = TASKS.find(
    ({ name, variant }) =>
      name === request.task &&
      (variant === null ||
        (variant.field in request &&
          Reflect.get(request, variant.field) === variant.value)),
  );
  if (task === undefined)
    throw new Error(`internal: no task for a request of ${request.task}`);
  return task;
}
