// How much detections overlap with true objects, as COCO counts it: over the
// union, and over the detection alone where the truth is a crowd.

import { maskArea, maskIntersection, type Mask } from "./masks.ts";

/** x, y, width, height, as COCO writes boxes. */
export type CocoBox = readonly [number, number, number, number];

/** Overlap of one detection with one true object, 0 to 1. */
export type Overlap<Shape> = (
  detection: Shape,
  truth: Shape,
  isCrowd: boolean,
) => number;

/** Overlap of two boxes. Source: `bbIou` of pycocotools, common/maskApi.c. */
export const boxOverlap: Overlap<CocoBox> = (detection, truth, isCrowd) => {
  const [dx, dy, dw, dh] = detection;
  const [tx, ty, tw, th] = truth;
  const width = Math.min(dx + dw, tx + tw) - Math.max(dx, tx);
  if (width <= 0) return 0;
  const height = Math.min(dy + dh, ty + th) - Math.max(dy, ty);
  if (height <= 0) return 0;
  const both = width * height;
  return both / (isCrowd ? dw * dh : dw * dh + tw * th - both);
};

/** Overlap of two masks of one image. */
export const maskOverlap: Overlap<Mask> = (detection, truth, isCrowd) => {
  const both = maskIntersection(detection, truth);
  if (both === 0) return 0;
  const own = maskArea(detection);
  return both / (isCrowd ? own : own + maskArea(truth) - both);
};
