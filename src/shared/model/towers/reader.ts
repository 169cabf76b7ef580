// Finds the lines of a picture and reads them: two networks, one after the
// other. Source: `training/reader.py`, `Reader.read`.

import type { Point } from "../../geometry.ts";
import { resizeBicubic } from "../../image/resize-bicubic.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import type { ReaderSpec } from "../manifest.ts";
import type { RunOptions } from "../model.ts";
import type { Session, Tensor } from "../session.ts";
import { cornersOf, findLines, type Rectangle } from "./find-lines.ts";
import { readCharacters, type ReadText } from "./read-characters.ts";
import { straightenLine } from "./straighten-line.ts";

/** A line of text in a picture. */
export interface ReadLine extends ReadText {
  /** In pixels, clockwise from the text's top left. */
  readonly quad: readonly [Point, Point, Point, Point];
}

/** The graphs of a reader. */
export interface ReaderSessions {
  readonly detector: Session;
  readonly recognizer: Session;
}

/**
 * The lines of a picture, in reading order.
 *
 * Lines are read one by one, so that a line's text does not depend on others.
 */
export async function readLines(
  image: RgbImage,
  spec: ReaderSpec,
  sessions: ReaderSessions,
  options: RunOptions,
): Promise<ReadLine[]> {
  const { width, height } = mapSize(image, spec.detector);
  const small = resizeBicubic(image, width, height);
  const map = await runOne(
    sessions.detector,
    "image",
    toTensor(small.data, small.width, small.height, width, spec.detector),
    options,
  );
  const scaleX = image.width / width;
  const scaleY = image.height / height;
  const lines: ReadLine[] = [];
  for (const { rectangle } of findLines(map, width, spec.detector)) {
    const own = stretched(rectangle, scaleX, scaleY);
    const read = await recognize(
      image,
      own,
      spec.recognizer,
      sessions,
      options,
    );
    if (read.text !== "" && read.score >= spec.recognizer.threshold)
      lines.push({ ...read, quad: cornersOf(own) });
  }
  return lines;
}

/** What one rectangle of a picture says. */
async function recognize(
  image: RgbImage,
  rectangle: Rectangle,
  spec: ReaderSpec["recognizer"],
  sessions: ReaderSessions,
  options: RunOptions,
): Promise<ReadText> {
  const proportional = (spec.height * rectangle.width) / rectangle.height;
  const width = Math.min(
    spec.most_width,
    Math.max(1, Math.floor(proportional + 0.5)),
  );
  const filled = Math.max(
    spec.least_width,
    Math.ceil(width / spec.multiple) * spec.multiple,
  );
  const strip = straightenLine(image, rectangle, width, spec.height);
  const probabilities = await runOne(
    sessions.recognizer,
    "line",
    toTensor(strip, width, spec.height, filled, spec),
    options,
  );
  return readCharacters(probabilities, spec);
}

/** Sides the detector sees a picture at: never larger than it is. */
function mapSize(
  image: { readonly width: number; readonly height: number },
  spec: ReaderSpec["detector"],
): { readonly width: number; readonly height: number } {
  const longer = Math.max(image.width, image.height);
  const scale = Math.min(1, spec.long_side / longer);
  const side = (value: number): number => {
    const steps = Math.floor((value * scale) / spec.multiple + 0.5);
    return Math.max(spec.multiple, steps * spec.multiple);
  };
  return { width: side(image.width), height: side(image.height) };
}

/** A rectangle of the map in the picture, whose proportions differ a little. */
function stretched(line: Rectangle, x: number, y: number): Rectangle {
  const along = Math.hypot(line.ux * x, line.uy * y);
  const across = Math.hypot(line.uy * x, line.ux * y);
  return {
    cx: line.cx * x,
    cy: line.cy * y,
    ux: (line.ux * x) / along,
    uy: (line.uy * y) / along,
    width: line.width * along,
    height: line.height * across,
  };
}

/** R G B pixels as `[1, 3, height, filled]`, B G R, zeros to the right. */
function toTensor(
  pixels: Uint8Array | Float32Array,
  width: number,
  height: number,
  filled: number,
  spec: Pick<ReaderSpec["detector"], "mean" | "std">,
): Tensor {
  const data = new Float32Array(3 * height * filled); // [3, h, filled]
  for (let position = 0; position < 3; position += 1) {
    const mean = spec.mean[position]!;
    const std = spec.std[position]!;
    for (let y = 0; y < height; y += 1) {
      const to = (position * height + y) * filled;
      for (let x = 0; x < width; x += 1) {
        const value = pixels[(y * width + x) * 3 + 2 - position]!;
        data[to + x] = (value - mean) / std;
      }
    }
  }
  return { type: "float32", dims: [1, 3, height, filled], data };
}

async function runOne(
  session: Session,
  input: string,
  tensor: Tensor,
  options: RunOptions,
): Promise<Float32Array> {
  const outputs = await session.run({ [input]: tensor }, options);
  const held = outputs[session.outputNames[0]!]!;
  try {
    return (await held.read()).data as Float32Array;
  } finally {
    held.dispose();
  }
}
