// Text about regions: descriptions, and text read in them.

import * as v from "valibot";
import { parseText } from "../parse/text.ts";
import { answerAt, resultHead, resultTail } from "./frame.ts";
import { regionId, regionPrompts } from "./regions.ts";
import { Regions, RequestId } from "./request-fields.ts";
import { RegionItem, ResultHead, Score } from "./result-fields.ts";
import { sequenceScore } from "./scores.ts";
import { defineTask } from "./task.ts";

/** What the two tasks differ in. */
interface RegionTextTask<Name extends string> {
  readonly name: Name;
  readonly token: string;
  readonly summary: string;
  readonly before: string;
  readonly after: string;
}

const RegionTexts = v.array(
  v.object({
    ...RegionItem.entries,
    text: v.string(),
    /** 0 where the model wrote nothing. */
    score: Score,
  }),
);

const EXAMPLE_BOX = { x_min: 34, y_min: 160, x_max: 597, y_max: 372 };

function defineRegionText<const Name extends string>(
  task: RegionTextTask<Name>,
) {
  const request = v.strictObject({
    task: v.literal(task.name),
    id: RequestId,
    regions: Regions,
  });
  const result = v.object({
    ...ResultHead.entries,
    task: v.literal(task.name),
    /** One per region of the request, in its order. */
    regions: RegionTexts,
  });
  return defineTask<
    v.InferOutput<typeof request>,
    v.InferOutput<typeof result>
  >({
    name: task.name,
    spelling: task.name,
    token: task.token,
    summary: task.summary,
    variant: null,
    inputs: ["regions"],
    answers: "text",
    request,
    result,
    example: { task: task.name, regions: [{ box: EXAMPLE_BOX }] },
    prompts: ({ regions }, context) =>
      regionPrompts(regions, context, task.before, task.after),
    finish(answers, context) {
      const regions = context.request.regions.map((region, index) => {
        const answer = answerAt(answers, index);
        const { items, dropped } = parseText(answer.ids, context.tokenizer);
        const found = items[0];
        const { status, finish_reason } = resultHead(
          [answer],
          found === undefined,
        );
        return {
          id: regionId(region, index),
          status,
          finish_reason,
          text: found?.text ?? "",
          score: sequenceScore(answer, found?.at ?? []),
          ...resultTail(answer, dropped, context),
        };
      });
      return {
        id: context.resultId,
        task: task.name,
        ...resultHead(
          answers,
          regions.every(({ status }) => status !== "ok"),
        ),
        regions,
      };
    },
  });
}

/** Describes what each region shows. */
export const describeRegions = defineRegionText({
  name: "describe_regions",
  token: "<REGION_TO_DESCRIPTION>",
  summary: "Describes what each of your boxes shows.",
  before: "What does the region ",
  after: " describe?",
});

/** Reads the text in each region. */
export const ocrRegions = defineRegionText({
  name: "ocr_regions",
  token: "<REGION_TO_OCR>",
  summary: "Reads the text in each of your boxes.",
  before: "What text is in the region ",
  after: "?",
});

export type RegionTextResult =
  | v.InferOutput<typeof describeRegions.result>
  | v.InferOutput<typeof ocrRegions.result>;
