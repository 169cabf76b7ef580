import assert from "node:assert/strict";
import { test } from "node:test";
import {
  averageRecall,
  matchProposals,
} from "../../../src/evaluate/metrics/average-recall.ts";
import {
  cocoFigures,
  precisionFigures,
  type CocoFigures,
} from "../../../src/evaluate/metrics/average-precision.ts";
import {
  decodeRuns,
  maskArea,
  maskOfRuns,
  type Mask,
} from "../../../src/evaluate/metrics/masks.ts";
import {
  matchDetections,
  type DetectionImage,
} from "../../../src/evaluate/metrics/match-detections.ts";
import {
  boxOverlap,
  maskOverlap,
  type CocoBox,
} from "../../../src/evaluate/metrics/overlaps.ts";
import { rasterizePolygons } from "../../../src/evaluate/metrics/rasterize-polygon.ts";
import { isNear, readVectors } from "../read-vectors.ts";

type Segmentation =
  | readonly (readonly number[])[]
  | { readonly counts: string | readonly number[] };

interface Located {
  readonly image_id: number;
  readonly category_id: number;
  readonly bbox: CocoBox;
  readonly segmentation: Segmentation;
}

interface Case {
  readonly name: string;
  readonly kind: "bbox" | "segm";
  readonly agnostic: boolean;
  readonly images: readonly { id: number; width: number; height: number }[];
  readonly truths: readonly (Located & { area: number; iscrowd: number })[];
  readonly answers: readonly (Located & { score: number })[];
  readonly figures: CocoFigures;
}

const cases = readVectors("detection.json") as readonly Case[];

function imagesOf<Shape>(
  { images, truths, answers }: Case,
  shapeOf: (one: Located, size: Case["images"][number]) => Shape,
  areaOf: (shape: Shape) => number,
): DetectionImage<Shape>[] {
  return images.map((size) => ({
    truths: truths
      .filter((truth) => truth.image_id === size.id)
      .map((truth) => ({
        category: String(truth.category_id),
        shape: shapeOf(truth, size),
        area: truth.area,
        isCrowd: truth.iscrowd === 1,
      })),
    detections: answers
      .filter((answer) => answer.image_id === size.id)
      .map((answer) => {
        const shape = shapeOf(answer, size);
        const { score } = answer;
        return { category: String(answer.category_id), shape, area: areaOf(shape), score }; // prettier-ignore
      }),
  }));
}

const boxes = (one: Case): DetectionImage<CocoBox>[] =>
  imagesOf(
    one,
    ({ bbox }) => bbox,
    ([, , width, height]) => width * height,
  );

function maskOf(
  { segmentation }: Located,
  { width, height }: Case["images"][number],
): Mask {
  if (!("counts" in segmentation)) {
    return rasterizePolygons(segmentation, width, height);
  }
  const { counts } = segmentation;
  const mask =
    typeof counts === "string"
      ? decodeRuns(counts, width, height)
      : maskOfRuns(counts, width, height);
  assert.ok(mask !== null);
  return mask;
}

function figuresOf(one: Case): Readonly<Record<string, number | null>> {
  if (one.agnostic) return { ...averageRecall(matchProposals(boxes(one))) };
  const matches =
    one.kind === "bbox"
      ? matchDetections(boxes(one), boxOverlap)
      : matchDetections(imagesOf(one, maskOf, maskArea), maskOverlap);
  return { ...cocoFigures(matches) };
}

for (const one of cases) {
  test(`gets pycocotools' figures: ${one.name}`, () => {
    const figures = figuresOf(one);
    assert.equal(Object.keys(figures).length, one.agnostic ? 6 : 12);
    for (const [name, value] of Object.entries(figures)) {
      const wanted = one.figures[name as keyof CocoFigures];
      assert.ok(isNear(value, wanted), `${name}: ${value} and ${wanted}`);
    }
  });
}

test("AP and AP50 alone are those of all figures", () => {
  for (const one of cases.filter(
    ({ kind, agnostic }) => kind === "bbox" && !agnostic,
  )) {
    const matches = matchDetections(boxes(one), boxOverlap);
    const { AP, AP50 } = cocoFigures(matches);
    assert.deepEqual(precisionFigures(matches), { AP, AP50 });
  }
});

test("weights an image as often as it says", () => {
  const [one] = cases;
  assert.ok(one !== undefined);
  const images = boxes(one);
  const twice = [...images, ...images.slice(0, 10)];
  const weights = images.map((_, at) => (at < 10 ? 2 : 1));
  const weighted = cocoFigures(matchDetections(images, boxOverlap), weights);
  // Ties of scores fall otherwise where an image really stands there twice.
  for (const image of twice.keys()) {
    const copy = twice[image]!;
    twice[image] = {
      ...copy,
      detections: copy.detections.map((detection, at) => ({
        ...detection,
        score: detection.score - (image % images.length) * 1e-6 - at * 1e-9,
      })),
    };
  }
  const single = matchDetections(twice.slice(0, images.length), boxOverlap);
  const repeated = cocoFigures(matchDetections(twice, boxOverlap));
  for (const [name, value] of Object.entries({
    ...cocoFigures(single, weights),
  })) {
    const wanted = repeated[name as keyof CocoFigures];
    assert.ok(isNear(value, wanted), `${name}: ${value} and ${wanted}`);
  }
  assert.notDeepEqual(weighted, cocoFigures(matchDetections(images, boxOverlap))); // prettier-ignore
});

test("has no figure without objects", () => {
  const nothing = { truths: [], detections: [] };
  const figures = cocoFigures(matchDetections([nothing], boxOverlap));
  assert.ok(Object.values(figures).every((value) => value === null));
});
