// Writes what the towers saw in the model's own tokens:
// <cap> name <score> ... </cap> <od> label <loc> x 4 <score> ... </od>

import type { ImageSize } from "../../geometry.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Detection } from "./read-detections.ts";
import type { Tag } from "./read-tags.ts";
import { boxIds } from "./write-answers.ts";

/** Label pieces kept at most. */
const MOST_KEPT = 4096;

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
    // Labels are few, but words of place make many of them.
    if (pieces.size >= MOST_KEPT) pieces.clear();
    pieces.set(label, ids);
    return ids;
  };

  return {
    write(tags, detections, image) {
      const ids = [openTags];
      for (const { name, score } of tags) {
        ids.push(...encode(name), scoreId(score));
      }
      ids.push(closeTags, openBoxes);
      for (const { label, score, box } of detections) {
        const corners = boxIds(box, image, tokenizer);
        ids.push(...encode(label), ...corners, scoreId(score));
      }
      ids.push(closeBoxes);
      return ids;
    },
  };
}
