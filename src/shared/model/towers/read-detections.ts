// From a YOLOX detector's raw output to boxes in the picture.

import {
  intersectionOverUnion,
  type Box,
  type ImageSize,
} from "../../geometry.ts";
import type { TowerSpec } from "../manifest.ts";

type DetectorTower = Extract<TowerSpec, { kind: "detector" }>;

/** An object a detector sees. */
export interface Detection {
  readonly label: string;
  /** Objectness times class score, 0..1. */
  readonly score: number;
  /** In pixels of the picture, not clamped to it. */
  readonly box: Box;
}

interface Candidate {
  readonly label: number;
  readonly score: number;
  /** In pixels of the tower's input. */
  readonly box: Box;
}

/** The raw output of a stride for one image. */
export type Predictions = (stride: number) => Float32Array;

/** Which cells count, and how far two may lie over one another. */
interface Rules {
  readonly score_threshold: number;
  readonly nms_iou: number;
  readonly max: number;
}

/**
 * The detections of one image, best first, after non-maximum suppression
 * within each class. Source: `training/model.py`, `read_boxes`; the decoding
 * of centers and sizes is YOLOX's (arXiv 2107.08430).
 *
 * @param predictionsOf the raw output of a stride for this image: a row of
 *   cx, cy, w, h, objectness and class scores for each cell, row-major.
 */
export function readDetections(
  tower: DetectorTower,
  image: ImageSize,
  predictionsOf: Predictions,
): readonly Detection[] {
  const mayHide = (a: Candidate, b: Candidate): boolean => a.label === b.label;
  return detectionsBy(tower, tower, image, predictionsOf, mayHide);
}

/**
 * As `readDetections`, down to other rules, and one thing never under two
 * names: suppression knows no classes. Source: `training/near.py`,
 * `candidates`.
 */
export function readCandidates(
  tower: DetectorTower,
  rules: Rules,
  image: ImageSize,
  predictionsOf: Predictions,
): readonly Detection[] {
  return detectionsBy(tower, rules, image, predictionsOf, () => true);
}

/**
 * The detector's name for a region, and how sure it is: of the class with the
 * best cell, its score times the fourth power of its overlap with the region.
 * Source: `training/near.py`, `region_label`.
 */
export function nameRegion(
  tower: DetectorTower,
  region: Box,
  image: ImageSize,
  predictionsOf: Predictions,
): Omit<Detection, "box"> {
  const classes = tower.labels.length;
  const fits = new Float64Array(classes);
  const toPixels = scaleOf(tower, image);
  for (const stride of tower.strides) {
    const predictions = predictionsOf(stride);
    for (let at = 0; at < predictions.length; at += 5 + classes) {
      const box = toPixels(boxOfCell(tower, stride, predictions, at));
      const weight = intersectionOverUnion(region, box) ** 4;
      if (weight === 0) continue;
      for (let index = 0; index < classes; index += 1) {
        const score = scoreAt(predictions, at, index);
        fits[index] = Math.max(fits[index]!, score * weight);
      }
    }
  }
  const score = fits.reduce((a, b) => Math.max(a, b));
  return { label: tower.labels[fits.indexOf(score)]!, score };
}

function detectionsBy(
  tower: DetectorTower,
  { score_threshold: threshold, nms_iou: mostOverlap, max }: Rules,
  image: ImageSize,
  predictionsOf: Predictions,
  mayHide: (kept: Candidate, other: Candidate) => boolean,
): readonly Detection[] {
  const candidates = tower.strides.flatMap((stride) =>
    readCells(tower, threshold, stride, predictionsOf(stride)),
  );
  candidates.sort((a, b) => b.score - a.score);
  const kept: Candidate[] = [];
  for (const candidate of candidates) {
    if (kept.length === max) break;
    const isNew = kept.every(
      (other) =>
        !mayHide(other, candidate) ||
        intersectionOverUnion(other.box, candidate.box) <= mostOverlap,
    );
    if (isNew) kept.push(candidate);
  }
  const toPixels = scaleOf(tower, image);
  return kept.map(({ label, score, box }) => ({
    label: tower.labels[label]!,
    score,
    box: toPixels(box),
  }));
}

/** From pixels of the tower's input to those of the picture. */
function scaleOf(tower: DetectorTower, image: ImageSize): (box: Box) => Box {
  const side = tower.input.size;
  const scale =
    tower.input.resize === "letterbox"
      ? Math.min(side / image.width, side / image.height)
      : null;
  const scaleX = scale ?? side / image.width;
  const scaleY = scale ?? side / image.height;
  return (box) => ({
    x_min: box.x_min / scaleX,
    y_min: box.y_min / scaleY,
    x_max: box.x_max / scaleX,
    y_max: box.y_max / scaleY,
  });
}

function readCells(
  tower: DetectorTower,
  threshold: number,
  stride: number,
  predictions: Float32Array,
): Candidate[] {
  const classes = tower.labels.length;
  const candidates: Candidate[] = [];
  for (let at = 0; at < predictions.length; at += 5 + classes) {
    // Scores of classes are at most 1: most cells need no look at them.
    if (predictions[at + 4]! < threshold) continue;
    let label = 0;
    let score = -Infinity;
    for (let index = 0; index < classes; index += 1) {
      const product = scoreAt(predictions, at, index);
      if (product > score) {
        score = product;
        label = index;
      }
    }
    if (score < threshold) continue;
    const box = boxOfCell(tower, stride, predictions, at);
    candidates.push({ label, score, box });
  }
  return candidates;
}

/** Objectness times class score. */
function scoreAt(predictions: Float32Array, at: number, label: number): number {
  return Math.fround(predictions[at + 4]! * predictions[at + 5 + label]!);
}

/** @param at where the cell's row begins: cx, cy, w, h, objectness, classes. */
function boxOfCell(
  tower: DetectorTower,
  stride: number,
  predictions: Float32Array,
  at: number,
): Box {
  const cell = at / (5 + tower.labels.length);
  const columns = Math.floor(tower.input.size / stride);
  const x = (predictions[at]! + (cell % columns)) * stride;
  const y = (predictions[at + 1]! + Math.floor(cell / columns)) * stride;
  const halfWidth = (Math.exp(predictions[at + 2]!) * stride) / 2;
  const halfHeight = (Math.exp(predictions[at + 3]!) * stride) / 2;
  return {
    x_min: x - halfWidth,
    y_min: y - halfHeight,
    x_max: x + halfWidth,
    y_max: y + halfHeight,
  };
}
