// Region proposals: boxes of whatever stands out, without names.

import * as v from "valibot";
import { answerAt, resultHead, resultTail } from "./frame.ts";
import { mergeDropped, mergeHead, mergeObjects } from "./merge-objects.ts";
import { findObjects } from "./objects.ts";
import { RequestId } from "./request-fields.ts";
import { ObjectItem, ResultHead, ResultTail } from "./result-fields.ts";
import { defineTask } from "./task.ts";

const Request = v.strictObject({ task: v.literal("propose"), id: RequestId });

const Result = v.object({
  ...ResultHead.entries,
  task: v.literal("propose"),
  objects: v.array(ObjectItem),
  ...ResultTail.entries,
});

export type ProposeResult = v.InferOutput<typeof Result>;

/** Finds boxes of whatever stands out. */
export const propose = defineTask<v.InferOutput<typeof Request>, ProposeResult>(
  {
    name: "propose",
    spelling: "propose",
    token: "<REGION_PROPOSAL>",
    summary: "Finds regions that stand out, without naming them.",
    variant: null,
    inputs: [],
    answers: "boxes",
    request: Request,
    result: Result,
    example: { task: "propose" },
    prompts: () => [["Locate the region proposals in the image."]],
    tiling: {
      whole: true,
      merge(views, context) {
        const objects = mergeObjects(
          views.map((view) => view),
          context,
          () => "",
        );
        return {
          id: context.resultId,
          task: "propose",
          ...mergeHead(views, objects.length === 0),
          objects,
          ...mergeDropped(views),
        };
      },
    },
    finish(answers, context) {
      const answer = answerAt(answers, 0);
      const { objects, dropped } = findObjects(answer, context, "ignored");
      return {
        id: context.resultId,
        task: "propose",
        ...resultHead(answers, objects.length === 0),
        objects: objects.map(({ fields }, index) => ({
          id: `o${index}`,
          ...fields,
        })),
        ...resultTail(answer, dropped, context),
      };
    },
  },
);
