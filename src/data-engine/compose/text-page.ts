// A page of text with everything a camera adds: colors, an angle, uneven light,
// blur and noise. The corners of each line are known exactly.

import type { Point } from "../../shared/geometry.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";
import { drawLine, type FontFile } from "./text-fonts.ts";
import { homographyOf, mapPoint, warpImage, type Quad } from "./perspective.ts";
import type { Random } from "./random.ts";

export interface TextLine {
  readonly text: string;
  /** Around its ink, clockwise from the top left, in pixels of the page. */
  readonly quad: Quad;
}

export interface TextPage {
  readonly image: RgbImage;
  readonly lines: readonly TextLine[];
}

type Color = readonly [number, number, number];

const FONT_SIZES = [14, 44] as const;

/** How far a corner strays, as a share of the page's side. */
const TILT = 0.08;

/**
 * Draws a page.
 *
 * @param pick gives the next text.
 */
export async function drawTextPage(
  size: { readonly width: number; readonly height: number },
  fonts: readonly FontFile[],
  pick: () => string,
  random: Random,
): Promise<TextPage> {
  const { width, height } = size;
  const isDark = random.chance(0.25);
  const paper = colorNear(isDark ? 40 : 225, random);
  const ink = colorNear(isDark ? 225 : 40, random);
  const data = new Uint8Array(width * height * 3);
  for (let at = 0; at < data.length; at += 1) data[at] = paper[at % 3]!;
  const flat = { width, height, data };
  const lines = await writeLinesInto(flat, ink, fonts, pick, random);

  const corners: Quad = [
    [0, 0],
    [width, 0],
    [width, height],
    [0, height],
  ];
  const seen = corners.map(([x, y]): Point => [
    x + (x === 0 ? 1 : -1) * random.between(0, TILT) * width,
    y + (y === 0 ? 1 : -1) * random.between(0, TILT) * height,
  ]) as unknown as Quad;
  const forth = homographyOf(corners, seen);
  const table = colorNear(random.between(60, 190), random);
  const warped = warpImage(flat, homographyOf(seen, corners), table);
  return {
    image: photograph(warped, random),
    lines: lines.map(({ text, quad }) => ({
      text,
      quad: [
        mapPoint(forth, quad[0]),
        mapPoint(forth, quad[1]),
        mapPoint(forth, quad[2]),
        mapPoint(forth, quad[3]),
      ],
    })),
  };
}

/** Writes lines down the page until it is full; the page is changed. */
async function writeLinesInto(
  page: RgbImage,
  ink: Color,
  fonts: readonly FontFile[],
  pick: () => string,
  random: Random,
): Promise<TextLine[]> {
  const lines: TextLine[] = [];
  const font = random.pick(fonts);
  const margin = Math.round(page.width * random.between(0.04, 0.12));
  let top = margin;
  for (;;) {
    const fontSize = Math.round(random.between(...FONT_SIZES));
    if (top + fontSize * 1.5 > page.height - margin) return lines;
    const text = pick();
    const mask = await drawLine(text, font, fontSize);
    const room = page.width - 2 * margin - (mask?.width ?? 0);
    // What is too long for the line is not written in part.
    if (mask !== null && room >= 0) {
      const left = margin + random.pick([0, Math.floor(room / 2), room]);
      inkInto(page, mask, ink, left, top);
      const right = left + mask.width;
      const bottom = top + mask.height;
      lines.push({
        text,
        quad: [
          [left, top],
          [right, top],
          [right, bottom],
          [left, bottom],
        ],
      });
      top += mask.height;
    }
    top += Math.round(fontSize * random.between(0.4, 1.2));
  }
}

function inkInto(
  page: RgbImage,
  mask: { width: number; height: number; data: Float32Array },
  ink: Color,
  left: number,
  top: number,
): void {
  for (const [from, alpha] of mask.data.entries()) {
    const y = top + Math.floor(from / mask.width);
    const to = (y * page.width + left + (from % mask.width)) * 3;
    for (let channel = 0; channel < 3; channel += 1) {
      const paper = page.data[to + channel]!;
      const mixed = paper + (ink[channel]! - paper) * alpha;
      page.data[to + channel] = Math.round(mixed);
    }
  }
}

/** Light that falls off to one side, a little blur, and a sensor's noise. */
function photograph(image: RgbImage, random: Random): RgbImage {
  const { width, height } = image;
  const source = random.chance(0.4) ? blur(image) : image;
  const noise = random.between(0, 12);
  const fall = random.between(-0.25, 0.25);
  const isAcross = random.chance(0.5);
  const data = new Uint8Array(image.data.length);
  for (let at = 0; at < data.length; at += 1) {
    const pixel = Math.floor(at / 3);
    const way = isAcross
      ? (pixel % width) / width
      : Math.floor(pixel / width) / height;
    const light = 1 + fall * (way - 0.5);
    const value = source.data[at]! * light + noise * random.normal();
    data[at] = Math.min(255, Math.max(0, Math.round(value)));
  }
  return { width, height, data };
}

/** The mean of each pixel and its eight neighbors. */
function blur({ width, height, data: source }: RgbImage): RgbImage {
  const data = Uint8Array.from(source);
  for (let y = 1; y < height - 1; y += 1) {
    for (
      let at = (y * width + 1) * 3;
      at < (y * width + width - 1) * 3;
      at += 1
    ) {
      let sum = 0;
      for (const row of [-width, 0, width])
        for (const column of [-1, 0, 1])
          sum += source[at + (row + column) * 3]!;
      data[at] = Math.round(sum / 9);
    }
  }
  return { width, height, data };
}

function colorNear(level: number, random: Random): Color {
  const channel = (): number =>
    Math.min(255, Math.max(0, Math.round(level + random.between(-30, 30))));
  return [channel(), channel(), channel()];
}
