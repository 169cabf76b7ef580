// Captions in three lengths.
//
// The prompts are the wording the model was trained on; changing one changes
// the model. Source: `processing_florence2.py` in huggingface/transformers, task
// table; so in every file of this folder.

import * as v from "valibot";
import { parseText } from "../parse/text.ts";
import { answerAt, resultHead, resultTail } from "./frame.ts";
import { RequestId } from "./request-fields.ts";
import { ResultHead, ResultTail, Score } from "./result-fields.ts";
import { sequenceScore } from "./scores.ts";
import { defineTask } from "./task.ts";

type Detail = "short" | "detailed" | "full";

const Result = v.object({
  ...ResultHead.entries,
  task: v.literal("caption"),
  detail: v.picklist(["short", "detailed", "full"]),
  text: v.string(),
  /** 0 where the model wrote nothing. */
  score: Score,
  ...ResultTail.entries,
});

/** The result of each caption task. */
export type CaptionResult = v.InferOutput<typeof Result>;

/** What the caption tasks differ in. */
interface Variant<D extends Detail> {
  readonly detail: D;
  readonly token: string;
  readonly prompt: string;
  readonly summary: string;
}

function defineCaption<const D extends Detail>(variant: Variant<D>) {
  const { detail } = variant;
  const detailField = v.literal(detail);
  const request = v.strictObject({
    task: v.literal("caption"),
    id: RequestId,
    detail: detail === "short" ? v.optional(detailField, detail) : detailField,
  });
  return defineTask<v.InferOutput<typeof request>, CaptionResult>({
    name: "caption",
    spelling: detail === "short" ? "caption" : `caption:${detail}`,
    token: variant.token,
    summary: variant.summary,
    variant: { field: "detail", value: detail },
    inputs: [],
    answers: "text",
    request,
    result: Result,
    example: { task: "caption", detail },
    prompts: () => [[variant.prompt]],
    finish(answers, context) {
      const answer = answerAt(answers, 0);
      const { items, dropped } = parseText(answer.ids, context.tokenizer);
      const found = items[0];
      return {
        id: context.resultId,
        task: "caption",
        ...resultHead(answers, found === undefined),
        detail,
        text: found?.text ?? "",
        score: sequenceScore(answer, found?.at ?? []),
        ...resultTail(answer, dropped, context),
      };
    },
  });
}

/** One sentence about the image. */
export const captionShort = defineCaption({
  detail: "short",
  token: "<CAPTION>",
  prompt: "What does the image describe?",
  summary: "Describes the image in one sentence.",
});

/** A few sentences about the image. */
export const captionDetailed = defineCaption({
  detail: "detailed",
  token: "<DETAILED_CAPTION>",
  prompt: "Describe in detail what is shown in the image.",
  summary: "Describes the image in some detail.",
});

/** A paragraph about the image. */
export const captionFull = defineCaption({
  detail: "full",
  token: "<MORE_DETAILED_CAPTION>",
  prompt: "Describe with a paragraph what is shown in the image.",
  summary: "Describes the image in a paragraph.",
});
