// COCO's average precision and recall: from matches to the 12 figures.

import {
  linspace,
  OVERLAPS,
  type AreaRange,
  type DetectionMatches,
  type ImageMatches,
} from "./match-detections.ts";

/** Recalls at which precision is read. */
const RECALLS = linspace(0, 1, 101);
/** NumPy's `spacing(1)`. */
const EPSILON = Number.EPSILON;

/** The 12 figures, in COCO's order; null where no object has such an area. */
export interface CocoFigures {
  readonly AP: number | null;
  readonly AP50: number | null;
  readonly AP75: number | null;
  readonly APsmall: number | null;
  readonly APmedium: number | null;
  readonly APlarge: number | null;
  readonly AR1: number | null;
  readonly AR10: number | null;
  readonly AR100: number | null;
  readonly ARsmall: number | null;
  readonly ARmedium: number | null;
  readonly ARlarge: number | null;
}

export interface CurveOptions {
  readonly area: AreaRange;
  /** Detections of the category that count in one image. */
  readonly most: number;
  /** How often each image counts; once if left out. */
  readonly weights?: readonly number[];
}

/** One category at each of `OVERLAPS`. */
export interface CategoryFigures {
  /** Mean precision over the 101 recalls. */
  readonly precision: readonly number[]; // [10]
  readonly recall: readonly number[]; // [10]
}

/**
 * All 12 figures: means over categories that have objects, and over overlaps.
 *
 * Source: `COCOeval.accumulate` and `summarize` of pycocotools.
 */
export function cocoFigures(
  matches: DetectionMatches,
  weights?: readonly number[],
): CocoFigures {
  const of = (area: AreaRange, most: number) => {
    const options = weights === undefined ? {} : { weights };
    return categoryFigures(matches, { area, most, ...options });
  };
  const all = of("all", 100);
  const [small, medium, large] = [of("small", 100), of("medium", 100), of("large", 100)]; // prettier-ignore
  return {
    AP: mean(all.map(({ precision }) => precision)),
    AP50: mean(all.map(({ precision }) => [precision[0]!])),
    AP75: mean(all.map(({ precision }) => [precision[5]!])),
    APsmall: mean(small.map(({ precision }) => precision)),
    APmedium: mean(medium.map(({ precision }) => precision)),
    APlarge: mean(large.map(({ precision }) => precision)),
    AR1: mean(of("all", 1).map(({ recall }) => recall)),
    AR10: mean(of("all", 10).map(({ recall }) => recall)),
    AR100: mean(all.map(({ recall }) => recall)),
    ARsmall: mean(small.map(({ recall }) => recall)),
    ARmedium: mean(medium.map(({ recall }) => recall)),
    ARlarge: mean(large.map(({ recall }) => recall)),
  };
}

/** AP and AP50 over objects of all sizes: a sixth of the work of all figures. */
export function precisionFigures(
  matches: DetectionMatches,
  weights?: readonly number[],
): Pick<CocoFigures, "AP" | "AP50"> {
  const options = weights === undefined ? {} : { weights };
  const all = categoryFigures(matches, { area: "all", most: 100, ...options });
  return {
    AP: mean(all.map(({ precision }) => precision)),
    AP50: mean(all.map(({ precision }) => [precision[0]!])),
  };
}

/** Precision and recall of each category that has objects to be found. */
export function categoryFigures(
  matches: DetectionMatches,
  options: CurveOptions,
): CategoryFigures[] {
  return [...matches.values()].flatMap(
    (ranges) => curve(ranges[options.area], options) ?? [],
  );
}

/** Precision and recall of one category; null if it has no object to be found. */
export function curve(
  images: readonly ImageMatches[],
  { most, weights }: Omit<CurveOptions, "area">,
): CategoryFigures | null {
  const weightOf = (image: number): number => weights?.[image] ?? 1;
  let objects = 0;
  for (const one of images) objects += weightOf(one.image) * one.objects;
  if (objects === 0) return null;

  const found = ranked(images, most);
  const precision: number[] = [];
  const recall: number[] = [];
  const recalls = new Float64Array(found.length);
  const precisions = new Float64Array(found.length);
  for (const level of OVERLAPS.keys()) {
    let right = 0;
    let wrong = 0;
    for (const [rank, { one, at }] of found.entries()) {
      if (one.ignored[level]![at] === 0) {
        if (one.matched[level]![at] === 1) right += weightOf(one.image);
        else wrong += weightOf(one.image);
      }
      recalls[rank] = right / objects;
      precisions[rank] = right / (wrong + right + EPSILON);
    }
    for (let rank = found.length - 1; rank > 0; rank -= 1) {
      precisions[rank - 1] = Math.max(precisions[rank - 1]!, precisions[rank]!);
    }
    precision.push(readCurve(recalls, precisions));
    recall.push(right / objects);
  }
  return { precision, recall };
}

interface RankedDetection {
  readonly score: number;
  readonly one: ImageMatches;
  readonly at: number;
}

/** Detections of one category, best first: sorted once, not for each resampling. */
function ranked(
  images: readonly ImageMatches[],
  most: number,
): readonly RankedDetection[] {
  const known = RANKED.get(images) ?? new Map<number, RankedDetection[]>();
  RANKED.set(images, known);
  let found = known.get(most);
  if (found === undefined) {
    found = images.flatMap((one) =>
      one.scores.slice(0, most).map((score, at) => ({ score, one, at })),
    );
    found.sort((a, b) => b.score - a.score); // stable, as the reference's
    known.set(most, found);
  }
  return found;
}

const RANKED = new WeakMap<
  readonly ImageMatches[],
  Map<number, RankedDetection[]>
>();

/** Mean precision at `RECALLS`; 0 where a recall is never reached. */
function readCurve(recalls: Float64Array, precisions: Float64Array): number {
  let sum = 0;
  let rank = 0;
  for (const wanted of RECALLS) {
    while (rank < recalls.length && recalls[rank]! < wanted) rank += 1;
    if (rank === recalls.length) break;
    sum += precisions[rank]!;
  }
  return sum / RECALLS.length;
}

function mean(rows: readonly (readonly number[])[]): number | null {
  const values = rows.flat();
  if (values.length === 0) return null;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
