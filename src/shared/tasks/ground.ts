// Phrase grounding: the boxes of each noun phrase of a caption.

import * as v from "valibot";
import type { Dropped } from "../parse/pieces.ts";
import { abstentionReason } from "./abstention.ts";
import { answerAt, resultHead, resultTail } from "./frame.ts";
import { GENERIC_PHRASES } from "../parse/generic-phrases.ts";
import { mergeDropped, mergeHead, mergeObjects } from "./merge-objects.ts";
import { findObjects, isWholeImage, type FoundObject } from "./objects.ts";
import { phraseSpans } from "./phrase-spans.ts";
import { normalizeLabel, Phrase, RequestId } from "./request-fields.ts";
import {
  AbstentionReason,
  ObjectItem,
  ResultHead,
  ResultTail,
} from "./result-fields.ts";
import { defineTask, type FinishContext } from "./task.ts";

const Request = v.strictObject({
  task: v.literal("ground"),
  id: RequestId,
  phrase: Phrase,
});

/**
 * Where a phrase stands in the request's: from and to in UTF-16 units; null
 * where the model's wording is not in it.
 */
const Span = v.nullable(v.tuple([v.number(), v.number()]));

const Result = v.object({
  ...ResultHead.entries,
  task: v.literal("ground"),
  objects: v.array(
    v.object({ ...ObjectItem.entries, phrase: v.string(), span: Span }),
  ),
  /** Phrases the model named without an object that counts. */
  unmatched: v.array(
    v.object({ phrase: v.string(), span: Span, reason: AbstentionReason }),
  ),
  ...ResultTail.entries,
});

type GroundRequest = v.InferOutput<typeof Request>;
export type GroundResult = v.InferOutput<typeof Result>;

/** What the caption follows in the prompt. */
export const GROUND_PROMPT = "Locate the phrases in the caption: ";

/** Finds what the phrases of a caption speak of. */
export const ground = defineTask<GroundRequest, GroundResult>({
  name: "ground",
  spelling: "ground",
  token: "<CAPTION_TO_PHRASE_GROUNDING>",
  summary: "Finds the boxes of each phrase of a caption.",
  variant: null,
  inputs: ["phrase"],
  answers: "boxes",
  request: Request,
  result: Result,
  example: { task: "ground", phrase: "a red bicycle" },
  prompts: ({ phrase }) => [[`${GROUND_PROMPT}${phrase}`]],
  tiling: {
    whole: true,
    merge(views, context) {
      const nameOf = ({ phrase }: { readonly phrase: string }): string =>
        normalizeLabel(phrase);
      const objects = mergeObjects(views, context, nameOf);
      return {
        id: context.resultId,
        task: "ground",
        ...mergeHead(views, objects.length === 0),
        objects,
        unmatched: mergeUnmatched(
          views.flatMap(({ result }) => result.unmatched),
          new Set(objects.map(nameOf)),
        ),
        ...mergeDropped(views),
      };
    },
  },
  finish(answers, context) {
    const answer = answerAt(answers, 0);
    const found = findObjects(answer, { ...context, minScore: -Infinity });
    const groups = groupByLabel(found.objects);
    const spans = phraseSpans(
      context.request.phrase,
      groups.map(([first]) => first.label),
    );
    const objects: GroundResult["objects"] = [];
    const unmatched: GroundResult["unmatched"] = [];
    const dropped: Dropped[] = [...found.dropped];
    for (const [index, group] of groups.entries()) {
      const phrase = group[0].label;
      const span = spans[index] ?? null;
      let first: AbstentionReason | null = null;
      let isFound = false;
      for (const object of group) {
        const reason = refusal(object, context);
        if (reason === null) {
          const id = `o${objects.length}`;
          objects.push({ id, phrase, span, ...object.fields });
          isFound = true;
        } else {
          dropped.push({ reason, at: object.binsAt });
          first ??= reason;
        }
      }
      if (!isFound && first !== null)
        unmatched.push({ phrase, span, reason: first });
    }
    if (groups.length === 0) {
      const { phrase } = context.request;
      const span: [number, number] = [0, phrase.length];
      unmatched.push({ phrase, span, reason: "not_found" });
    }
    return {
      id: context.resultId,
      task: "ground",
      ...resultHead(answers, objects.length === 0),
      objects,
      unmatched,
      ...resultTail(answer, dropped, context),
    };
  },
});

/** Phrases that no view found an object of, each once. */
function mergeUnmatched(
  unmatched: GroundResult["unmatched"],
  found: ReadonlySet<string>,
): GroundResult["unmatched"] {
  const told = new Set<string>();
  return unmatched.filter(({ phrase, reason }) => {
    const name = normalizeLabel(phrase);
    // That nothing of the caption is in one view says nothing of the others.
    const isElsewhere = reason === "not_found" && found.size > 0;
    if (isElsewhere || found.has(name) || told.has(name)) return false;
    told.add(name);
    return true;
  });
}

type Group = [FoundObject, ...FoundObject[]];

/** The objects of each label as the model wrote it, in order. */
function groupByLabel(objects: readonly FoundObject[]): Group[] {
  const groups: Group[] = [];
  for (const object of objects) {
    const group = groups.at(-1);
    // Boxes of one label share its positions.
    if (group?.[0].labelAt === object.labelAt) group.push(object);
    else groups.push([object]);
  }
  return groups;
}

/** Why an object does not count; null if it does. */
function refusal(
  { label, score, fields }: FoundObject,
  { scale, threshold, minScore }: FinishContext<GroundRequest>,
): AbstentionReason | null {
  if (isGeneric(label)) return "generic_phrase";
  const facts = { score, isWholeImage: isWholeImage(fields.box, scale) };
  const reason = abstentionReason(facts, threshold);
  return reason ?? (score < minScore ? "below_min_score" : null);
}

/** "It" means as little as "it", which the reference's list alone does not say. */
function isGeneric(phrase: string): boolean {
  return (
    GENERIC_PHRASES.has(phrase) || GENERIC_PHRASES.has(phrase.toLowerCase())
  );
}
