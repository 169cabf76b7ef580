// A made-up world for tests of tiling: a model that looks at a tile and says
// exactly what of the world is in it, as far as its 1,000 bins allow.

import { quantize, type Box } from "../../../src/shared/geometry.ts";
import type { RgbImage } from "../../../src/shared/image/rgb-image.ts";
import type { Tokenizer } from "../../../src/shared/tokenizer/tokenizer.ts";

export interface Thing {
  readonly label: string;
  readonly box: Box;
}

/** A line of letters of equal width. */
export interface TextLine {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly letter: number;
  readonly height: number;
}

/** An image in which every pixel says where it is. */
export function mapImage(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 3) {
      data[at] = x & 255;
      data[at + 1] = y & 255;
      data[at + 2] = ((x >> 8) << 4) | (y >> 8);
    }
  }
  return { width, height, data };
}

/** The part of the map that an image is. */
export function partOf({ width, height, data }: RgbImage): Box {
  const x = data[0]! + ((data[2]! >> 4) << 8);
  const y = data[1]! + ((data[2]! & 15) << 8);
  return { x_min: x, y_min: y, x_max: x + width, y_max: y + height };
}

/** What a model says of the things in a part: label and box of what is visible. */
export function sayThings(
  things: readonly Thing[],
  part: Box,
  tokenizer: Tokenizer,
): number[] {
  return things.flatMap(({ label, box }) => {
    const seen = clip(box, part);
    if (seen === null) return [];
    return [
      ...tokenizer.encodePlain(label),
      ...locations(
        [
          [seen.x_min, seen.y_min],
          [seen.x_max, seen.y_max],
        ],
        part,
        tokenizer,
      ),
    ];
  });
}

/**
 * What a model reads in a part: letters whose middle is inside. Of a line of
 * which less than two fifths of the height are inside it makes nothing out.
 */
export function sayLines(
  lines: readonly TextLine[],
  part: Box,
  tokenizer: Tokenizer,
): number[] {
  return lines.flatMap(({ text, x, y, letter, height }) => {
    const top = Math.max(y, part.y_min);
    const bottom = Math.min(y + height, part.y_max);
    if (bottom <= top) return [];
    const inside = Array.from(text)
      .map((character, index) => ({ character, index }))
      .filter(({ index }) => {
        const middle = x + (index + 0.5) * letter;
        return middle >= part.x_min && middle < part.x_max;
      });
    // A model writes no blanks at the ends of a line.
    while (inside[0]?.character === " ") inside.shift();
    while (inside.at(-1)?.character === " ") inside.pop();
    if (inside.length === 0) return [];
    const isLegible = bottom - top > 0.4 * height;
    const read = inside.map(({ character }) => character).join("");
    const left = Math.max(part.x_min, x + inside[0]!.index * letter);
    const right = Math.min(part.x_max, x + (inside.at(-1)!.index + 1) * letter);
    return [
      ...tokenizer.encodePlain(isLegible ? read : "~".repeat(read.length)),
      ...locations(
        [
          [left, top],
          [right, top],
          [right, bottom],
          [left, bottom],
        ],
        part,
        tokenizer,
      ),
    ];
  });
}

function clip(box: Box, part: Box): Box | null {
  const seen = {
    x_min: Math.max(box.x_min, part.x_min),
    y_min: Math.max(box.y_min, part.y_min),
    x_max: Math.min(box.x_max, part.x_max),
    y_max: Math.min(box.y_max, part.y_max),
  };
  return seen.x_max > seen.x_min && seen.y_max > seen.y_min ? seen : null;
}

function locations(
  points: readonly (readonly [number, number])[],
  part: Box,
  { special }: Tokenizer,
): number[] {
  const [width, height] = [part.x_max - part.x_min, part.y_max - part.y_min];
  return points.flatMap(([x, y]) => [
    special.firstLocation + quantize(x - part.x_min, width),
    special.firstLocation + quantize(y - part.y_min, height),
  ]);
}
