// From parsed polygons to scored segments in the caller's unit.

import { dequantize, ringArea, type ImageSize } from "../geometry.ts";
import type { Answer } from "../parse/answer.ts";
import type { Dropped } from "../parse/pieces.ts";
import { parsePolygons, type PolygonBins } from "../parse/polygons.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { isWholeImage } from "./objects.ts";
import type { ResultBox, ResultPoint, Segment } from "./result-fields.ts";
import { sequenceScore } from "./scores.ts";
import type { FinishContext } from "./task.ts";

/** An outline with what the model called it. */
export interface FoundSegment {
  readonly label: string;
  readonly labelAt: readonly number[];
  readonly at: readonly number[];
  readonly score: number;
  readonly fields: Segment & { score: number };
}

export interface FoundSegments {
  readonly segments: readonly FoundSegment[];
  readonly dropped: readonly Dropped[];
}

/** Share of the image that an outline of all of it encloses at least. */
const WHOLE_IMAGE_AREA = 0.97;

/**
 * Reads the segments of an answer; those below `minScore` are dropped.
 *
 * @param labels `ignored` where the task asks for one thing only: what the
 *   model writes around the outlines is dropped, and not scored.
 */
export function findSegments(
  answer: Answer,
  context: Pick<FinishContext<unknown>, "tokenizer" | "scale" | "minScore">,
  labels: "scored" | "ignored",
): FoundSegments {
  const parsed = parsePolygons(answer.ids, context.tokenizer);
  const segments: FoundSegment[] = [];
  const dropped = [...parsed.dropped];
  const ignored = new Set<readonly number[]>();
  for (const [index, item] of parsed.items.entries()) {
    const isLast = index === parsed.items.length - 1;
    const isCut = isLast && isCutAt(answer, item, context.tokenizer);
    const labelAt = labels === "scored" ? item.labelAt : [];
    if (labels === "ignored" && item.labelAt.length > 0)
      ignored.add(item.labelAt);
    const score = sequenceScore(answer, [...labelAt, ...item.at]);
    if (score < context.minScore) {
      dropped.push({ reason: "below_min_score", at: item.at });
      continue;
    }
    segments.push({
      label: labels === "scored" ? item.label : "",
      labelAt,
      at: item.at,
      score,
      fields: {
        ...outline(item.rings, context.scale),
        closed: item.isClosed && !isCut,
        score,
      },
    });
  }
  for (const at of ignored) dropped.push({ reason: "unexpected_text", at });
  return { segments, dropped };
}

/** Whether a segment is the image itself. */
export function isWholeImageSegment(
  { box, area }: Segment,
  scale: ImageSize,
): boolean {
  const whole = scale.width * scale.height;
  return isWholeImage(box, scale) && area >= WHOLE_IMAGE_AREA * whole;
}

/**
 * Whether a cut answer ends inside its last outline: that has no `</poly>`, and
 * no text follows.
 */
function isCutAt(
  { ids, finishReason }: Answer,
  item: PolygonBins,
  tokenizer: Tokenizer,
): boolean {
  const last = item.at.at(-1) ?? 0;
  return (
    finishReason === "length" &&
    ids[last] !== tokenizer.special.polyClose &&
    ids.slice(last + 1).every((id) => tokenizer.isAdded(id))
  );
}

function outline(
  rings: readonly (readonly number[])[],
  scale: ImageSize,
): Omit<Segment, "closed"> {
  const polygons = rings.map((ring) => ringPoints(ring, scale));
  return {
    polygons,
    svg_path: svgPath(polygons, scale),
    box: boundingBox(polygons.flat()),
    area: polygons.reduce((sum, ring) => sum + ringArea(ring), 0),
  };
}

function ringPoints(ring: readonly number[], scale: ImageSize): ResultPoint[] {
  const points: ResultPoint[] = [];
  for (let at = 0; at + 1 < ring.length; at += 2) {
    const x = dequantize(ring[at]!, scale.width);
    const y = dequantize(ring[at + 1]!, scale.height);
    points.push([x, y]);
  }
  return points;
}

/** Coordinates rounded to a thousandth of a bin or better: a path is drawn. */
export function svgPath(
  rings: readonly (readonly ResultPoint[])[],
  scale: ImageSize,
): string {
  const digits = Math.max(scale.width, scale.height) > 1 ? 2 : 5;
  const write = (value: number): string =>
    String(Number(value.toFixed(digits)));
  return rings
    .map((ring) => {
      const points = ring.map(([x, y]) => `${write(x)} ${write(y)}`);
      return `M${points.join("L")}Z`;
    })
    .join("");
}

export function boundingBox(points: readonly ResultPoint[]): ResultBox {
  let [x_min, y_min] = [Infinity, Infinity];
  let [x_max, y_max] = [-Infinity, -Infinity];
  for (const [x, y] of points) {
    x_min = Math.min(x_min, x);
    y_min = Math.min(y_min, y);
    x_max = Math.max(x_max, x);
    y_max = Math.max(y_max, y);
  }
  return { x_min, y_min, x_max, y_max };
}
