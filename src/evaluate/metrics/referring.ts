// Referring expressions (RefCOCO, Yu et al. 2016, arXiv 1608.00272): one phrase,
// one object.

import { intersectionOverUnion, type Box } from "../../shared/geometry.ts";
import { maskArea, maskIntersection, type Mask } from "./masks.ts";

/** Whether a box is on the object a phrase names: overlap of 0.5 or more. */
export function isReferred(answer: Box | null, truth: Box): boolean {
  return answer !== null && intersectionOverUnion(answer, truth) >= 0.5;
}

/** What one outline adds to mIoU and oIoU, in pixels. */
export interface MaskCounts {
  readonly intersection: number;
  readonly union: number;
}

/** Compares an outline with the truth; none at all is an empty mask. */
export function countMask(answer: Mask | null, truth: Mask): MaskCounts {
  const area = maskArea(truth);
  if (answer === null) return { intersection: 0, union: area };
  const intersection = maskIntersection(answer, truth);
  return { intersection, union: maskArea(answer) + area - intersection };
}

/** Intersection over union; 0 where both masks are empty. */
export function maskIou({ intersection, union }: MaskCounts): number {
  return union === 0 ? 0 : intersection / union;
}

/** Mean of the outlines' IoU (mIoU). */
export function meanIou(
  counts: readonly MaskCounts[],
  weights?: readonly number[],
): number {
  let sum = 0;
  let total = 0;
  for (const [at, one] of counts.entries()) {
    const weight = weights?.[at] ?? 1;
    sum += weight * maskIou(one);
    total += weight;
  }
  return sum / total;
}

/** All intersections over all unions (oIoU): large objects weigh more. */
export function overallIou(
  counts: readonly MaskCounts[],
  weights?: readonly number[],
): number {
  let intersection = 0;
  let union = 0;
  for (const [at, one] of counts.entries()) {
    const weight = weights?.[at] ?? 1;
    intersection += weight * one.intersection;
    union += weight * one.union;
  }
  return intersection / union;
}
