// One list of objects of the lists that overlapping views gave.

import { ringArea, type Box, type ImageSize } from "../geometry.ts";
import type { DroppedItem, ResultBox, ResultPoint } from "./result-fields.ts";
import {
  groupSightings,
  isCut,
  isPartOf,
  type Sighting,
} from "./same-thing.ts";
import { boundingBox, svgPath } from "./segments.ts";
import type { FinishContext, ViewResult } from "./task.ts";

/** An object of any task that finds some. */
export interface AnyObject {
  id: string;
  score: number;
  label_score?: number;
  box_score?: number;
  box: ResultBox;
  box_spread?: ResultBox;
  tile?: number;
  polygons?: ResultPoint[][];
  svg_path?: string;
  area?: number;
  closed?: boolean;
}

/** An object in the unit of the whole image. */
interface Placed<Item> {
  readonly item: Item;
  readonly view: number;
  readonly isCut: boolean;
}

/**
 * Objects of all views, each thing once, numbered anew: whole where a view
 * shows it whole, else put together of the pieces that tiles cut it into. A
 * piece of which no other was found, inside a thing of its name, is part of
 * that.
 *
 * @param nameOf what an object is called; objects of different names are
 *   different things.
 */
export function mergeObjects<Item extends AnyObject>(
  views: readonly ViewResult<{ readonly objects: readonly Item[] }>[],
  context: Pick<FinishContext<unknown>, "scale">,
  nameOf: (object: Item) => string,
): Item[] {
  const { scale } = context;
  const image = wholeOf(scale);
  const placed = views.flatMap(({ tile, box, result }, view) =>
    result.objects.map((object): Placed<Item> => {
      const item = moveObject(object, tile, box, scale);
      return { item, view, isCut: isCut(item.box, box, image) };
    }),
  );
  const sightings = placed.map(({ item, view }): Sighting => {
    return { view, name: nameOf(item), box: item.box };
  });
  const boxes = views.map(({ box }) => box);
  const things = groupSightings(sightings, boxes).map((group) => {
    const members = group.map((index) => placed[index]!);
    const isFragment = members.length === 1 && members[0]!.isCut;
    const item = mergeThing(members, views, scale);
    return { item, isFragment, name: sightings[group[0]!]!.name };
  });
  return things
    .filter(
      ({ item, isFragment, name }) =>
        !isFragment ||
        !things.some(
          (other) =>
            !other.isFragment &&
            other.name === name &&
            isPartOf(item.box, other.item.box),
        ),
    )
    .map(({ item }, index) => ({ ...item, id: `o${index}` }));
}

/** Tokens that views left out, each with its tile. */
export function mergeDropped(
  views: readonly ViewResult<{ readonly dropped?: DroppedItem[] }>[],
): { dropped?: DroppedItem[] } {
  const dropped = views.flatMap(({ tile, result }) =>
    (result.dropped ?? []).map((one) =>
      tile === null ? one : { ...one, tile },
    ),
  );
  return dropped.length > 0 ? { dropped } : {};
}

/** Why all of them stopped: `length` if the answer to one view was cut. */
export function mergeHead(
  views: readonly ViewResult<{ readonly finish_reason: "stop" | "length" }>[],
  isEmpty: boolean,
): {
  status: "ok" | "no_detection";
  finish_reason: "stop" | "length";
  score_kind: "sequence_logprob";
} {
  const isCutShort = views.some(
    ({ result }) => result.finish_reason === "length",
  );
  return {
    status: isEmpty ? "no_detection" : "ok",
    finish_reason: isCutShort ? "length" : "stop",
    score_kind: "sequence_logprob",
  };
}

/** The box of an image whose sides are `scale`. */
export function wholeOf({ width, height }: ImageSize): Box {
  return { x_min: 0, y_min: 0, x_max: width, y_max: height };
}

/** Mean of scores that are means of log-probabilities themselves. */
export function meanScore(scores: readonly number[]): number {
  const sum = scores.reduce((total, score) => total + Math.log(score), 0);
  return Math.exp(sum / scores.length);
}

function moveObject<Item extends AnyObject>(
  object: Item,
  tile: number | null,
  view: Box,
  scale: ImageSize,
): Item {
  if (tile === null) return object;
  const { x_min: x, y_min: y } = view;
  const polygons = object.polygons?.map((ring) =>
    ring.map(([pointX, pointY]): ResultPoint => [pointX + x, pointY + y]),
  );
  return {
    ...object,
    tile,
    box: {
      x_min: object.box.x_min + x,
      y_min: object.box.y_min + y,
      x_max: object.box.x_max + x,
      y_max: object.box.y_max + y,
    },
    ...(polygons !== undefined && {
      polygons,
      svg_path: svgPath(polygons, scale),
    }),
  };
}

/** The thing that several sightings show. */
function mergeThing<Item extends AnyObject>(
  members: readonly Placed<Item>[],
  views: readonly ViewResult<unknown>[],
  scale: ImageSize,
): Item {
  const whole = members
    .filter((member) => !member.isCut)
    // A tile shows more of it than the whole image does.
    .sort(
      (a, b) =>
        Number(a.item.tile === undefined) - Number(b.item.tile === undefined) ||
        b.item.score - a.item.score,
    )[0];
  if (whole !== undefined) return whole.item;
  const [first] = members;
  if (members.length === 1) return first!.item;
  return joinPieces(members, views, scale);
}

/** Each edge is that of the piece that reaches furthest. */
function joinPieces<Item extends AnyObject>(
  members: readonly Placed<Item>[],
  views: readonly ViewResult<unknown>[],
  scale: ImageSize,
): Item {
  const largest = members.reduce((best, one) =>
    areaOf(one.item.box) > areaOf(best.item.box) ? one : best,
  ).item;
  const items = members.map(({ item }) => item);
  const furthest = (edge: keyof ResultBox): Item => {
    const sign = edge.endsWith("min") ? 1 : -1;
    return items.reduce((best, item) =>
      sign * item.box[edge] < sign * best.box[edge] ? item : best,
    );
  };
  const box = edges((edge) => furthest(edge).box[edge]);
  const isSpreadKnown = items.every((item) => item.box_spread !== undefined);
  const labelScores = items.flatMap((item) => item.label_score ?? []);
  const boxScores = items.flatMap((item) => item.box_score ?? []);
  return {
    ...largest,
    box,
    score: meanScore(items.map((item) => item.score)),
    ...(labelScores.length > 0 && { label_score: meanScore(labelScores) }),
    ...(boxScores.length > 0 && { box_score: meanScore(boxScores) }),
    ...(isSpreadKnown && {
      box_spread: edges((edge) => furthest(edge).box_spread![edge]),
    }),
    ...joinOutlines(members, views, scale),
  };
}

/** Outlines side by side, each within its share of where tiles overlap. */
function joinOutlines(
  members: readonly Placed<AnyObject>[],
  views: readonly ViewResult<unknown>[],
  scale: ImageSize,
): Partial<AnyObject> {
  if (members.some(({ item }) => item.polygons === undefined)) return {};
  const polygons = members.flatMap(({ item, view }) => {
    const others = members.map((other) => views[other.view]!.box);
    const own = ownPart(views[view]!.box, others);
    return item.polygons!.map((ring) => clipRing(ring, own));
  });
  const rings = polygons.filter((ring) => ring.length >= 3);
  if (rings.length === 0) return {};
  return {
    polygons: rings,
    svg_path: svgPath(rings, scale),
    box: boundingBox(rings.flat()),
    area: rings.reduce((sum, ring) => sum + ringArea(ring), 0),
    closed: members.every(({ item }) => item.closed === true),
  };
}

/** A view without the far halves of what its neighbors show as well. */
function ownPart(view: Box, others: readonly Box[]): Box {
  let { x_min, y_min, x_max, y_max } = view;
  for (const other of others) {
    if (other.x_min > view.x_min) x_max = Math.min(x_max, (other.x_min + view.x_max) / 2); // prettier-ignore
    if (other.x_min < view.x_min) x_min = Math.max(x_min, (view.x_min + other.x_max) / 2); // prettier-ignore
    if (other.y_min > view.y_min) y_max = Math.min(y_max, (other.y_min + view.y_max) / 2); // prettier-ignore
    if (other.y_min < view.y_min) y_min = Math.max(y_min, (view.y_min + other.y_max) / 2); // prettier-ignore
  }
  return { x_min, y_min, x_max, y_max };
}

/** The part of a ring inside a box (Sutherland and Hodgman, 1974). */
function clipRing(ring: readonly ResultPoint[], box: Box): ResultPoint[] {
  const sides: readonly (readonly [0 | 1, number, 1 | -1])[] = [
    [0, box.x_min, 1],
    [0, box.x_max, -1],
    [1, box.y_min, 1],
    [1, box.y_max, -1],
  ];
  let points: readonly ResultPoint[] = ring;
  for (const [axis, at, sign] of sides) {
    const isInside = (point: ResultPoint): boolean =>
      sign * point[axis] >= sign * at;
    const clipped: ResultPoint[] = [];
    for (const [index, point] of points.entries()) {
      const before = points.at(index - 1)!;
      if (isInside(point) !== isInside(before)) {
        const share = (at - before[axis]) / (point[axis] - before[axis]);
        clipped.push([
          before[0] + share * (point[0] - before[0]),
          before[1] + share * (point[1] - before[1]),
        ]);
      }
      if (isInside(point)) clipped.push(point);
    }
    points = clipped;
  }
  return [...points];
}

function edges(valueOf: (edge: keyof ResultBox) => number): ResultBox {
  return {
    x_min: valueOf("x_min"),
    y_min: valueOf("y_min"),
    x_max: valueOf("x_max"),
    y_max: valueOf("y_max"),
  };
}

function areaOf(box: ResultBox): number {
  return (box.x_max - box.x_min) * (box.y_max - box.y_min);
}
