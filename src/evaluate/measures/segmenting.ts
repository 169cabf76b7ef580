// Outlines against people's: of what a phrase names, and of given boxes.

import { maskOfOutline, type EvaluationItem, type Outline } from "../data/item.ts"; // prettier-ignore
import { mergeMasks, type Mask } from "../metrics/masks.ts";
import { rasterizePolygon } from "../metrics/rasterize-polygon.ts";
import { countMask, maskIou, meanIou, overallIou, type MaskCounts } from "../metrics/referring.ts"; // prettier-ignore
import type { ImageSize, Point } from "../../shared/geometry.ts";
import { pointRings, resultOf, ringShapes, sum } from "./answers.ts";
import { regionAsks, regionPlace } from "./region-asks.ts";
import type { AnsweredItem, Case, Figure, Judgement, Measure } from "./measure.ts"; // prettier-ignore

interface Segmented {
  readonly name: string;
  readonly outline: Outline;
  readonly rings: readonly (readonly Point[])[];
  readonly score: number | null;
  readonly counts: MaskCounts;
}

/** Referring segmentation. */
export const referringSegmentation: Measure = {
  name: "referring-segmentation",
  title: "Referring segmentation",
  task: "segment",
  asks: ({ referring }) =>
    referring.flatMap(({ phrase, outline }, at) =>
      outline === null
        ? []
        : [{ id: `segment:${at}`, request: { task: "segment", phrase } }],
    ),
  judge: (answered) =>
    judgeOutlines(answered, "phrases", (one) =>
      one.item.referring.flatMap(({ phrase, outline }, at) => {
        if (outline === null) return [];
        const { segments = [] } = resultOf(one, `segment:${at}`, "segment") ?? {}; // prettier-ignore
        return [segmented(phrase, outline, segments, one.size)];
      }),
    ),
};

/** Outlines of the true boxes. */
export const regionSegmentation: Measure = {
  name: "region-segmentation",
  title: "Outlines of given boxes",
  task: "segment_regions",
  asks: (item) =>
    regionAsks("outline", "segment_regions", outlinedBoxes(item)),
  judge: (answered) =>
    judgeOutlines(answered, "boxes", (one) => {
      const things = outlinedBoxes(one.item);
      return things.map(({ label, outline }, at) => {
        const place = regionPlace("outline", at);
        const result = resultOf(one, place.id, "segment_regions");
        const segments = result?.regions[place.at]?.segments ?? [];
        return segmented(label, outline, segments, one.size);
      });
    }),
}; // prettier-ignore

function outlinedBoxes({ objects }: EvaluationItem) {
  return (objects ?? []).flatMap(({ label, box, outline, isCrowd }) =>
    outline === null || isCrowd ? [] : [{ label, box, outline }],
  );
}

function segmented(
  name: string,
  outline: Outline,
  segments: readonly {
    readonly polygons: readonly (readonly Point[])[];
    readonly score: number;
  }[],
  size: ImageSize,
): Segmented {
  const rings = segments.flatMap(({ polygons }) => polygons);
  const masks = rings.map((ring): Mask => {
    const flat = ring.flatMap(([x, y]) => [x, y]);
    return rasterizePolygon(flat, size.width, size.height);
  });
  const [first, ...rest] = masks;
  const answer = first === undefined ? null : mergeMasks([first, ...rest]);
  const scores = segments.map(({ score }) => score);
  return {
    ...{ name, outline, rings },
    score: scores.length === 0 ? null : Math.max(...scores),
    counts: countMask(answer, maskOfOutline(outline, size)),
  };
}

function judgeOutlines(
  answered: readonly AnsweredItem[],
  of: string,
  read: (one: AnsweredItem) => readonly Segmented[],
): Judgement {
  const photos = answered.map(read);
  const all = photos.flat();
  /** Weights of photos as weights of outlines. */
  const spread = (weights: readonly number[] | undefined) =>
    weights === undefined
      ? undefined
      : photos.flatMap((outlines, at) => outlines.map(() => weights[at]!));
  const counts = all.map((one) => one.counts);
  const figure = (
    name: string,
    title: string,
    mean: typeof meanIou,
  ): Figure => ({
    ...{ name, title, of, n: all.length, better: "higher" },
    statistic: (weights) => {
      const value = mean(counts, spread(weights));
      return Number.isNaN(value) ? null : value;
    },
  });
  return {
    figures: [
      figure("mIoU", "mean IoU", meanIou),
      figure("oIoU", "overall IoU", overallIou),
    ],
    cases: photos.map(
      (outlines): Case => ({
        quality: sum(outlines.map((one) => maskIou(one.counts))) / Math.max(1, outlines.length),
        truth: outlines.map(({ name }) => name),
        answer: outlines.map((one) => `${one.name}: IoU ${maskIou(one.counts).toFixed(2)}`),
        trueShapes: outlines.flatMap(({ name, outline }) =>
          "rings" in outline ? ringShapes(name, pointRings(outline.rings)) : [],
        ),
        answeredShapes: outlines.flatMap(({ name, rings }) => ringShapes(name, rings)),
      }),
    ), // prettier-ignore
    outcomes: photos.map((outlines) =>
      outlines.flatMap(({ score, counts: own }) =>
        score === null ? [] : [{ score, isRight: maskIou(own) >= 0.5 }],
      ),
    ),
    notes: [
      "Outlines are rasterized at the photo's size as pycocotools does; all rings of an answer are one mask, none is an empty one.",
    ],
  };
}
