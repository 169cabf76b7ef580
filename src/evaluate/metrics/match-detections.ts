// Which detections are right, image by image: COCO's greedy matching.

import type { Overlap } from "./overlaps.ts";

/** Least overlaps, 0.5 to 0.95. */
export const OVERLAPS = linspace(0.5, 0.95, 10);

/** Detections of a category that count in one image. */
export const MOST_DETECTIONS = 100;

/** Areas in square pixels, both ends included. */
export const AREA_RANGES = {
  all: [0, 1e10],
  small: [0, 32 ** 2],
  medium: [32 ** 2, 96 ** 2],
  large: [96 ** 2, 1e10],
} as const;

export type AreaRange = keyof typeof AREA_RANGES;

/** A true object. */
export interface TrueObject<Shape> {
  readonly category: string;
  readonly shape: Shape;
  /** In square pixels, of the mask where there is one. */
  readonly area: number;
  /** Stands for many; what it covers is neither right nor wrong. */
  readonly isCrowd: boolean;
}

/** What a model found. */
export interface Detection<Shape> {
  readonly category: string;
  readonly shape: Shape;
  readonly area: number;
  readonly score: number;
}

/** Truth and answer of one image. */
export interface DetectionImage<Shape> {
  readonly truths: readonly TrueObject<Shape>[];
  readonly detections: readonly Detection<Shape>[];
}

/** What matching says of one category in one image. */
export interface ImageMatches {
  /** Index into the images. */
  readonly image: number;
  /** Of detections, best first, `MOST_DETECTIONS` at most. */
  readonly scores: readonly number[]; // [D]
  /** Index of each among the image's detections. */
  readonly detections: readonly number[]; // [D]
  /** For each of `OVERLAPS`, 1 where a detection has an object. */
  readonly matched: readonly Uint8Array[]; // [10][D]
  /** For each of `OVERLAPS`, 1 where it counts neither way. */
  readonly ignored: readonly Uint8Array[]; // [10][D]
  /** Objects to be found. */
  readonly objects: number;
}

/** By category, by range of areas: the images that have something to say. */
export type DetectionMatches = ReadonlyMap<
  string,
  Readonly<Record<AreaRange, readonly ImageMatches[]>>
>;

/**
 * Matches the detections of each category with its objects.
 *
 * Each detection, best first, takes the object it overlaps most and that none
 * has taken yet. Detections with the same score keep their order.
 *
 * Source: `COCOeval.evaluateImg` of pycocotools.
 */
export function matchDetections<Shape>(
  images: readonly DetectionImage<Shape>[],
  overlap: Overlap<Shape>,
): DetectionMatches {
  const categories = new Set(
    images.flatMap(({ truths, detections }) =>
      [...truths, ...detections].map(({ category }) => category),
    ),
  );
  const matches = new Map<string, Record<AreaRange, ImageMatches[]>>();
  for (const category of [...categories].sort()) {
    const ranges: Record<AreaRange, ImageMatches[]> = {
      ...{ all: [], small: [], medium: [], large: [] },
    };
    for (const [image, { truths, detections }] of images.entries()) {
      const own = truths.filter((truth) => truth.category === category);
      const found = [...detections.entries()]
        .filter(([, detection]) => detection.category === category)
        .sort(([, a], [, b]) => b.score - a.score)
        .slice(0, MOST_DETECTIONS);
      if (own.length === 0 && found.length === 0) continue;
      const overlaps = found.map(([, { shape }]) =>
        own.map((truth) => overlap(shape, truth.shape, truth.isCrowd)),
      );
      for (const range of Object.keys(AREA_RANGES) as AreaRange[]) {
        const one = matchImage(image, own, found, overlaps, AREA_RANGES[range]);
        ranges[range].push(one);
      }
    }
    matches.set(category, ranges);
  }
  return matches;
}

/**
 * @param overlaps [D][T] of detections, best first, with objects.
 */
function matchImage<Shape>(
  image: number,
  truths: readonly TrueObject<Shape>[],
  found: readonly (readonly [number, Detection<Shape>])[],
  overlaps: readonly (readonly number[])[],
  [least, most]: readonly [number, number],
): ImageMatches {
  const isOutside = (area: number): boolean => area < least || area > most;
  const isIgnored = truths.map(
    ({ area, isCrowd }) => isCrowd || isOutside(area),
  );
  // What counts comes first: only what finds nothing there may take the rest.
  const order = [...truths.keys()].sort(
    (a, b) => Number(isIgnored[a]) - Number(isIgnored[b]),
  );
  const matched: Uint8Array[] = [];
  const ignored: Uint8Array[] = [];
  for (const threshold of OVERLAPS) {
    const taken = new Set<number>();
    const hit = new Uint8Array(found.length);
    const out = new Uint8Array(found.length);
    for (const [at, [, detection]] of found.entries()) {
      const best = bestTruth(overlaps[at]!, threshold, order, (truth) => ({
        isFree: !taken.has(truth) || truths[truth]!.isCrowd,
        isIgnored: isIgnored[truth]!,
      }));
      if (best === null) {
        out[at] = isOutside(detection.area) ? 1 : 0;
        continue;
      }
      taken.add(best);
      hit[at] = 1;
      out[at] = isIgnored[best] ? 1 : 0;
    }
    matched.push(hit);
    ignored.push(out);
  }
  return {
    image,
    scores: found.map(([, { score }]) => score),
    detections: found.map(([index]) => index),
    matched,
    ignored,
    objects: isIgnored.filter((ignore) => !ignore).length,
  };
}

/** The object that a detection takes; null if none is near enough. */
function bestTruth(
  overlaps: readonly number[],
  threshold: number,
  order: readonly number[],
  stateOf: (truth: number) => { isFree: boolean; isIgnored: boolean },
): number | null {
  let best: number | null = null;
  let most = Math.min(threshold, 1 - 1e-10);
  let isBestIgnored = true;
  for (const truth of order) {
    const { isFree, isIgnored } = stateOf(truth);
    if (!isFree) continue;
    if (best !== null && !isBestIgnored && isIgnored) break;
    if (overlaps[truth]! < most) continue;
    most = overlaps[truth]!;
    best = truth;
    isBestIgnored = isIgnored;
  }
  return best;
}

/** Evenly spaced numbers from `start` to `stop`, rounded as NumPy rounds them. */
export function linspace(
  start: number,
  stop: number,
  count: number,
): readonly number[] {
  const step = (stop - start) / (count - 1);
  return Array.from({ length: count }, (_, at) =>
    at === count - 1 ? stop : at * step + start,
  );
}
