// Fields that results of several tasks share, as they go over the wire.

import * as v from "valibot";

/**
 * 0 to 1: `exp(mean log-prob)` of an item's tokens, which ranks and is no
 * probability; the chance of being right where `score_kind` is `calibrated`.
 */
export const Score = v.number();

/** A box, corners sorted, inside the image, in the unit of `coordinates`. */
export const ResultBox = v.object({
  x_min: v.number(),
  y_min: v.number(),
  x_max: v.number(),
  y_max: v.number(),
});

/** A cut-out of the image. */
const Crop = v.object({
  media_type: v.string(),
  base64: v.string(),
  width: v.number(),
  height: v.number(),
});

/** What every item with a place in the image has. */
export const PlacedItem = v.object({
  id: v.string(),
  score: Score,
  /** Of its bounding box, where crops are asked for. */
  crop: v.exactOptional(Crop),
  /**
   * The tile it was found in; absent without tiling, and where the whole image
   * showed it.
   */
  tile: v.exactOptional(v.number()),
});

/** What every object has. */
export const ObjectItem = v.object({
  ...PlacedItem.entries,
  /** Over the label's tokens; absent where the model named none. */
  label_score: v.exactOptional(Score),
  /** Over the four location tokens. */
  box_score: v.exactOptional(Score),
  box: ResultBox,
  /** Standard deviation of each corner, if it was measured. */
  box_spread: v.exactOptional(ResultBox),
});

/** `[x, y]`. */
export const ResultPoint = v.tuple([v.number(), v.number()]);

/** One object's outline. */
export const Segment = v.object({
  /** One or more open rings. */
  polygons: v.array(v.array(ResultPoint)),
  /** The same as an SVG path. */
  svg_path: v.string(),
  box: ResultBox,
  /** Of all rings, in squared units of `coordinates`. */
  area: v.number(),
  /** False where the answer was cut before the outline closed. */
  closed: v.boolean(),
});

/** The whole answer as the model gave it. */
export const Raw = v.object({
  text: v.string(),
  token_ids: v.array(v.number()),
  log_probs: v.array(v.number()),
});

/** Tokens of the answer that are in no item. */
export const DroppedItem = v.object({
  reason: v.string(),
  /** Position of the first of the tokens in the answer. */
  at: v.number(),
  /** The tile whose answer it is; as in items. */
  tile: v.exactOptional(v.number()),
});

export const Status = v.picklist(["ok", "no_detection"]);
export const FinishReason = v.picklist(["stop", "length"]);

/** What every result has. */
export const ResultHead = v.object({
  id: v.string(),
  status: Status,
  finish_reason: FinishReason,
  score_kind: v.picklist(["sequence_logprob", "calibrated"]),
});

/** What a result has where there is something to say. */
export const ResultTail = v.object({
  dropped: v.exactOptional(v.array(DroppedItem)),
  raw: v.exactOptional(Raw),
});

/** What every entry of a region task has besides its payload. */
export const RegionItem = v.object({
  id: v.string(),
  status: Status,
  finish_reason: FinishReason,
  ...ResultTail.entries,
});

/** Why a phrase or label has no object. */
export const AbstentionReason = v.picklist([
  "not_found",
  "whole_image_box",
  "below_threshold",
  "below_min_score",
  "generic_phrase",
]);

export type Crop = v.InferOutput<typeof Crop>;
export type AbstentionReason = v.InferOutput<typeof AbstentionReason>;
export type ResultBox = v.InferOutput<typeof ResultBox>;
export type ResultPoint = v.InferOutput<typeof ResultPoint>;
export type Segment = v.InferOutput<typeof Segment>;
export type DroppedItem = v.InferOutput<typeof DroppedItem>;
export type Raw = v.InferOutput<typeof Raw>;
