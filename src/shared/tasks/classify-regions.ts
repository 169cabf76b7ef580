// Categories of regions: free, or one of the labels the caller names.

import * as v from "valibot";
import type { Answer } from "../parse/answer.ts";
import { parseText } from "../parse/text.ts";
import { answerAt, resultHead, resultTail } from "./frame.ts";
import { regionId, regionPrompts } from "./regions.ts";
import { Labels, Regions, RequestId, type Region } from "./request-fields.ts";
import { RegionItem, ResultHead, Score } from "./result-fields.ts";
import { sequenceScore, softmax } from "./scores.ts";
import { defineTask, type FinishContext } from "./task.ts";

const Request = v.strictObject({
  task: v.literal("classify_regions"),
  id: RequestId,
  regions: Regions,
  labels: v.exactOptional(Labels),
});

const Result = v.object({
  ...ResultHead.entries,
  task: v.literal("classify_regions"),
  /** One per region of the request, in its order. */
  regions: v.array(
    v.object({
      ...RegionItem.entries,
      /** `""` where the model named none. */
      label: v.string(),
      score: Score,
      /** With labels: the softmax over them, in their order. */
      scores: v.exactOptional(v.record(v.string(), Score)),
    }),
  ),
});

type ClassifyRequest = v.InferOutput<typeof Request>;
type ClassifyContext = FinishContext<ClassifyRequest>;
export type ClassifyRegionsResult = v.InferOutput<typeof Result>;
type ClassifiedRegion = ClassifyRegionsResult["regions"][number];

/** Names the category of each region. */
export const classifyRegions = defineTask<
  ClassifyRequest,
  ClassifyRegionsResult
>({
  name: "classify_regions",
  spelling: "classify_regions",
  token: "<REGION_TO_CATEGORY>",
  summary: "Names the category of each of your boxes, or picks one of yours.",
  variant: null,
  inputs: ["regions", "labels"],
  answers: "text",
  request: Request,
  result: Result,
  example: {
    task: "classify_regions",
    regions: [{ box: { x_min: 34, y_min: 160, x_max: 597, y_max: 372 } }],
    labels: ["car", "van"],
  },
  prompts: ({ regions }, context) =>
    regionPrompts(regions, context, "What is the region ", "?"),
  labels: ({ labels }) =>
    labels === undefined ? null : { labels, kind: "closed" },
  finish(answers, context) {
    const { labels, regions: wanted } = context.request;
    const regions = wanted.map((region, index) => {
      const answer = answerAt(answers, index);
      const logProbs = context.labelScores?.[index];
      return labels !== undefined && logProbs !== undefined
        ? pickLabel(region, index, labels, logProbs, answer, context)
        : readLabel(region, index, answer, context);
    });
    return {
      id: context.resultId,
      task: "classify_regions",
      ...resultHead(
        answers,
        regions.every(({ status }) => status !== "ok"),
      ),
      regions,
    };
  },
});

/** The label the model wrote. */
function readLabel(
  region: Region,
  index: number,
  answer: Answer,
  context: ClassifyContext,
): ClassifiedRegion {
  const { items, dropped } = parseText(answer.ids, context.tokenizer);
  const found = items[0];
  return {
    id: regionId(region, index),
    status: found === undefined ? "no_detection" : "ok",
    finish_reason: answer.finishReason,
    label: found?.text ?? "",
    score: sequenceScore(answer, found?.at ?? []),
    ...resultTail(answer, dropped, context),
  };
}

/** The best of the caller's labels; the answer, if any, is only shown raw. */
function pickLabel(
  region: Region,
  index: number,
  labels: readonly string[],
  logProbs: readonly number[],
  answer: Answer,
  context: ClassifyContext,
): ClassifiedRegion {
  const scores = softmax(labels.map((_, at) => logProbs[at] ?? -Infinity));
  const best = scores.indexOf(Math.max(...scores));
  const isShown = context.includeRaw && answer.ids.length > 0;
  return {
    id: regionId(region, index),
    status: "ok",
    finish_reason: answer.finishReason,
    label: labels[best] ?? "",
    score: scores[best] ?? 0,
    scores: Object.fromEntries(
      labels.map((label, at) => [label, scores[at] ?? 0]),
    ),
    ...resultTail(answer, [], { ...context, includeRaw: isShown }),
  };
}
