// Recall of phrase grounding, Flickr30k Entities (Plummer et al. 2015, arXiv
// 1505.04870): a phrase is found if one of the first k boxes is on its object.

import { intersectionOverUnion, type Box } from "../../shared/geometry.ts";

/** Numbers of boxes that are looked at. */
export const RECALL_AT = [1, 5, 10] as const;

/** Least overlap that counts. */
const LEAST_OVERLAP = 0.5;

/**
 * Which of a phrase's boxes count: any of them (`any-box`), or the one box
 * around all of them (`merged-box`).
 */
export type GroundingProtocol = "any-box" | "merged-box";

/**
 * For each of `RECALL_AT`, whether the phrase is found.
 *
 * @param answers the model's boxes, best first.
 * @param truths at least one.
 * Source: the two protocols of MDETR (arXiv 2104.12763, appendix), its
 *   `datasets/flickr_eval.py`.
 */
export function isGrounded(
  answers: readonly Box[],
  truths: readonly Box[],
  protocol: GroundingProtocol,
): readonly boolean[] {
  const wanted = protocol === "any-box" ? truths : [boxAround(truths)];
  const first = answers.findIndex(
    (answer) =>
    wanted.some((truth) => intersectionOverUnion(answer, truth) >= LEAST_OVERLAP), // prettier-ignore
  );
  return RECALL_AT.map((most) => first >= 0 && first < most);
}

/** The smallest box around some. */
function boxAround(boxes: readonly Box[]): Box {
  return {
    x_min: Math.min(...boxes.map((box) => box.x_min)),
    y_min: Math.min(...boxes.map((box) => box.y_min)),
    x_max: Math.max(...boxes.map((box) => box.x_max)),
    y_max: Math.max(...boxes.map((box) => box.y_max)),
  };
}
