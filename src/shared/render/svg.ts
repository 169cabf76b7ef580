// Draws the results of an analysis over its photo, as SVG.

import type { ImageSize, Point } from "../geometry.ts";
import { toBase64 } from "./base64.ts";
import { drawTags } from "./draw-tags.ts";
import { escapeXml } from "./escape-xml.ts";
import { colorOfMark, tagText } from "./mark-text.ts";
import {
  collectMarks,
  type DrawableRequest,
  type DrawableResult,
  type Mark,
} from "./marks.ts";
import {
  metricsFor,
  numberFormat,
  type Metrics,
  type NumberFormat,
} from "./metrics.ts";

export interface RenderSvgOptions {
  /** The photo, upright as `size` has it, drawn under the overlay. */
  readonly background?: {
    readonly mediaType: string;
    readonly bytes: Uint8Array;
  };
  /** Unit of the results' coordinates; pixels if left out. */
  readonly coordinates?: "pixel" | "normalized";
  /**
   * The tasks that were asked, one per result. Without them the regions of
   * `describe_regions` and its like are not drawn: their results have no box.
   */
  readonly requests?: readonly DrawableRequest[];
}

/**
 * Draws boxes, quads and polygons, each with its label and score in a tag.
 *
 * Strokes and letters scale with the picture, so that it looks the same from
 * 50 to 16,000 pixels. Labels are escaped: the document is well-formed and
 * holds no script, style or outside reference whatever the model said. Results
 * without a place (captions, plain text) draw nothing.
 *
 * @param results of an envelope.
 * @param size of the photo in pixels; also `width`, `height` and `viewBox`.
 * @returns an SVG document; without a background it is transparent.
 */
export function renderSvg(
  results: readonly DrawableResult[],
  size: ImageSize,
  options: RenderSvgOptions = {},
): string {
  const scale =
    options.coordinates === "normalized" ? size : { width: 1, height: 1 };
  const marks = collectMarks(results, size, scale, options.requests);
  const metrics = metricsFor(size, marks);
  const number = numberFormat(size);
  // Small things last: what is inside another stays visible.
  const byArea = marks.toSorted((a, b) => areaOf(b) - areaOf(a));
  const { width, height } = size;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(summaryOf(marks))}">`,
    ...drawBackground(size, options.background),
    ...byArea.map((mark) => drawMark(mark, size, metrics, number)),
    ...drawTags(marks, size, metrics, number),
    "</svg>",
    "",
  ].join("\n");
}

function drawBackground(
  size: ImageSize,
  background: RenderSvgOptions["background"],
): string[] {
  if (background === undefined) return [];
  const uri = `data:${background.mediaType};base64,${toBase64(background.bytes)}`;
  return [
    `<image width="${size.width}" height="${size.height}" preserveAspectRatio="none" href="${escapeXml(uri)}"/>`,
  ];
}

function drawMark(
  mark: Mark,
  size: ImageSize,
  { stroke }: Metrics,
  number: NumberFormat,
): string {
  const { fill } = colorOfMark(mark);
  const path = mark.outlines
    .map(({ points, isClosed }) => {
      const corners = points.map((point) => keepInside(point, size, stroke));
      const steps = corners.map(([x, y]) => `${number(x)} ${number(y)}`);
      return `M${steps.join("L")}${isClosed ? "Z" : ""}`;
    })
    .join("");
  const shade = mark.kind === "polygon" ? 0.28 : mark.kind === "quad" ? 0.1 : 0;
  return [
    `<g data-result="${escapeXml(mark.resultId)}" data-id="${escapeXml(mark.id)}" data-kind="${mark.kind}" fill="none" stroke-linejoin="round" stroke-linecap="round">`,
    `<title>${escapeXml(tagText(mark))}</title>`,
    // Dark under bright: one of the two stands out from any photo.
    `<path d="${path}" stroke="#000000" stroke-opacity="0.4" stroke-width="${number(stroke * 1.9)}"/>`,
    `<path d="${path}" stroke="${fill}" stroke-width="${number(stroke)}"${shade > 0 ? ` fill="${fill}" fill-opacity="${shade}" fill-rule="evenodd"` : ""}/>`,
    "</g>",
  ].join("");
}

/** Moves a corner in from the picture's edge by half a stroke. */
function keepInside([x, y]: Point, size: ImageSize, stroke: number): Point {
  const inset = stroke / 2;
  return [
    Math.max(inset, Math.min(size.width - inset, x)),
    Math.max(inset, Math.min(size.height - inset, y)),
  ];
}

function areaOf({ bounds }: Mark): number {
  return (bounds.x_max - bounds.x_min) * (bounds.y_max - bounds.y_min);
}

function summaryOf(marks: readonly Mark[]): string {
  if (marks.length === 0) return "Nothing marked";
  const labels = [...new Set(marks.map(({ label }) => label))].filter(
    (label) => label !== "",
  );
  const named = labels.slice(0, 8).join(", ");
  return `${marks.length} marked${named === "" ? "" : `: ${named}`}`;
}
