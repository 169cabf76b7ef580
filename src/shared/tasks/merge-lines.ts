// One list of lines of text of the lists that overlapping tiles gave.

import type { Box, Point } from "../geometry.ts";
import { joinTexts } from "./join-texts.ts";
import { meanScore, wholeOf } from "./merge-objects.ts";
import type { ResultPoint } from "./result-fields.ts";
import { groupSightings, isCut, isPartOf } from "./same-thing.ts";
import { boundingBox } from "./segments.ts";
import type { FinishContext, ViewResult } from "./task.ts";

type Quad = [ResultPoint, ResultPoint, ResultPoint, ResultPoint];

/** A line of text with its corners, clockwise from the text's top left. */
export interface AnyLine {
  id: string;
  text: string;
  score: number;
  label_score: number;
  box_score: number;
  quad: Quad;
  tile?: number;
}

interface Placed<Line> {
  readonly line: Line;
  readonly box: Box;
  readonly isCut: boolean;
}

/** A piece this much within another, along the text, says nothing more. */
const MIN_COVERED = 0.9;

/**
 * Lines of all tiles, each once and whole, from top to bottom and in a row from
 * left to right, numbered anew. A line that no tile shows whole is joined of
 * its pieces; half of a line, cut along it, gives way to the fuller one.
 */
export function mergeLines<Line extends AnyLine>(
  views: readonly ViewResult<{ readonly lines: readonly Line[] }>[],
  context: Pick<FinishContext<unknown>, "scale">,
): Line[] {
  const image = wholeOf(context.scale);
  const placed: Placed<Line>[] = [];
  const sightings = views.flatMap(({ tile, box: view, result }, index) =>
    result.lines.map((one) => {
      const line = moveLine(one, tile, view);
      const box = boundingBox(line.quad);
      placed.push({ line, box, isCut: isCut(box, view, image) });
      return { view: index, name: "", box };
    }),
  );
  const boxes = views.map(({ box }) => box);
  const things = groupSightings(sightings, boxes).map((group) => {
    const members = group.map((index) => placed[index]!);
    const isFragment = members.length === 1 && members[0]!.isCut;
    const line = mergeThing(members);
    return { line, isFragment, box: boundingBox(line.quad) };
  });
  const lines = things.filter(
    ({ isFragment, box }) =>
      !isFragment ||
      !things.some((other) => !other.isFragment && isPartOf(box, other.box)),
  );
  return inReadingOrder(lines).map(({ line }, index) => ({
    ...line,
    id: `l${index}`,
  }));
}

function moveLine<Line extends AnyLine>(
  line: Line,
  tile: number | null,
  view: Box,
): Line {
  const move = ([x, y]: Point): ResultPoint => [x + view.x_min, y + view.y_min];
  const [a, b, c, d] = line.quad;
  return {
    ...line,
    quad: [move(a), move(b), move(c), move(d)],
    ...(tile !== null && { tile }),
  };
}

function mergeThing<Line extends AnyLine>(
  members: readonly Placed<Line>[],
): Line {
  const whole = members
    .filter((member) => !member.isCut)
    .sort((a, b) => b.line.score - a.line.score)[0];
  if (whole !== undefined) return whole.line;
  const [first, ...rest] = piecesInOrder(members);
  return rest.reduce(
    (line, { line: next }) => joinLines(line, next),
    first!.line,
  );
}

/** The pieces that say something of their own, in the direction of the text. */
function piecesInOrder<Line extends AnyLine>(
  members: readonly Placed<Line>[],
): readonly Placed<Line>[] {
  // The largest first: what is cut along its letters is the smaller part.
  const bySize = members.toSorted((a, b) => areaOf(b.box) - areaOf(a.box));
  const along = directionOf(bySize[0]!.line.quad);
  const kept: Placed<Line>[] = [];
  for (const piece of bySize) {
    const [from, to] = extent(piece.line.quad, along);
    const isCovered = kept.some((other) => {
      const [otherFrom, otherTo] = extent(other.line.quad, along);
      const common = Math.min(to, otherTo) - Math.max(from, otherFrom);
      return common >= MIN_COVERED * (to - from);
    });
    if (!isCovered) kept.push(piece);
  }
  return kept.sort(
    (a, b) => extent(a.line.quad, along)[0] - extent(b.line.quad, along)[0],
  );
}

function joinLines<Line extends AnyLine>(before: Line, after: Line): Line {
  const along = directionOf(before.quad);
  const [from, end] = extent(before.quad, along);
  const [start, to] = extent(after.quad, along);
  const letters = [...before.text].length + [...after.text].length;
  const letterWidth = (end - from + (to - start)) / Math.max(1, letters);
  const [topLeft, , , bottomLeft] = before.quad;
  const [, topRight, bottomRight] = after.quad;
  return {
    ...before,
    text: joinTexts(before.text, after.text, (end - start) / letterWidth),
    score: meanScore([before.score, after.score]),
    label_score: meanScore([before.label_score, after.label_score]),
    box_score: meanScore([before.box_score, after.box_score]),
    quad: [topLeft, topRight, bottomRight, bottomLeft],
  };
}

/** Unit vector from the text's top left to its top right. */
function directionOf([[x1, y1], [x2, y2]]: Quad): Point {
  const length = Math.hypot(x2 - x1, y2 - y1);
  return length === 0 ? [1, 0] : [(x2 - x1) / length, (y2 - y1) / length];
}

function extent(quad: Quad, [x, y]: Point): readonly [number, number] {
  const places = quad.map((point) => point[0] * x + point[1] * y);
  return [Math.min(...places), Math.max(...places)];
}

/** Rows from top to bottom; a row holds what shares half its height with it. */
function inReadingOrder<Item extends { readonly box: Box }>(
  items: readonly Item[],
): Item[] {
  const rows: Item[][] = [];
  for (const item of items.toSorted(
    (a, b) => middleOf(a.box) - middleOf(b.box),
  )) {
    const row = rows.at(-1);
    if (row !== undefined && isSameRow(row[0]!.box, item.box)) row.push(item);
    else rows.push([item]);
  }
  return rows.flatMap((row) => row.sort((a, b) => a.box.x_min - b.box.x_min));
}

function isSameRow(a: Box, b: Box): boolean {
  const shared = Math.min(a.y_max, b.y_max) - Math.max(a.y_min, b.y_min);
  return shared > 0.5 * Math.min(a.y_max - a.y_min, b.y_max - b.y_min);
}

function middleOf(box: Box): number {
  return (box.y_min + box.y_max) / 2;
}

function areaOf(box: Box): number {
  return (box.x_max - box.x_min) * (box.y_max - box.y_min);
}
