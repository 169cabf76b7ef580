// TextVQA's JSON: questions about photos with writing in them.

import * as v from "valibot";
import { blankItem, type EvaluationItem, type Question } from "./item.ts";
import { parseJson, type JsonFile } from "./read-json.ts";

const TextVqa = v.object({
  dataset_name: v.literal("textvqa"),
  data: v.array(
    v.object({
      image_id: v.string(),
      question: v.string(),
      /** Ten; left out in the test set. */
      answers: v.optional(v.array(v.string()), []),
    }),
  ),
});

/** @throws FlorenceError `invalid_request` with the line of the fault. */
export function parseTextVqa(json: JsonFile): EvaluationItem[] {
  const questions = new Map<string, Question[]>();
  for (const { image_id, question, answers } of parseJson(TextVqa, json).data) {
    const own = questions.get(image_id) ?? [];
    own.push({ question, answers });
    questions.set(image_id, own);
  }
  return [...questions].map(([id, own]) => ({
    // Its sizes are those of other copies of the photos.
    ...blankItem(id, id, null),
    questions: own,
  }));
}
