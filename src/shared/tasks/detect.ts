// Object detection over the categories the model knows.

import * as v from "valibot";
import { answerAt, resultHead, resultTail } from "./frame.ts";
import { mergeDropped, mergeHead, mergeObjects } from "./merge-objects.ts";
import { findObjects } from "./objects.ts";
import { normalizeLabel, RequestId } from "./request-fields.ts";
import { ObjectItem, ResultHead, ResultTail } from "./result-fields.ts";
import { defineTask } from "./task.ts";

const Request = v.strictObject({ task: v.literal("detect"), id: RequestId });

const Result = v.object({
  ...ResultHead.entries,
  task: v.literal("detect"),
  objects: v.array(
    v.object({
      ...ObjectItem.entries,
      /** `""` where the model named none. */
      label: v.string(),
    }),
  ),
  ...ResultTail.entries,
});

export type DetectResult = v.InferOutput<typeof Result>;

/** Finds the objects of the image with a category name each. */
export const detect = defineTask<v.InferOutput<typeof Request>, DetectResult>({
  name: "detect",
  spelling: "detect",
  token: "<OD>",
  summary: "Finds objects and names their category.",
  variant: null,
  inputs: [],
  answers: "boxes",
  request: Request,
  result: Result,
  example: { task: "detect" },
  prompts: () => [["Locate the objects with category name in the image."]],
  tiling: {
    whole: true,
    merge(views, context) {
      const objects = mergeObjects(
        views.map((view) => view),
        context,
        ({ label }) => normalizeLabel(label),
      );
      return {
        id: context.resultId,
        task: "detect",
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
      task: "detect",
      ...resultHead(answers, objects.length === 0),
      objects: objects.map(({ label, fields }, index) => ({
        id: `o${index}`,
        label,
        ...fields,
      })),
      ...resultTail(answer, dropped, context),
    };
  },
});
