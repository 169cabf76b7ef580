// The tags of an overlay: labels and scores, each near what it names.

import type { Box, ImageSize, Point } from "../geometry.ts";
import { escapeXml } from "./escape-xml.ts";
import { colorOfMark, scoreText, tagText } from "./mark-text.ts";
import type { Mark } from "./marks.ts";
import type { Metrics, NumberFormat } from "./metrics.ts";
import { placeTags } from "./place-tags.ts";
import { FONT_FAMILY, textWidth, truncateText } from "./text-width.ts";

/** Letters of a score, against those of its label. */
const SCORE_SIZE = 0.88;

/** One tag before it has a place. */
interface Tag {
  readonly mark: Mark;
  /** Shortened to fit. */
  readonly label: string;
  readonly score: string;
  readonly width: number;
}

/** One group with a tag for each mark that has words, as lines of SVG. */
export function drawTags(
  marks: readonly Mark[],
  size: ImageSize,
  metrics: Metrics,
  number: NumberFormat,
): string[] {
  const tags = marks
    .filter((mark) => tagText(mark) !== "")
    .map((mark) => tagOf(mark, size, metrics));
  if (tags.length === 0) return [];
  const { font, stroke, tagHeight } = metrics;
  const corners = placeTags(
    tags.map(({ mark, width }) => ({
      width: Math.min(width, size.width),
      height: tagHeight,
      bounds: mark.bounds,
      ...(mark.kind === "polygon" ? { anchors: anchorsOf(mark) } : {}),
    })),
    size,
  );
  const leaders = tags.flatMap(({ mark, width }, index) => {
    const ends = leaderEnds(mark.bounds, corners[index]!, width, tagHeight);
    if (ends === null) return [];
    const [[x1, y1], [x2, y2]] = ends;
    return [
      `<line x1="${number(x1)}" y1="${number(y1)}" x2="${number(x2)}" y2="${number(y2)}" stroke="${colorOfMark(mark).fill}" stroke-width="${number(stroke * 0.6)}"/>`,
    ];
  });
  return [
    ...leaders,
    `<g font-family="${FONT_FAMILY}" font-weight="500" font-size="${number(font)}">`,
    ...tags.map((tag, index) => drawTag(tag, corners[index]!, metrics, number)),
    "</g>",
  ];
}

function tagOf(mark: Mark, size: ImageSize, metrics: Metrics): Tag {
  const { font, padding } = metrics;
  const room = Math.min(size.width * 0.6, font * 24) - 2 * padding;
  // A page has many lines of text: their scores stay in the titles.
  const score = mark.kind === "quad" ? "" : scoreText(mark);
  const tail = score === "" ? 0 : textWidth(` ${score}`) * SCORE_SIZE;
  const label = truncateText(mark.label, room / font - tail);
  const width = (textWidth(label) + tail) * font + 2 * padding;
  return { mark, label, score, width };
}

function drawTag(
  { mark, label, score, width }: Tag,
  [x, y]: Point,
  { font, tagHeight, padding }: Metrics,
  number: NumberFormat,
): string {
  const { fill, text } = colorOfMark(mark);
  const gap = label === "" || score === "" ? "" : " ";
  const tail =
    score === ""
      ? ""
      : `${gap}<tspan font-size="${number(font * SCORE_SIZE)}">${score}</tspan>`;
  return [
    `<rect x="${number(x)}" y="${number(y)}" width="${number(width)}" height="${number(tagHeight)}" rx="${number(font * 0.25)}" fill="${fill}" stroke="#000000" stroke-opacity="0.35" stroke-width="${number(font * 0.06)}"/>`,
    // Baseline so that capitals (0.71 em in Roboto) stand in the middle.
    `<text x="${number(x + padding)}" y="${number(y + tagHeight / 2 + font * 0.355)}" fill="${text}" xml:space="preserve">${escapeXml(label)}${tail}</text>`,
  ].join("");
}

/**
 * Where a line joins a tag to an outline that it had to stand away from; null
 * where they are near each other.
 */
function leaderEnds(
  bounds: Box,
  [x, y]: Point,
  width: number,
  height: number,
): readonly [Point, Point] | null {
  const middle: Point = [x + width / 2, y + height / 2];
  const onOutline: Point = [
    Math.max(bounds.x_min, Math.min(middle[0], bounds.x_max)),
    Math.max(bounds.y_min, Math.min(middle[1], bounds.y_max)),
  ];
  const onTag: Point = [
    Math.max(x, Math.min(onOutline[0], x + width)),
    Math.max(y, Math.min(onOutline[1], y + height)),
  ];
  const away = Math.hypot(onOutline[0] - onTag[0], onOutline[1] - onTag[1]);
  return away > height / 2 ? [onTag, onOutline] : null;
}

/** Up to ten corners, topmost first: a tag there touches the outline itself. */
function anchorsOf({ outlines }: Mark): Point[] {
  const corners = outlines.flatMap(({ points }) => points);
  const every = Math.ceil(corners.length / 10);
  return corners
    .toSorted((a, b) => a[1] - b[1])
    .filter((_, index) => index % every === 0);
}
