// From the tasks of a request to the prompts the model will answer.

import { FlorenceError, isFlorenceError } from "../errors.ts";
import type { ImageSize } from "../geometry.ts";
import type { Manifest } from "../model/manifest.ts";
import { taskOf, type AnyTask, type TaskRequest } from "../tasks/index.ts";
import { promptIds, type RatedLabels } from "../tasks/task.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** A task ready to be answered. */
export interface PlannedTask {
  readonly resultId: string;
  readonly task: AnyTask;
  readonly request: TaskRequest;
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

/**
 * Plans one task of a request.
 *
 * @param index where it stands among the tasks.
 */
export function planTask(
  request: TaskRequest,
  index: number,
  context: {
    readonly manifest: Manifest;
    readonly tokenizer: Tokenizer;
    readonly image: ImageSize;
    readonly scale: ImageSize;
  },
): PlannedTask | RefusedTask {
  const resultId = request.id ?? `t${index}`;
  const task = taskOf(request);
  const { manifest, tokenizer, image, scale } = context;
  try {
    if (!manifest.tasks.includes(task.spelling)) {
      throw new FlorenceError(
        "unsupported_task",
        `The model ${manifest.id} was not trained for ${task.spelling}. It answers: ${manifest.tasks.join(", ")}.`,
      );
    }
    const pointer = `/tasks/${index}`;
    const prompts = task
      .prompts(request, { tokenizer, image, scale, pointer })
      .map((parts) => promptIds(parts, tokenizer));
    return {
      resultId,
      task,
      request,
      prompts,
      labels: task.labels?.(request) ?? null,
    };
  } catch (error) {
    if (!isFlorenceError(error)) throw error;
    return { resultId, request, error };
  }
}
