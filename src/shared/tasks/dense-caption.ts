// Dense captions: a short text for each part of the image.

import * as v from "valibot";
import { answerAt, resultHead, resultTail } from "./frame.ts";
import { mergeDropped, mergeHead, mergeObjects } from "./merge-objects.ts";
import { findObjects } from "./objects.ts";
import { RequestId } from "./request-fields.ts";
import { ObjectItem, ResultHead, ResultTail } from "./result-fields.ts";
import { defineTask } from "./task.ts";

const Request = v.strictObject({
  task: v.literal("dense_caption"),
  id: RequestId,
});

const Result = v.object({
  ...ResultHead.entries,
  task: v.literal("dense_caption"),
  objects: v.array(v.object({ ...ObjectItem.entries, text: v.string() })),
  ...ResultTail.entries,
});

export type DenseCaptionResult = v.InferOutput<typeof Result>;

/** Finds the parts of the image and describes each in a few words. */
export const denseCaption = defineTask<
  v.InferOutput<typeof Request>,
  DenseCaptionResult
>({
  name: "dense_caption",
  spelling: "dense_caption",
  token: "<DENSE_REGION_CAPTION>",
  summary: "Finds parts of the image and describes each in a few words.",
  variant: null,
  inputs: [],
  answers: "boxes",
  request: Request,
  result: Result,
  example: { task: "dense_caption" },
  prompts: () => [
    ["Locate the objects in the image, with their descriptions."],
  ],
  tiling: {
    whole: true,
    merge(views, context) {
      // Views word it differently: what is in one place is one thing.
      const objects = mergeObjects(
        views.map((view) => view),
        context,
        () => "",
      );
      return {
        id: context.resultId,
        task: "dense_caption",
        ...mergeHead(views, objects.length === 0),
        objects,
        ...mergeDropped(views),
      };
    },
  },
  finish(answers, context) {
    const answer = answerAt(answers, 0);
    const { objects, dropped } = findObjects(answer, context);
    return {
      id: context.resultId,
      task: "dense_caption",
      ...resultHead(answers, objects.length === 0),
      objects: objects.map(({ label, fields }, index) => ({
        id: `o${index}`,
        text: label,
        ...fields,
      })),
      ...resultTail(answer, dropped, context),
    };
  },
});
