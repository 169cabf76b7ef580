// Whether a vision pass from before answers a request, or the model must look
// at the image once more.

import type { LoadedModel } from "../model/open-model.ts";
import type { AnalyzeRequest } from "../schema/analysis.ts";
import { planTask } from "./plan-tasks.ts";
import { isUnseen } from "./prompt-hints.ts";
import type { SeenImage } from "./seen-image.ts";

/**
 * Whether some task asks for what the model must look for, and did not when it
 * made this pass. Tasks that cannot be asked do not count: `analyze` says why.
 */
export function needsLook(
  loaded: LoadedModel,
  { features, image }: SeenImage,
  { tasks, options }: Pick<AnalyzeRequest, "tasks" | "options">,
): boolean {
  const scale =
    options.coordinates === "normalized" ? { width: 1, height: 1 } : image;
  return tasks.some((task, index) => {
    const plan = planTask(task, index, {
      ...{ ...loaded, image, scale, isTiled: false },
      warn: () => undefined,
    });
    return (
      !("error" in plan) &&
      plan.prompts.some((ids) => isUnseen({ features, ids }, loaded))
    );
  });
}
