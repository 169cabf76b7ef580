// From payloads to what is drawn: outlines in pixels, each with its words.

import type { Box, ImageSize, Point } from "../geometry.ts";

/** One outline: its corners in pixels, inside the picture. */
export interface Outline {
  readonly points: readonly Point[];
  /** Whether the last corner joins the first. */
  readonly isClosed: boolean;
}

/** One thing to draw. */
export interface Mark {
  readonly kind: "box" | "quad" | "polygon";
  readonly resultId: string;
  readonly id: string;
  /** What its tag says, on one line; may be empty. */
  readonly label: string;
  readonly score: number | undefined;
  readonly outlines: readonly Outline[];
  /** Smallest box around the outlines, in pixels. */
  readonly bounds: Box;
}

interface Located {
  readonly id?: string | undefined;
  readonly label?: string | null | undefined;
  readonly phrase?: string | undefined;
  readonly text?: string | undefined;
  readonly score?: number | null | undefined;
  readonly box?: Box | undefined;
  readonly quad?: readonly Point[] | undefined;
  readonly polygons?: readonly (readonly Point[])[] | undefined;
  readonly closed?: boolean | undefined;
}

/** A region of a region task: where it is, and what was said of it. */
interface LocatedRegion extends Located {
  readonly segments?: readonly Located[] | undefined;
}

/**
 * The part of a result that can be drawn; every payload of every task fits.
 * Coordinates are pixels or fractions of the sides, see `collectMarks`.
 */
export interface DrawableResult {
  readonly id?: string | undefined;
  readonly task: string;
  readonly text?: string | undefined;
  readonly objects?: readonly Located[] | undefined;
  readonly segments?: readonly Located[] | undefined;
  readonly regions?: readonly LocatedRegion[] | undefined;
  readonly lines?: readonly Located[] | undefined;
}

/** The part of a task's request that says where its regions are. */
export interface DrawableRequest {
  readonly task: string;
  readonly regions?: readonly { readonly box: Box }[] | undefined;
}

/**
 * Everything in `results` that has a place, in the model's order, clamped to
 * the picture. What has no finite place is left out.
 *
 * @param scale 1 for each side if coordinates are pixels, else the sides.
 * @param requests one per result: results of regions say what, requests where.
 */
export function collectMarks(
  results: readonly DrawableResult[],
  size: ImageSize,
  scale: ImageSize,
  requests: readonly DrawableRequest[] = [],
): Mark[] {
  const toPixels = ([x, y]: Point): Point => [
    clamp(x * scale.width, size.width),
    clamp(y * scale.height, size.height),
  ];
  return results.flatMap((result, index) =>
    locatedIn(result, requests[index]).flatMap((located): Mark[] => {
      const shape = shapeOf(located);
      const outlines = shape.outlines
        .map(({ points, isClosed }) => ({
          points: points.map(toPixels),
          isClosed,
        }))
        .filter(
          ({ points }) => points.length > 1 && points.every(isFinitePoint),
        );
      if (outlines.length === 0) return [];
      return [
        {
          kind: shape.kind,
          resultId: result.id ?? "",
          id: located.id ?? "",
          label: labelOf(located),
          score: Number.isFinite(located.score) ? located.score! : undefined,
          outlines,
          bounds: boundsOf(outlines),
        },
      ];
    }),
  );
}

function locatedIn(
  result: DrawableResult,
  request: DrawableRequest | undefined,
): Located[] {
  const regions = (result.regions ?? []).flatMap((region, at): Located[] => {
    const box = region.box ?? request?.regions?.[at]?.box;
    const named = (located: Located): Located => ({
      ...located,
      id: region.id,
      label: [region.id, located.label ?? located.text]
        .filter((word) => word !== undefined && word !== "")
        .join(" "),
    });
    return region.segments === undefined
      ? [named({ ...region, box })]
      : region.segments.map(named);
  });
  return [
    ...(result.objects ?? []),
    ...(result.segments ?? []),
    ...regions,
    ...(result.lines ?? []),
  ];
}

/** The closest outline an item has: polygons before a quad before a box. */
function shapeOf(located: Located): Pick<Mark, "kind" | "outlines"> {
  const isClosed = located.closed ?? true;
  if (located.polygons !== undefined && located.polygons.length > 0) {
    const outlines = located.polygons.map((points) => ({ points, isClosed }));
    return { kind: "polygon", outlines };
  }
  if (located.quad !== undefined) {
    return {
      kind: "quad",
      outlines: [{ points: located.quad, isClosed: true }],
    };
  }
  if (located.box === undefined) return { kind: "box", outlines: [] };
  const { x_min, y_min, x_max, y_max } = located.box;
  const points: Point[] = [
    [Math.min(x_min, x_max), Math.min(y_min, y_max)],
    [Math.max(x_min, x_max), Math.min(y_min, y_max)],
    [Math.max(x_min, x_max), Math.max(y_min, y_max)],
    [Math.min(x_min, x_max), Math.max(y_min, y_max)],
  ];
  return { kind: "box", outlines: [{ points, isClosed: true }] };
}

/** A proposal has no words: its id stands in, so that it can be spoken of. */
function labelOf(located: Located): string {
  const words = located.label ?? located.phrase ?? located.text ?? located.id;
  return (words ?? "").replace(/\s+/gu, " ").trim();
}

function boundsOf(outlines: readonly Outline[]): Box {
  let [x_min, y_min, x_max, y_max] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { points } of outlines) {
    for (const [x, y] of points) {
      x_min = Math.min(x_min, x);
      y_min = Math.min(y_min, y);
      x_max = Math.max(x_max, x);
      y_max = Math.max(y_max, y);
    }
  }
  return { x_min, y_min, x_max, y_max };
}

function isFinitePoint([x, y]: Point): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}

function clamp(value: number, side: number): number {
  return Math.min(side, Math.max(0, value));
}
