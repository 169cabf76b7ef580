// Boxes for region tasks, from whatever a workflow has them in: fields, JSON of
// one's own, or what an earlier node found.

import { BadInput } from "../shared/bad-input.ts";
import { isObject, objectsOf, shown, type Json } from "../shared/json.ts";

/** A region as the service takes it. */
export interface Region {
  readonly id?: string;
  readonly box: {
    readonly x_min: number;
    readonly y_min: number;
    readonly x_max: number;
    readonly y_max: number;
  };
}

const SHAPES =
  'A region is {"x_min", "y_min", "x_max", "y_max"}, an object with such a "box", [x_min, y_min, x_max, y_max], or the four corners of a "quad".';

/** Fields of an item that hold what an earlier node found, the best first. */
const FOUND = ["objects", "segments", "lines", "regions"] as const;

/**
 * Reads regions from a value of the panel: a list, one region, or either as
 * JSON text.
 *
 * @throws BadInput naming the first that is no region.
 */
export function readRegions(value: unknown): Region[] {
  const parsed = typeof value === "string" ? parseText(value) : value;
  if (parsed === undefined || parsed === null || parsed === "") {
    throw new BadInput("Regions is empty", SHAPES);
  }
  // A list of four numbers is one box, not four regions.
  const list =
    Array.isArray(parsed) && !isFourNumbers(parsed) ? parsed : [parsed];
  if (list.length === 0) throw new BadInput("Regions is empty", SHAPES);
  return withUniqueIds(list.map((one, index) => readRegion(one, index)));
}

/**
 * Reads the regions that an earlier Florence node put into an item.
 *
 * @throws BadInput naming the fields there are, if none of them holds boxes.
 */
export function regionsOfItem(json: Json): Region[] {
  const found = foundIn(json);
  if (found.length > 0) return readRegions(found);
  const fields = Object.keys(json).slice(0, 12).join(", ") || "none";
  throw new BadInput(
    `The item has no boxes from an earlier detection; its fields: ${fields}`,
    "Put a node that detects before this one, or choose Regions From: JSON or Fields Below.",
  );
}

function foundIn(json: Json): readonly Json[] {
  if ("box" in json || "quad" in json || "x_min" in json) return [json];
  const results = objectsOf(json["results"]);
  const holders = results.length > 0 ? results : [json];
  return holders.flatMap((holder) =>
    FOUND.flatMap((name) =>
      objectsOf(holder[name]).flatMap((one) =>
        "box" in one || "quad" in one ? [one] : objectsOf(one["segments"]),
      ),
    ),
  );
}

function parseText(text: string): unknown {
  if (text.trim() === "") return undefined;
  const parsed = tryParse(text);
  if (parsed !== undefined) return parsed;
  throw new BadInput(`Regions is no JSON: ${shown(text)}`, SHAPES);
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readRegion(value: unknown, index: number): Region {
  const where = `Region ${index + 1}`;
  const id = isObject(value) ? value["id"] : undefined;
  const [x1, y1, x2, y2] = cornersOf(value, where).map((corner, at) => {
    if (isNumeric(corner)) return Number(corner);
    const side = ["x_min", "y_min", "x_max", "y_max"][at] ?? "";
    throw new BadInput(
      `${where} has no number as ${side}: ${shown(corner)}`,
      SHAPES,
    );
  });
  const box = {
    x_min: x1 ?? 0,
    y_min: y1 ?? 0,
    x_max: x2 ?? 0,
    y_max: y2 ?? 0,
  };
  if (box.x_max <= box.x_min || box.y_max <= box.y_min) {
    throw new BadInput(
      `${where} has no area: x from ${box.x_min} to ${box.x_max}, y from ${box.y_min} to ${box.y_max}`,
    );
  }
  return typeof id === "string" && id.length >= 1 && id.length <= 64
    ? { id, box }
    : { box };
}

/** The four sides, not yet known to be numbers. */
function cornersOf(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value) && value.length === 4) {
    return value.every(Array.isArray) ? aroundPoints(value, where) : value;
  }
  if (isObject(value)) {
    if (value["box"] !== undefined) return cornersOf(value["box"], where);
    if (Array.isArray(value["quad"])) return aroundPoints(value["quad"], where);
    if ("x_min" in value || "x_max" in value) {
      return [value["x_min"], value["y_min"], value["x_max"], value["y_max"]];
    }
  }
  throw new BadInput(`${where} is no box: ${shown(value)}`, SHAPES);
}

function aroundPoints(points: readonly unknown[], where: string): number[] {
  const pairs = points.map((point) => {
    if (Array.isArray(point) && point.length === 2 && point.every(isNumeric)) {
      return point.map(Number);
    }
    throw new BadInput(
      `${where} has a corner that is no [x, y]: ${shown(point)}`,
    );
  });
  const xs = pairs.map(([x]) => x ?? 0);
  const ys = pairs.map(([, y]) => y ?? 0);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function isFourNumbers(list: readonly unknown[]): boolean {
  return list.length === 4 && list.every(isNumeric);
}

function isNumeric(value: unknown): boolean {
  return (
    (typeof value === "number" && Number.isFinite(value)) ||
    (typeof value === "string" &&
      value.trim() !== "" &&
      Number.isFinite(Number(value)))
  );
}

/** Ids come back with the results; where two are equal the service would refuse. */
function withUniqueIds(regions: Region[]): Region[] {
  const ids = regions.flatMap(({ id }) => (id === undefined ? [] : [id]));
  return new Set(ids).size === ids.length
    ? regions
    : regions.map(({ box }) => ({ box }));
}
