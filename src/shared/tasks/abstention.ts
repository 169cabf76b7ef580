// When an answer is no detection: the model was trained on what is there, and
// asked for what is not it answers with the whole image, or with little
// confidence.

import type { AbstentionReason } from "./result-fields.ts";

/**
 * Why something found does not count; null if it does.
 *
 * @param threshold null where none is known for the model and task.
 */
export function abstentionReason(
  found: { readonly score: number; readonly isWholeImage: boolean },
  threshold: number | null,
): AbstentionReason | null {
  if (found.isWholeImage) return "whole_image_box";
  return threshold !== null && found.score < threshold
    ? "below_threshold"
    : null;
}
