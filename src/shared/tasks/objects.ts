// From parsed boxes to scored objects in the caller's unit.

import { dequantize, type ImageSize } from "../geometry.ts";
import type { Answer } from "../parse/answer.ts";
import { parseBoxes, type LabeledBins } from "../parse/boxes.ts";
import type { Dropped } from "../parse/pieces.ts";
import type { ResultBox } from "./result-fields.ts";
import { boxSpread, sequenceScore } from "./scores.ts";
import type { FinishContext } from "./task.ts";

/** A box with what the model called it. */
export interface FoundObject {
  /** `""` where the model named none. */
  readonly label: string;
  readonly labelAt: readonly number[];
  readonly binsAt: readonly number[];
  readonly score: number;
  /** The fields every object has on the wire, less its id. */
  readonly fields: {
    score: number;
    label_score?: number;
    box_score: number;
    box: ResultBox;
    box_spread?: ResultBox;
  };
}

export interface FoundObjects {
  readonly objects: readonly FoundObject[];
  readonly dropped: readonly Dropped[];
}

/** A box at least this share of both sides says nothing of where. */
const WHOLE_IMAGE_SHARE = 0.99;

/**
 * Reads the objects of an answer; those below `minScore` are dropped.
 *
 * @param labels `ignored` where the task has none: what the model writes
 *   before a box is dropped, and not scored.
 */
export function findObjects(
  answer: Answer,
  context: Pick<FinishContext<unknown>, "tokenizer" | "scale" | "minScore">,
  labels: "scored" | "ignored" = "scored",
): FoundObjects {
  const parsed = parseBoxes(answer.ids, context.tokenizer);
  const objects: FoundObject[] = [];
  const dropped = [...parsed.dropped];
  const ignored = new Set<readonly number[]>();
  for (const item of parsed.items) {
    const isIgnored = labels === "ignored" && item.labelAt.length > 0;
    if (isIgnored) ignored.add(item.labelAt);
    const object = scoreObject(
      isIgnored ? { ...item, label: "", labelAt: [] } : item,
      answer,
      context.scale,
    );
    if (object.score < context.minScore)
      dropped.push({ reason: "below_min_score", at: item.binsAt });
    else objects.push(object);
  }
  for (const at of ignored) dropped.push({ reason: "unexpected_text", at });
  return { objects, dropped };
}

/** Whether a box covers the image on both sides. */
export function isWholeImage(box: ResultBox, scale: ImageSize): boolean {
  return (
    box.x_max - box.x_min >= WHOLE_IMAGE_SHARE * scale.width &&
    box.y_max - box.y_min >= WHOLE_IMAGE_SHARE * scale.height
  );
}

function scoreObject(
  item: LabeledBins,
  answer: Answer,
  scale: ImageSize,
): FoundObject {
  // The model may name corners in any order: the lower bin is the minimum.
  const [x1, x2] = inOrder(item, 0, 2);
  const [y1, y2] = inOrder(item, 1, 3);
  const spread = boxSpread(answer, [x1.at, y1.at, x2.at, y2.at], scale);
  const score = sequenceScore(answer, [...item.labelAt, ...item.binsAt]);
  return {
    label: item.label,
    labelAt: item.labelAt,
    binsAt: item.binsAt,
    score,
    fields: {
      score,
      ...(item.labelAt.length > 0 && {
        label_score: sequenceScore(answer, item.labelAt),
      }),
      box_score: sequenceScore(answer, item.binsAt),
      box: {
        x_min: dequantize(x1.bin, scale.width),
        y_min: dequantize(y1.bin, scale.height),
        x_max: dequantize(x2.bin, scale.width),
        y_max: dequantize(y2.bin, scale.height),
      },
      ...(spread !== null && { box_spread: spread }),
    },
  };
}

interface PlacedBin {
  readonly bin: number;
  readonly at: number;
}

function inOrder(
  { bins, binsAt }: LabeledBins,
  a: number,
  b: number,
): [PlacedBin, PlacedBin] {
  const first = { bin: bins[a]!, at: binsAt[a]! };
  const second = { bin: bins[b]!, at: binsAt[b]! };
  return first.bin <= second.bin ? [first, second] : [second, first];
}
