// Writes what the towers saw in the model's own tokens:
// <cap> name <score> ... </cap> <od> label <loc> x 4 <score> ... </od>

import { quantize, type ImageSize } from "../../geometry.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Detection } from "./read-detections.ts";
import type { Tag } from "./read-tags.ts";

/** Writes hints with one tokenizer; label pieces are kept. */
export interface HintWriter {
  write(
    tags: readonly Tag[],
    detections: readonly Detection[],
    image: ImageSize,
  ): number[];
}

/**
 * A writer for a tokenizer that has the score tokens `<score_0>`..`<score_9>`.
 *
 * Source: `training/model.py`, `hint_ids`.
 */
export function createHintWriter(tokenizer: Tokenizer): HintWriter {
  const added = (text: string): number => tokenizer.encode(text)[1]!;
  const openTags = added("<cap>");
  const closeTags = added("</cap>");
  const openBoxes = added("<od>");
  const closeBoxes = added("</od>");
  const firstScore = added("<score_0>");
  const scoreId = (score: number): number =>
    firstScore + Math.min(9, Math.floor(10 * score));
  const pieces = new Map<string, readonly number[]>();
  const encode = (label: string): readonly number[] => {
    const known = pieces.get(label);
    if (known !== undefined) return known;
    const ids = tokenizer.encodePlain(label);
    pieces.set(label, ids);
    return ids;
  };

  return {
    write(tags, detections, image) {
      const location = (value: number, side: number): number =>
        tokenizer.special.firstLocation + quantize(value, side);
      const ids = [openTags];
      for (const { name, score } of tags) {
        ids.push(...encode(name), scoreId(score));
      }
      ids.push(closeTags, openBoxes);
      for (const { label, score, box } of detections) {
        ids.push(
          ...encode(label),
          location(box.x_min, image.width),
          location(box.y_min, image.height),
          location(box.x_max, image.width),
          location(box.y_max, image.height),
          scoreId(score),
        );
      }
      ids.push(closeBoxes);
      return ids;
    },
  };
}
