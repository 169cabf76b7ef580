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
  predictionsOf: (stride: number) => Float32Array,
): readonly Detection[] {
  const candidates = tower.strides.flatMap((stride) =>
    readCells(tower, stride, predictionsOf(stride)),
  );
  candidates.sort((a, b) => b.score - a.score);
  const kept: Candidate[] = [];
  for (const candidate of candidates) {
    if (kept.length === tower.max) break;
    const isNew = kept.every(
      (other) =>
        other.label !== candidate.label ||
        intersectionOverUnion(other.box, candidate.box) <= tower.nms_iou,
    );
    if (isNew) kept.push(candidate);
  }
  const side = tower.input.size;
  const scale =
    tower.input.resize === "letterbox"
      ? Math.min(side / image.width, side / image.height)
      : null;
  const scaleX = scale ?? side / image.width;
  const scaleY = scale ?? side / image.height;
  return kept.map(({ label, score, box }) => ({
    label: tower.labels[label]!,
    score,
    box: {
      x_min: box.x_min / scaleX,
      y_min: box.y_min / scaleY,
      x_max: box.x_max / scaleX,
      y_max: box.y_max / scaleY,
    },
  }));
}

function readCells(
  tower: DetectorTower,
  stride: number,
  predictions: Float32Array,
): Candidate[] {
  const classes = tower.labels.length;
  const row = 5 + classes; // cx, cy, w, h, objectness, classes
  const columns = Math.floor(tower.input.size / stride);
  const candidates: Candidate[] = [];
  for (let cell = 0; cell * row < predictions.length; cell += 1) {
    const at = cell * row;
    const objectness = predictions[at + 4]!;
    let label = 0;
    let score = -Infinity;
    for (let index = 0; index < classes; index += 1) {
      const product = Math.fround(objectness * predictions[at + 5 + index]!);
      if (product > score) {
        score = product;
        label = index;
      }
    }
    if (score < tower.score_threshold) continue;
    const x = (predictions[at]! + (cell % columns)) * stride;
    const y = (predictions[at + 1]! + Math.floor(cell / columns)) * stride;
    const halfWidth = (Math.exp(predictions[at + 2]!) * stride) / 2;
    const halfHeight = (Math.exp(predictions[at + 3]!) * stride) / 2;
    const box = {
      x_min: x - halfWidth,
      y_min: y - halfHeight,
      x_max: x + halfWidth,
      y_max: y + halfHeight,
    };
    candidates.push({ label, score, box });
  }
  return candidates;
}
