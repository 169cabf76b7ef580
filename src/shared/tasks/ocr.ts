// Text read from the whole image: as one text, or line by line with corners.

import * as v from "valibot";
import { dequantize } from "../geometry.ts";
import { parseQuads } from "../parse/boxes.ts";
import type { Dropped } from "../parse/pieces.ts";
import { parseText } from "../parse/text.ts";
import { answerAt, resultHead, resultTail } from "./frame.ts";
import { mergeDropped, mergeHead, meanScore } from "./merge-objects.ts";
import { mergeLines } from "./merge-lines.ts";
import { RequestId } from "./request-fields.ts";
import {
  PlacedItem,
  ResultHead,
  ResultPoint,
  ResultTail,
  Score,
} from "./result-fields.ts";
import { sequenceScore } from "./scores.ts";
import { defineTask } from "./task.ts";

const TextRequest = v.strictObject({
  task: v.literal("ocr"),
  id: RequestId,
  layout: v.optional(v.literal("text"), "text"),
});

const TextResult = v.object({
  ...ResultHead.entries,
  task: v.literal("ocr"),
  layout: v.literal("text"),
  text: v.string(),
  /** 0 where the model read nothing. */
  score: Score,
  ...ResultTail.entries,
});

const LinesRequest = v.strictObject({
  task: v.literal("ocr"),
  id: RequestId,
  layout: v.literal("lines"),
});

const LinesResult = v.object({
  ...ResultHead.entries,
  task: v.literal("ocr"),
  layout: v.literal("lines"),
  /** The lines' texts, joined by line breaks. */
  text: v.string(),
  lines: v.array(
    v.object({
      ...PlacedItem.entries,
      text: v.string(),
      label_score: Score,
      box_score: Score,
      /** Corners as the model gave them: clockwise from the text's top left. */
      quad: v.tuple([ResultPoint, ResultPoint, ResultPoint, ResultPoint]),
    }),
  ),
  ...ResultTail.entries,
});

export type OcrTextResult = v.InferOutput<typeof TextResult>;
export type OcrLinesResult = v.InferOutput<typeof LinesResult>;

/** Reads the text of the image. */
export const ocrText = defineTask<
  v.InferOutput<typeof TextRequest>,
  OcrTextResult
>({
  name: "ocr",
  spelling: "ocr",
  token: "<OCR>",
  summary: "Reads the text of the image.",
  variant: { field: "layout", value: "text" },
  inputs: [],
  answers: "text",
  request: TextRequest,
  result: TextResult,
  example: { task: "ocr", layout: "text" },
  prompts: () => [["What is the text in the image?"]],
  tiling: {
    whole: false,
    // A text has no places by which tiles could be told apart: lines have.
    reader: "ocr:lines",
    merge(views, context) {
      const read = views.map((view) => ({
        ...view,
        result: v.parse(LinesResult, view.result),
      }));
      const lines = mergeLines(read, context);
      return {
        id: context.resultId,
        task: "ocr",
        ...mergeHead(views, lines.length === 0),
        layout: "text",
        text: lines.map(({ text }) => text).join("\n"),
        score:
          lines.length === 0 ? 0 : meanScore(lines.map(({ score }) => score)),
        ...mergeDropped(views),
      };
    },
  },
  finish(answers, context) {
    const answer = answerAt(answers, 0);
    const { items, dropped } = parseText(answer.ids, context.tokenizer);
    const found = items[0];
    return {
      id: context.resultId,
      task: "ocr",
      ...resultHead(answers, found === undefined),
      layout: "text",
      text: found?.text ?? "",
      score: sequenceScore(answer, found?.at ?? []),
      ...resultTail(answer, dropped, context),
    };
  },
});

/** Reads the text of the image line by line, with the corners of each. */
export const ocrLines = defineTask<
  v.InferOutput<typeof LinesRequest>,
  OcrLinesResult
>({
  name: "ocr",
  spelling: "ocr:lines",
  token: "<OCR_WITH_REGION>",
  summary: "Reads the text of the image line by line, with the place of each.",
  variant: { field: "layout", value: "lines" },
  inputs: [],
  answers: "quads",
  request: LinesRequest,
  result: LinesResult,
  example: { task: "ocr", layout: "lines" },
  prompts: () => [["What is the text in the image, with regions?"]],
  tiling: {
    whole: false,
    merge(views, context) {
      const lines = mergeLines(views, context);
      return {
        id: context.resultId,
        task: "ocr",
        ...mergeHead(views, lines.length === 0),
        layout: "lines",
        text: lines.map(({ text }) => text).join("\n"),
        lines,
        ...mergeDropped(views),
      };
    },
  },
  finish(answers, context) {
    const answer = answerAt(answers, 0);
    const { scale, minScore } = context;
    const parsed = parseQuads(answer.ids, context.tokenizer);
    const lines: OcrLinesResult["lines"] = [];
    const dropped: Dropped[] = [...parsed.dropped];
    for (const { label, labelAt, bins, binsAt } of parsed.items) {
      const score = sequenceScore(answer, [...labelAt, ...binsAt]);
      if (score < minScore) {
        dropped.push({ reason: "below_min_score", at: labelAt });
        continue;
      }
      const corner = (index: number): [number, number] => [
        dequantize(bins[2 * index]!, scale.width),
        dequantize(bins[2 * index + 1]!, scale.height),
      ];
      lines.push({
        id: `l${lines.length}`,
        text: label,
        score,
        label_score: sequenceScore(answer, labelAt),
        box_score: sequenceScore(answer, binsAt),
        quad: [corner(0), corner(1), corner(2), corner(3)],
      });
    }
    return {
      id: context.resultId,
      task: "ocr",
      ...resultHead(answers, lines.length === 0),
      layout: "lines",
      text: lines.map(({ text }) => text).join("\n"),
      lines,
      ...resultTail(answer, dropped, context),
    };
  },
});
