// Segmentation of regions: the outline of what each box holds.

import * as v from "valibot";
import { answerAt, resultHead, resultTail } from "./frame.ts";
import { regionId, regionPrompts } from "./regions.ts";
import { Regions, RequestId } from "./request-fields.ts";
import {
  PlacedItem,
  RegionItem,
  ResultHead,
  Segment,
} from "./result-fields.ts";
import { findSegments } from "./segments.ts";
import { defineTask } from "./task.ts";

const Request = v.strictObject({
  task: v.literal("segment_regions"),
  id: RequestId,
  regions: Regions,
});

const Result = v.object({
  ...ResultHead.entries,
  task: v.literal("segment_regions"),
  /** One per region of the request, in its order. */
  regions: v.array(
    v.object({
      ...RegionItem.entries,
      segments: v.array(
        v.object({ ...PlacedItem.entries, ...Segment.entries }),
      ),
    }),
  ),
});

export type SegmentRegionsResult = v.InferOutput<typeof Result>;

/** Outlines what each region holds. */
export const segmentRegions = defineTask<
  v.InferOutput<typeof Request>,
  SegmentRegionsResult
>({
  name: "segment_regions",
  spelling: "segment_regions",
  token: "<REGION_TO_SEGMENTATION>",
  summary: "Outlines what each of your boxes holds.",
  variant: null,
  inputs: ["regions"],
  answers: "polygons",
  request: Request,
  result: Result,
  example: {
    task: "segment_regions",
    regions: [{ box: { x_min: 34, y_min: 160, x_max: 597, y_max: 372 } }],
  },
  // No full stop: the model never saw one here.
  prompts: ({ regions }, context) =>
    regionPrompts(regions, context, "What is the polygon mask of region ", ""),
  finish(answers, context) {
    const regions = context.request.regions.map((region, index) => {
      const answer = answerAt(answers, index);
      const { segments, dropped } = findSegments(answer, context, "ignored");
      const { status, finish_reason } = resultHead(
        [answer],
        segments.length === 0,
      );
      return {
        id: regionId(region, index),
        status,
        finish_reason,
        segments: segments.map(({ fields }, at) => ({
          id: `s${at}`,
          ...fields,
        })),
        ...resultTail(answer, dropped, context),
      };
    });
    return {
      id: context.resultId,
      task: "segment_regions",
      ...resultHead(
        answers,
        regions.every(({ status }) => status !== "ok"),
      ),
      regions,
    };
  },
});
