// YOLOX of the COCO classes: boxes with names and scores.

import { FlorenceError } from "../../shared/errors.ts";
import type { Box, ImageSize } from "../../shared/geometry.ts";
import { intersectionOverUnion } from "../../shared/geometry.ts";
import { letterboxImage } from "../../shared/image/letterbox-image.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";
import type { Tensor } from "../../shared/model/session.ts";
import type { Source } from "../records/record.ts";
import { COCO_LABELS } from "./coco-labels.ts";
import { openGraphBytes, readGraphFile, runGraph } from "./open-graph-file.ts";
import {
  numbered,
  type Draft,
  type Specialist,
  type SpecialistSpec,
} from "./specialist.ts";

/** What YOLOX was trained at; source: `demo/ONNXRuntime` in its repository. */
const SIDE = 416;
const PAD = 114;
const STRIDES = [8, 16, 32];
/** cx, cy, w, h, objectness, then the classes. */
const ROW = 5 + COCO_LABELS.length;
/** Boxes of one class that overlap more are one object; YOLOX's own value. */
const NMS_IOU = 0.45;
const MAX_OBJECTS = 100;

/** An object in a photo. */
export interface DetectedObject {
  readonly label: string;
  /** Objectness times class score. */
  readonly score: number;
  readonly box: Box;
}

/**
 * A detector of a file.
 *
 * @throws FlorenceError `not_found`, `bundle_invalid`.
 */
export async function createDetector(
  spec: Extract<SpecialistSpec, { kind: "detector" }>,
  { threads }: { readonly threads: number },
): Promise<Specialist> {
  const bytes = await readGraphFile(spec.model);
  const graph = await openGraphBytes(bytes, spec.model, threads);
  const source: Source = {
    kind: "specialist",
    id: "detector",
    revision: `${graph.revision}-${spec.minScore}`,
  };
  return {
    source,
    listens: false,
    async annotate({ image }) {
      const { dims, data } = await runGraph(graph, pixelTensor(image));
      if (dims.at(-1) !== ROW) {
        throw new FlorenceError(
          "engine_bad_output",
          `${spec.model} gives rows of ${dims.at(-1) ?? 0} numbers; a YOLOX of the COCO classes gives ${ROW}.`,
        );
      }
      const objects = readYolox(data, image, spec.minScore);
      const drafts = objects.map(({ label, score, box }): Draft => ({
        kind: "region_text",
        about: "object",
        text: label,
        region: { box },
        score,
      }));
      return { annotations: numbered(source, drafts) };
    },
    dispose: () => graph.session.dispose(),
  };
}

/** BGR, 0..255, letterboxed: as the network was trained. */
function pixelTensor(image: RgbImage): Tensor {
  const pixels = letterboxImage(image, SIDE, PAD).data; // [SIDE, SIDE, 3]
  const area = SIDE * SIDE;
  const data = new Float32Array(3 * area); // [1, 3, SIDE, SIDE]
  for (let at = 0; at < area; at += 1) {
    data[at] = pixels[at * 3 + 2]!;
    data[area + at] = pixels[at * 3 + 1]!;
    data[2 * area + at] = pixels[at * 3]!;
  }
  return { type: "float32", dims: [1, 3, SIDE, SIDE], data };
}

/**
 * Objects in YOLOX's raw output, best first, after non-maximum suppression
 * within each class. Centers are cells plus offsets, sides exponentials, both
 * times the stride. Source: YOLOX (arXiv 2107.08430), `demo_postprocess`.
 *
 * @param output `[cells, 85]`, cells of all strides one after the other.
 * @returns boxes in pixels of the photo, cut to it.
 */
export function readYolox(
  output: Float32Array,
  photo: ImageSize,
  minScore: number,
): DetectedObject[] {
  const ratio = Math.min(SIDE / photo.width, SIDE / photo.height);
  const found: DetectedObject[] = [];
  let at = 0;
  for (const stride of STRIDES) {
    const columns = SIDE / stride;
    for (let cell = 0; cell < columns * columns; cell += 1, at += ROW) {
      const { label, score } = bestClass(output, at);
      if (score < minScore) continue;
      const x = (output[at]! + (cell % columns)) * stride;
      const y = (output[at + 1]! + Math.floor(cell / columns)) * stride;
      const halfWidth = (Math.exp(output[at + 2]!) * stride) / 2;
      const halfHeight = (Math.exp(output[at + 3]!) * stride) / 2;
      const box = {
        x_min: clamp((x - halfWidth) / ratio, photo.width),
        y_min: clamp((y - halfHeight) / ratio, photo.height),
        x_max: clamp((x + halfWidth) / ratio, photo.width),
        y_max: clamp((y + halfHeight) / ratio, photo.height),
      };
      found.push({ label: COCO_LABELS[label]!, score, box });
    }
  }
  found.sort((a, b) => b.score - a.score);
  const kept: DetectedObject[] = [];
  for (const object of found) {
    if (kept.length === MAX_OBJECTS) break;
    const isNew = kept.every(
      (other) =>
        other.label !== object.label ||
        intersectionOverUnion(other.box, object.box) <= NMS_IOU,
    );
    if (isNew) kept.push(object);
  }
  return kept;
}

function bestClass(
  output: Float32Array,
  at: number,
): { readonly label: number; readonly score: number } {
  let label = 0;
  for (let index = 1; index < COCO_LABELS.length; index += 1)
    if (output[at + 5 + index]! > output[at + 5 + label]!) label = index;
  return { label, score: output[at + 4]! * output[at + 5 + label]! };
}

function clamp(value: number, side: number): number {
  return Math.min(side, Math.max(0, value));
}
