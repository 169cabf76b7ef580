// From the tasks of a request to the prompts the model will answer.

import { FlorenceError, isFlorenceError } from "../errors.ts";
import type { ImageSize } from "../geometry.ts";
import type { Manifest } from "../model/manifest.ts";
import {
  findTask,
  taskOf,
  type AnyTask,
  type TaskRequest,
} from "../tasks/index.ts";
import { promptIds, type RatedLabels } from "../tasks/task.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** A task ready to be answered. */
export interface PlannedTask {
  readonly resultId: string;
  /** The task that was asked, and its request. */
  readonly asked: AnyTask;
  readonly request: TaskRequest;
  /** The task that reads the views: the same, but for tiles of some tasks. */
  readonly task: AnyTask;
  readonly read: TaskRequest;
  /** How tiles are put together; null if the whole image alone is read. */
  readonly tiling: NonNullable<AnyTask["tiling"]> | null;
  /** Ids of each prompt, `<s>` and `</s>` included. */
  readonly prompts: readonly (readonly number[])[];
  readonly labels: RatedLabels | null;
}

/** A task that cannot be answered, and why. */
export interface RefusedTask {
  readonly resultId: string;
  readonly request: TaskRequest;
  readonly error: FlorenceError;
}

export interface PlanContext {
  readonly manifest: Manifest;
  readonly tokenizer: Tokenizer;
  readonly image: ImageSize;
  readonly scale: ImageSize;
  /** Whether the image is cut into tiles. */
  readonly isTiled: boolean;
  readonly warn: (message: string) => void;
}

/**
 * Plans one task of a request.
 *
 * @param index where it stands among the tasks.
 */
export function planTask(
  request: TaskRequest,
  index: number,
  context: PlanContext,
): PlannedTask | RefusedTask {
  const resultId = request.id ?? `t${index}`;
  const asked = taskOf(request);
  const { manifest, tokenizer, image, scale } = context;
  try {
    if (!manifest.tasks.includes(asked.spelling)) {
      throw new FlorenceError(
        "unsupported_task",
        `The model ${manifest.id} was not trained for ${asked.spelling}. It answers: ${manifest.tasks.join(", ")}.`,
      );
    }
    const { task, tiling } = readerOf(asked, resultId, context);
    // Who reads for another takes no input.
    const read = task === asked ? request : task.example;
    const pointer = `/tasks/${index}`;
    const prompts = task
      .prompts(read, { tokenizer, image, scale, pointer })
      .map((parts) => promptIds(parts, tokenizer));
    const labels = task.labels?.(read) ?? null;
    return { resultId, asked, request, task, read, tiling, prompts, labels };
  } catch (error) {
    if (!isFlorenceError(error)) throw error;
    return { resultId, request, error };
  }
}

function readerOf(
  asked: AnyTask,
  resultId: string,
  { manifest, isTiled, warn }: PlanContext,
): Pick<PlannedTask, "task" | "tiling"> {
  const { tiling } = asked;
  if (!isTiled || tiling === undefined) return { task: asked, tiling: null };
  const { reader } = tiling;
  if (reader === undefined) return { task: asked, tiling };
  const task = findTask(reader);
  if (task === undefined)
    throw new Error(`internal: there is no task ${reader} to read tiles`);
  if (manifest.tasks.includes(reader)) return { task, tiling };
  warn(
    `${resultId} (${asked.spelling}) was read from the whole image: the model ${manifest.id} lacks ${reader}, by which tiles are read.`,
  );
  return { task: asked, tiling: null };
}
