// Referring-expression segmentation: the outline of what a phrase names.

import * as v from "valibot";
import { abstentionReason } from "./abstention.ts";
import { answerAt, resultHead, resultTail } from "./frame.ts";
import { Phrase, RequestId } from "./request-fields.ts";
import {
  AbstentionReason,
  PlacedItem,
  ResultHead,
  ResultTail,
  Segment,
} from "./result-fields.ts";
import {
  findSegments,
  isWholeImageSegment,
  type FoundSegment,
} from "./segments.ts";
import { defineTask, type FinishContext } from "./task.ts";

const Request = v.strictObject({
  task: v.literal("segment"),
  id: RequestId,
  phrase: Phrase,
});

const Result = v.object({
  ...ResultHead.entries,
  task: v.literal("segment"),
  segments: v.array(
    v.object({
      ...PlacedItem.entries,
      /** The request's. */
      phrase: v.string(),
      ...Segment.entries,
    }),
  ),
  /** The phrase, where no outline of it counts. */
  unmatched: v.array(
    v.object({ phrase: v.string(), reason: AbstentionReason }),
  ),
  ...ResultTail.entries,
});

type SegmentRequest = v.InferOutput<typeof Request>;
export type SegmentResult = v.InferOutput<typeof Result>;

/** Outlines what a phrase names. */
export const segment = defineTask<SegmentRequest, SegmentResult>({
  name: "segment",
  spelling: "segment",
  token: "<REFERRING_EXPRESSION_SEGMENTATION>",
  summary: "Outlines what a phrase names.",
  variant: null,
  inputs: ["phrase"],
  answers: "polygons",
  request: Request,
  result: Result,
  example: { task: "segment", phrase: "the car" },
  // No full stop: the model never saw one here.
  prompts: ({ phrase }) => [[`Locate ${phrase} in the image with mask`]],
  finish(answers, context) {
    const answer = answerAt(answers, 0);
    const everything = { ...context, minScore: -Infinity };
    const found = findSegments(answer, everything, "ignored");
    const segments: SegmentResult["segments"] = [];
    const refused: { reason: AbstentionReason; at: readonly number[] }[] = [];
    const { phrase } = context.request;
    for (const item of found.segments) {
      const reason = refusal(item, context);
      if (reason === null)
        segments.push({ id: `s${segments.length}`, phrase, ...item.fields });
      else refused.push({ reason, at: item.at });
    }
    return {
      id: context.resultId,
      task: "segment",
      ...resultHead(answers, segments.length === 0),
      segments,
      unmatched:
        segments.length > 0
          ? []
          : [{ phrase, reason: refused[0]?.reason ?? "not_found" }],
      ...resultTail(answer, [...found.dropped, ...refused], context),
    };
  },
});

function refusal(
  { score, fields }: FoundSegment,
  { scale, threshold, minScore }: FinishContext<SegmentRequest>,
): AbstentionReason | null {
  const facts = { score, isWholeImage: isWholeImageSegment(fields, scale) };
  const reason = abstentionReason(facts, threshold);
  return reason ?? (score < minScore ? "below_min_score" : null);
}
