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

/** Letters by which a piece may end before the cut: one, and a blank. */
const REACH_LETTERS = 2.5;

/** Pieces further apart, in letters, are lines of their own. */
const MAX_GAP_LETTERS = 2;

/** What a piece has beyond another, in letters, before it says more. */
const MORE_LETTERS = 0.5;

/** Pieces of nearly the largest one's size: the surest of them is taken. */
const ABOUT_LARGEST = 0.9;

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
      const [x, y] = directionOf(line.quad);
      const most = REACH_LETTERS * letterWidth(line);
      const reach: Point = [Math.abs(x) * most, Math.abs(y) * most];
      return { view: index, name: "", box, reach };
    }),
  );
  const boxes = views.map(({ box }) => box);
  const mayBeOne = (a: number, b: number): boolean =>
    !isApart(placed[a]!.line, placed[b]!.line);
  const things = groupSightings(sightings, boxes, mayBeOne).map((group) => {
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
  const [first, ...rest] = piecesInOrder(members);
  return rest.reduce((line, next) => joinLines(line, next), first!);
}

/** The pieces that say something of their own, in the direction of the text. */
function piecesInOrder<Line extends AnyLine>(
  members: readonly Placed<Line>[],
): readonly Line[] {
  // The largest first: what is cut along its letters is the smaller part.
  const largest = Math.max(...members.map(({ box }) => areaOf(box)));
  const isLarge = ({ box }: Placed<Line>): boolean =>
    areaOf(box) >= ABOUT_LARGEST * largest;
  const large = members
    .filter(isLarge)
    .sort(
      (a, b) =>
        Number(a.isCut) - Number(b.isCut) || b.line.score - a.line.score,
    );
  const others = members
    .filter((member) => !isLarge(member))
    .sort((a, b) => areaOf(b.box) - areaOf(a.box));
  const along = directionOf(large[0]!.line.quad);
  const kept: Line[] = [];
  for (const { line } of [...large, ...others]) {
    const [from, to] = extent(line.quad, along);
    const more = MORE_LETTERS * letterWidth(line);
    const isCovered = kept.some((other) => {
      const [otherFrom, otherTo] = extent(other.quad, along);
      return otherFrom - from <= more && to - otherTo <= more;
    });
    if (!isCovered) kept.push(line);
  }
  return kept.sort(
    (a, b) => extent(a.quad, along)[0] - extent(b.quad, along)[0],
  );
}

function joinLines<Line extends AnyLine>(before: Line, after: Line): Line {
  const [topLeft, , , bottomLeft] = before.quad;
  const [, topRight, bottomRight] = after.quad;
  return {
    ...before,
    text: joinTexts(before.text, after.text, sharedLetters(before, after)),
    score: meanScore([before.score, after.score]),
    label_score: meanScore([before.label_score, after.label_score]),
    box_score: meanScore([before.box_score, after.box_score]),
    quad: [topLeft, topRight, bottomRight, bottomLeft],
  };
}

/** Whether two lines stand too far apart to be pieces of one. */
function isApart(a: AnyLine, b: AnyLine): boolean {
  const most = -MAX_GAP_LETTERS;
  return sharedLetters(a, b) < most || sharedLetters(b, a) < most;
}

/** Letters that the end of a line and the start of the next have in common. */
function sharedLetters(before: AnyLine, after: AnyLine): number {
  const along = directionOf(before.quad);
  const end = extent(before.quad, along)[1];
  const start = extent(after.quad, along)[0];
  const width = (letterWidth(before) + letterWidth(after)) / 2;
  return width === 0 ? 0 : (end - start) / width;
}

function letterWidth({ text, quad }: AnyLine): number {
  const [from, to] = extent(quad, directionOf(quad));
  return (to - from) / Math.max(1, Array.from(text).length);
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
