// Answers that towers give themselves, in the words and tokens the language
// model would use: the same parsers read both.

import {
  dequantize,
  quantize,
  type Box,
  type ImageSize,
} from "../../geometry.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { WrittenAnswer } from "../model.ts";
import type { Outline } from "./outline.ts";
import type { Detection } from "./read-detections.ts";
import type { ReadLine } from "./reader.ts";

/**
 * Objects, best first: a label stands before the boxes it holds for. Every
 * token of an object has the log of its score.
 */
export function writeObjects(
  detections: readonly Detection[],
  image: ImageSize,
  tokenizer: Tokenizer,
  hasLabels: boolean,
): WrittenAnswer {
  const answer = startAnswer(tokenizer);
  let label: string | null = null;
  for (const detection of detections) {
    if (hasLabels && detection.label !== label) {
      label = detection.label;
      answer.add(tokenizer.encodePlain(label), detection.score);
    }
    answer.add(boxIds(detection.box, image, tokenizer), detection.score);
  }
  return answer.finish();
}

/** Lines with the eight coordinates of their corners. */
export function writeLines(
  lines: readonly ReadLine[],
  image: ImageSize,
  tokenizer: Tokenizer,
): WrittenAnswer {
  const answer = startAnswer(tokenizer);
  for (const { text, score, quad } of lines) {
    answer.add(tokenizer.encodePlain(text), score);
    answer.add(locations(quad.flat(), image, tokenizer), score);
  }
  return answer.finish();
}

/** Lines as one text, parted by line breaks. */
export function writeText(
  lines: readonly ReadLine[],
  tokenizer: Tokenizer,
): WrittenAnswer {
  const answer = startAnswer(tokenizer);
  for (const [at, { text, score }] of lines.entries()) {
    const own = at === 0 ? text : `\n${text}`;
    answer.add(tokenizer.encodePlain(own), score);
  }
  return answer.finish();
}

/** The outline of a thing; every token has the log of its score. */
export function writeOutline(
  outline: Outline,
  tokenizer: Tokenizer,
): WrittenAnswer {
  const answer = startAnswer(tokenizer);
  answer.add(outlineIds(outline, tokenizer), outline.score);
  return answer.finish();
}

/** Location ids of rings, parted by `<sep>`. */
export function outlineIds(
  { rings }: Outline,
  { special }: Tokenizer,
): number[] {
  return rings.flatMap((ring, at) => [
    ...(at === 0 ? [] : [special.separator]),
    ...ring.map((bin) => special.firstLocation + bin),
  ]);
}

/** The four location ids of a box in pixels. */
export function boxIds(
  { x_min, y_min, x_max, y_max }: Box,
  image: ImageSize,
  tokenizer: Tokenizer,
): number[] {
  return locations([x_min, y_min, x_max, y_max], image, tokenizer);
}

/** Lines whose middle lies in a box. */
export function linesIn(
  lines: readonly ReadLine[],
  box: Box,
): readonly ReadLine[] {
  return lines.filter(({ quad }) => {
    const x = quad.reduce((sum, point) => sum + point[0], 0) / 4;
    const y = quad.reduce((sum, point) => sum + point[1], 0) / 4;
    return x >= box.x_min && x <= box.x_max && y >= box.y_min && y <= box.y_max;
  });
}

/** The region a prompt names by its first four location tokens, in pixels. */
export function regionOf(
  prompt: readonly number[],
  image: ImageSize,
  tokenizer: Tokenizer,
): Box | null {
  const bins = prompt.flatMap((id) => tokenizer.locationBin(id) ?? []);
  const [left, top, right, bottom] = bins;
  if (bottom === undefined) return null;
  return {
    x_min: dequantize(Math.min(left!, right!), image.width),
    y_min: dequantize(Math.min(top!, bottom), image.height),
    x_max: dequantize(Math.max(left!, right!), image.width),
    y_max: dequantize(Math.max(top!, bottom), image.height),
  };
}

/** x and y in turn, in pixels. */
function locations(
  values: readonly number[],
  image: ImageSize,
  tokenizer: Tokenizer,
): number[] {
  return values.map((value, at) => {
    const side = at % 2 === 0 ? image.width : image.height;
    return tokenizer.special.firstLocation + quantize(value, side);
  });
}

interface GrowingAnswer {
  /** @param score of each of the ids. */
  add(ids: readonly number[], score: number): void;
  finish(): WrittenAnswer;
}

function startAnswer(tokenizer: Tokenizer): GrowingAnswer {
  const { bos, eos } = tokenizer.special;
  const ids = [bos];
  const logProbs = [0];
  return {
    add(more, score) {
      for (const id of more) {
        ids.push(id);
        logProbs.push(Math.log(score));
      }
    },
    finish: () => ({ ids: [...ids, eos], logProbs: [...logProbs, 0] }),
  };
}
