// Draws the results of an analysis over its photo, as SVG.

import type { ImageSize, Point } from "../geometry.ts";
import { escapeXml } from "./escape-xml.ts";
import { colorOfLabel } from "./label-color.ts";
import {
  collectMarks,
  type DrawableRequest,
  type DrawableResult,
  type Mark,
} from "./marks.ts";
import { placeTags } from "./place-tags.ts";
import { FONT_FAMILY, textWidth, truncateText } from "./text-width.ts";

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

/** Letters of a score, against those of its label. */
const SCORE_SIZE = 0.88;

/** Everything is measured in this: the height of a label's letters, in pixels. */
interface Metrics {
  readonly font: number;
  readonly stroke: number;
  readonly tagHeight: number;
  readonly padding: number;
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

/** Letters are 3 % of the picture's mean side, and smaller in a crowd. */
function metricsFor(size: ImageSize, marks: readonly Mark[]): Metrics {
  const side = Math.sqrt(size.width * size.height);
  const shortSide = Math.min(size.width, size.height);
  const full = Math.min(0.03 * side, 0.06 * shortSide);
  const ems = marks.reduce(
    (sum, mark) => sum + textWidth(wordsOf(mark)) + 1,
    0,
  );
  const share = (ems * 1.5 * full * full) / (side * side);
  // Tags may take an eighth of the picture before they shrink.
  const font = full * Math.max(0.6, Math.min(1, Math.sqrt(0.125 / share)));
  return {
    font,
    stroke: Math.sqrt(full * font) * 0.16,
    tagHeight: font * 1.4,
    padding: font * 0.36,
  };
}

type NumberFormat = (value: number) => string;

/** Four to five digits of the longer side: finer than any eye or any bin. */
function numberFormat(size: ImageSize): NumberFormat {
  const digits = 5 - Math.ceil(Math.log10(Math.max(size.width, size.height)));
  const factor = 10 ** Math.min(4, Math.max(1, digits));
  return (value) => String(Math.round(value * factor) / factor);
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
  const { fill } = colorOfLabel(colorKey(mark));
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
    `<title>${escapeXml(wordsOf(mark))}</title>`,
    // Dark under bright: one of the two stands out from any photo.
    `<path d="${path}" stroke="#000000" stroke-opacity="0.4" stroke-width="${number(stroke * 1.9)}"/>`,
    `<path d="${path}" stroke="${fill}" stroke-width="${number(stroke)}"${shade > 0 ? ` fill="${fill}" fill-opacity="${shade}" fill-rule="evenodd"` : ""}/>`,
    "</g>",
  ].join("");
}

function drawTags(
  marks: readonly Mark[],
  size: ImageSize,
  metrics: Metrics,
  number: NumberFormat,
): string[] {
  const { font, tagHeight, padding } = metrics;
  const tags = marks
    .filter((mark) => wordsOf(mark) !== "")
    .map((mark) => {
      const room = Math.min(size.width * 0.6, font * 24) - 2 * padding;
      // A page has many lines of text: their scores stay in the titles.
      const score = mark.kind === "quad" ? "" : scoreOf(mark);
      const tail = score === "" ? 0 : textWidth(` ${score}`) * SCORE_SIZE;
      const label = truncateText(mark.label, room / font - tail);
      const width = (textWidth(label) + tail) * font + 2 * padding;
      return { mark, label, score, width };
    });
  const corners = placeTags(
    tags.map(({ mark, width }) => ({
      width: Math.min(width, size.width),
      height: tagHeight,
      bounds: mark.bounds,
      ...(mark.kind === "polygon" ? { anchors: anchorsOf(mark) } : {}),
    })),
    size,
  );
  if (tags.length === 0) return [];
  return [
    `<g font-family="${FONT_FAMILY}" font-weight="500" font-size="${number(font)}">`,
    ...tags.map(({ mark, label, score, width }, index) => {
      const [x, y] = corners[index]!;
      const color = colorOfLabel(colorKey(mark));
      const gap = label === "" || score === "" ? "" : " ";
      const tail =
        score === ""
          ? ""
          : `${gap}<tspan font-size="${number(font * SCORE_SIZE)}">${score}</tspan>`;
      return [
        `<rect x="${number(x)}" y="${number(y)}" width="${number(width)}" height="${number(tagHeight)}" rx="${number(font * 0.25)}" fill="${color.fill}" stroke="#000000" stroke-opacity="0.35" stroke-width="${number(font * 0.06)}"/>`,
        // Baseline so that capitals (0.71 em in Roboto) stand in the middle.
        `<text x="${number(x + padding)}" y="${number(y + tagHeight / 2 + font * 0.355)}" fill="${color.text}" xml:space="preserve">${escapeXml(label)}${tail}</text>`,
      ].join("");
    }),
    "</g>",
  ];
}

function scoreOf(mark: Mark): string {
  return mark.score === undefined ? "" : mark.score.toFixed(2);
}

/** The whole text of a tag, before it is shortened. */
function wordsOf(mark: Mark): string {
  return [mark.label, scoreOf(mark)].filter((word) => word !== "").join(" ");
}

/** Lines of text share a color: their words are no classes. */
function colorKey(mark: Mark): string {
  return mark.kind === "quad" ? "ocr" : mark.label;
}

/** Moves a corner in from the picture's edge by half a stroke. */
function keepInside([x, y]: Point, size: ImageSize, stroke: number): Point {
  const inset = stroke / 2;
  return [
    Math.max(inset, Math.min(size.width - inset, x)),
    Math.max(inset, Math.min(size.height - inset, y)),
  ];
}

/** Up to ten corners, topmost first: a tag there touches the outline itself. */
function anchorsOf({ outlines }: Mark): Point[] {
  const corners = outlines.flatMap(({ points }) => points);
  const every = Math.ceil(corners.length / 10);
  return corners
    .toSorted((a, b) => a[1] - b[1])
    .filter((_, index) => index % every === 0);
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

function toBase64(bytes: Uint8Array): string {
  // `String.fromCharCode` takes its bytes as arguments, of which there is a limit.
  const chunk = 0x8000;
  let binary = "";
  for (let at = 0; at < bytes.length; at += chunk) {
    binary += String.fromCharCode(...bytes.subarray(at, at + chunk));
  }
  return btoa(binary);
}
