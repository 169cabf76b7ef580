// Where each label goes: near its outline, inside the picture, and off the
// other labels as long as there is room.

import { boxArea, type Box, type ImageSize, type Point } from "../geometry.ts";

/** A label to be placed, and the outline it belongs to, in pixels. */
export interface TagRequest {
  readonly width: number;
  readonly height: number;
  readonly bounds: Box;
  /** Corners of an outline that is no box, the best to stand on first. */
  readonly anchors?: readonly Point[];
}

/** Past this many labels a step further out is not worth its time. */
const MAX_STEPS = 6;

/**
 * Top left corners of the tags, in the order of `requests`.
 *
 * Greedy, smallest outline first, since those have the fewest good places. A
 * place costs what it hides: labels already placed most, then small objects.
 * Time grows with the square of the number of tags (500 tags: about 0.1 s).
 *
 * @param size of the picture; no tag may be larger.
 */
export function placeTags(
  requests: readonly TagRequest[],
  size: ImageSize,
): Point[] {
  const order = requests
    .keys()
    .toArray()
    .sort(
      (a, b) => boxArea(requests[a]!.bounds) - boxArea(requests[b]!.bounds),
    );
  const outlines = requests.map(({ bounds }) => bounds);
  const placed: Box[] = [];
  const corners: Point[] = [];
  for (const index of order) {
    const request = requests[index]!;
    let best: Box | undefined;
    let bestCost = Infinity;
    for (const [rank, corner] of candidates(request).entries()) {
      const tag = tagAt(corner, request, size);
      // The first places are the ones a reader looks at.
      const cost = rank * 0.02 + costOf(tag, placed, outlines, bestCost);
      if (cost < bestCost) [best, bestCost] = [tag, cost];
    }
    placed.push(best!);
    corners[index] = [best!.x_min, best!.y_min];
  }
  return corners;
}

/** The outline's own corners, those of its box, then along its sides. */
function candidates(request: TagRequest): Point[] {
  const { width, height, bounds, anchors = [] } = request;
  const left = bounds.x_min;
  const right = bounds.x_max - width;
  const middle = (left + right) / 2;
  const above = bounds.y_min - height;
  const below = bounds.y_max;
  const top = bounds.y_min;
  const bottom = bounds.y_max - height;
  const points: Point[] = [
    ...anchors.map(([x, y]): Point => [x - width / 2, y - height]),
    [left, above],
    [left, top],
    [left, below],
    [left, bottom],
    [right, above],
    [right, below],
    [right, top],
    [right, bottom],
    [middle, above],
    [middle, below],
    [middle, top],
    [middle, bottom],
    [bounds.x_max, top],
    [bounds.x_min - width, top],
    [bounds.x_max, bottom],
    [bounds.x_min - width, bottom],
  ];
  for (let step = 1; step <= MAX_STEPS; step += 1) {
    const away = step * height;
    points.push(
      [left, top + away],
      [left, above - away],
      [left, below + away],
      [right, top + away],
      [right, above - away],
      [bounds.x_max, top + away],
      [bounds.x_min - width, top + away],
    );
  }
  return points;
}

function tagAt(
  [x, y]: Point,
  { width, height }: TagRequest,
  size: ImageSize,
): Box {
  const x_min = Math.max(0, Math.min(x, size.width - width));
  const y_min = Math.max(0, Math.min(y, size.height - height));
  return { x_min, y_min, x_max: x_min + width, y_max: y_min + height };
}

/** @param enough a cost past which the exact one is of no interest. */
function costOf(
  tag: Box,
  placed: readonly Box[],
  outlines: readonly Box[],
  enough: number,
): number {
  let cost = 0;
  for (const other of placed) {
    cost += (20 * overlapArea(tag, other)) / boxArea(tag);
    if (cost > enough) return cost;
  }
  for (const outline of outlines) {
    const hidden = overlapArea(tag, outline) / Math.max(1e-9, boxArea(outline));
    if (hidden > 0.15) cost += 2 * hidden;
    if (cost > enough) return cost;
  }
  return cost;
}

function overlapArea(a: Box, b: Box): number {
  const width = Math.min(a.x_max, b.x_max) - Math.max(a.x_min, b.x_min);
  const height = Math.min(a.y_max, b.y_max) - Math.max(a.y_min, b.y_min);
  return width > 0 && height > 0 ? width * height : 0;
}
