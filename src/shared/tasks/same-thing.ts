// Which items of overlapping views are one thing. Two views agree on a thing
// where both can see: what each box shows of the other's view is the same. So a
// thing cut at a seam is found again on its other side, even where the tiles do
// not overlap and only their edges touch.

import { BINS, type Box, type Point } from "../geometry.ts";

/** Something a view found, placed in the whole image. */
export interface Sighting {
  /** Index of the view among the views. */
  readonly view: number;
  /** Things of different names are never one; `""` is a name like any other. */
  readonly name: string;
  readonly box: Box;
  /**
   * How far from the cut its pieces may end, along each axis: a text ends with
   * its last whole letter. Nothing if left out.
   */
  readonly reach?: Point;
}

/** Two extents that share this much of their union are one. */
const MIN_SHARED = 0.5;

/** Bins that two views may differ in about one edge. */
const SLACK_BINS = 2;

/** An edge this near to that of its view, as a share of it, is cut there. */
const CUT_SHARE = 0.01;

const NO_REACH: Point = [0, 0];

/** A piece that lies in another thing to this share is a part of it. */
const MIN_INSIDE = 0.8;

/**
 * Groups sightings by the thing they show: the pairs that agree most first, and
 * never two of one view, which tells its things apart itself.
 *
 * Time grows with the square of the number of sightings of one name.
 *
 * @param views the parts of the image that were looked at.
 * @param mayBeOne what two sightings must be besides.
 * @returns indices of the sightings of each thing, by first sighting.
 */
export function groupSightings(
  sightings: readonly Sighting[],
  views: readonly Box[],
  mayBeOne: (a: number, b: number) => boolean = () => true,
): readonly (readonly number[])[] {
  const groups = sightings.map((_, index) => [index]);
  const groupOf = sightings.map((_, index) => index);
  for (const [a, b] of agreeingPairs(sightings, views)) {
    const [into, from] = [groupOf[a]!, groupOf[b]!];
    if (into === from || !mayBeOne(a, b)) continue;
    const seenBy = new Set(groups[into]!.map((at) => sightings[at]!.view));
    if (groups[from]!.some((at) => seenBy.has(sightings[at]!.view))) continue;
    for (const at of groups[from]!) groupOf[at] = into;
    groups[into]!.push(...groups[from]!);
    groups[from] = [];
  }
  return groups
    .filter((group) => group.length > 0)
    .map((group) => group.toSorted((a, b) => a - b))
    .sort((a, b) => a[0]! - b[0]!);
}

/** Whether a box reaches an edge of its view that is none of the image. */
export function isCut(box: Box, view: Box, image: Box): boolean {
  const slackX = CUT_SHARE * (view.x_max - view.x_min);
  const slackY = CUT_SHARE * (view.y_max - view.y_min);
  return (
    (view.x_min > image.x_min && box.x_min - view.x_min <= slackX) ||
    (view.y_min > image.y_min && box.y_min - view.y_min <= slackY) ||
    (view.x_max < image.x_max && view.x_max - box.x_max <= slackX) ||
    (view.y_max < image.y_max && view.y_max - box.y_max <= slackY)
  );
}

/** Whether a cut piece is a part of something whole. */
export function isPartOf(piece: Box, whole: Box): boolean {
  const width = length(piece.x_min, piece.x_max, whole.x_min, whole.x_max);
  const height = length(piece.y_min, piece.y_max, whole.y_min, whole.y_max);
  const area =
    Math.max(Number.MIN_VALUE, piece.x_max - piece.x_min) *
    Math.max(Number.MIN_VALUE, piece.y_max - piece.y_min);
  return (Math.max(0, width) * Math.max(0, height)) / area >= MIN_INSIDE;
}

function agreeingPairs(
  sightings: readonly Sighting[],
  views: readonly Box[],
): [number, number][] {
  const pairs: { readonly pair: [number, number]; readonly shared: number }[] =
    [];
  for (const [a, one] of sightings.entries()) {
    for (let b = a + 1; b < sightings.length; b += 1) {
      const other = sightings[b]!;
      if (one.view === other.view || one.name !== other.name) continue;
      const shared = agreement(one, other, views);
      if (shared >= MIN_SHARED) pairs.push({ pair: [a, b], shared });
    }
  }
  return pairs.sort((a, b) => b.shared - a.shared).map(({ pair }) => pair);
}

/** How much of their common view two sightings share: 0 to 1. */
function agreement(a: Sighting, b: Sighting, views: readonly Box[]): number {
  const [viewA, viewB] = [views[a.view]!, views[b.view]!];
  const [reachA, reachB] = [a.reach ?? NO_REACH, b.reach ?? NO_REACH];
  const alongX = Math.max(reachA[0], reachB[0]);
  const alongY = Math.max(reachA[1], reachB[1]);
  return Math.min(
    agreementAlong("x_min", "x_max", a.box, b.box, viewA, viewB, alongX),
    agreementAlong("y_min", "y_max", a.box, b.box, viewA, viewB, alongY),
  );
}

function agreementAlong(
  low: "x_min" | "y_min",
  high: "x_max" | "y_max",
  a: Box,
  b: Box,
  viewA: Box,
  viewB: Box,
  reach: number,
): number {
  const side = Math.max(viewA[high] - viewA[low], viewB[high] - viewB[low]);
  const slack = Math.max(reach, (SLACK_BINS * side) / BINS);
  const seenA = clip(a[low], a[high], viewB[low] - slack, viewB[high] + slack);
  const seenB = clip(b[low], b[high], viewA[low] - slack, viewA[high] + slack);
  if (seenA === null || seenB === null) return 0;
  const shared = length(seenA[0], seenA[1], seenB[0], seenB[1]) + 4 * slack;
  const union =
    Math.max(seenA[1], seenB[1]) - Math.min(seenA[0], seenB[0]) + 4 * slack;
  return shared / union;
}

function clip(
  low: number,
  high: number,
  from: number,
  to: number,
): readonly [number, number] | null {
  const [start, end] = [Math.max(low, from), Math.min(high, to)];
  return start <= end ? [start, end] : null;
}

/** Length of what two intervals share; negative for the gap between them. */
function length(
  aLow: number,
  aHigh: number,
  bLow: number,
  bHigh: number,
): number {
  return Math.min(aHigh, bHigh) - Math.max(aLow, bLow);
}
