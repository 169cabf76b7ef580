// Average recall of proposals (Hosang et al. 2016, arXiv 1502.05082), as COCO
// has it without categories.

import { cocoFigures, type CocoFigures } from "./average-precision.ts";
import {
  matchDetections,
  type DetectionImage,
  type DetectionMatches,
} from "./match-detections.ts";
import { boxOverlap, type CocoBox } from "./overlaps.ts";

/** The recalls among COCO's figures: mean over overlaps 0.5 to 0.95. */
export type RecallFigures = Pick<
  CocoFigures,
  "AR1" | "AR10" | "AR100" | "ARsmall" | "ARmedium" | "ARlarge"
>;

/** Matches boxes with objects of any category. */
export function matchProposals(
  images: readonly DetectionImage<CocoBox>[],
): DetectionMatches {
  const blind = images.map(({ truths, detections }) => ({
    truths: truths.map((truth) => ({ ...truth, category: "" })),
    detections: detections.map((one) => ({ ...one, category: "" })),
  }));
  return matchDetections(blind, boxOverlap);
}

/**
 * Average recall with 1, 10 and 100 boxes an image, and by area.
 *
 * Source: `COCOeval` of pycocotools with `useCats` 0.
 */
export function averageRecall(
  matches: DetectionMatches,
  weights?: readonly number[],
): RecallFigures {
  const { AR1, AR10, AR100, ARsmall, ARmedium, ARlarge } = cocoFigures(
    matches,
    weights,
  );
  return { AR1, AR10, AR100, ARsmall, ARmedium, ARlarge };
}
