// Open-vocabulary detection: the objects of labels that the caller names.

import * as v from "valibot";
import { hasPolygons } from "../parse/polygons.ts";
import type { Answer } from "../parse/answer.ts";
import type { Dropped } from "../parse/pieces.ts";
import { abstentionReason } from "./abstention.ts";
import { answerAt, resultHead, resultTail } from "./frame.ts";
import { mergeDropped, mergeHead, mergeObjects } from "./merge-objects.ts";
import { findObjects, isWholeImage } from "./objects.ts";
import { Labels, normalizeLabel, RequestId } from "./request-fields.ts";
import {
  AbstentionReason,
  ObjectItem,
  ResultHead,
  ResultTail,
  Score,
  Segment,
} from "./result-fields.ts";
import { findSegments, isWholeImageSegment } from "./segments.ts";
import { defineTask, type FinishContext, type PromptPart } from "./task.ts";

const Request = v.strictObject({
  task: v.literal("detect_open"),
  id: RequestId,
  labels: Labels,
});

const OpenObject = v.object({
  ...ObjectItem.entries,
  label: v.string(),
  /** Index into the request's labels; null where the model named another. */
  label_index: v.nullable(v.number()),
  /** With outlines, `box` is the one around them. */
  polygons: v.exactOptional(Segment.entries.polygons),
  svg_path: v.exactOptional(Segment.entries.svg_path),
  area: v.exactOptional(Segment.entries.area),
  closed: v.exactOptional(Segment.entries.closed),
});

const Result = v.object({
  ...ResultHead.entries,
  task: v.literal("detect_open"),
  objects: v.array(OpenObject),
  /** One per label of the request, in its order. */
  labels: v.array(
    v.object({
      label: v.string(),
      found: v.boolean(),
      /**
       * Found: of its best object. Not found: of the label as the start of the
       * answer; null where that was not measured.
       */
      score: v.nullable(Score),
      reason: v.exactOptional(AbstentionReason),
    }),
  ),
  ...ResultTail.entries,
});

type OpenRequest = v.InferOutput<typeof Request>;
type OpenObject = v.InferOutput<typeof OpenObject>;
type OpenContext = FinishContext<OpenRequest>;
export type DetectOpenResult = v.InferOutput<typeof Result>;
type LabelState = DetectOpenResult["labels"][number];

/** Finds the objects of labels that the caller names. */
export const detectOpen = defineTask<OpenRequest, DetectOpenResult>({
  name: "detect_open",
  spelling: "detect_open",
  token: "<OPEN_VOCABULARY_DETECTION>",
  summary: "Finds objects of the labels you name.",
  variant: null,
  inputs: ["labels"],
  answers: "mixed",
  request: Request,
  result: Result,
  example: { task: "detect_open", labels: ["car", "bicycle"] },
  prompts({ labels }, { tokenizer }) {
    // Labels are parted by `<and>` without spaces; commas do not work.
    const and: PromptPart = { token: tokenizer.special.and };
    const parts = labels.flatMap((label) => [and, label]).slice(1);
    return [["Locate ", ...parts, " in the image."]];
  },
  labels: ({ labels }) => ({ labels, kind: "open" }),
  tiling: {
    whole: true,
    merge(views, context) {
      const objects = mergeObjects(views, context, ({ label }) =>
        normalizeLabel(label),
      );
      return {
        id: context.resultId,
        task: "detect_open",
        ...mergeHead(views, objects.length === 0),
        objects,
        labels: context.request.labels.map((_, index) =>
          mergeLabel(
            views.flatMap(({ result }) => result.labels[index] ?? []),
            objects.filter((object) => object.label_index === index),
          ),
        ),
        ...mergeDropped(views),
      };
    },
  },
  finish(answers, context) {
    const answer = answerAt(answers, 0);
    const { candidates, dropped } = findCandidates(answer, context);
    const kept = candidates.filter(({ reason }) => reason === null);
    const refused = candidates.flatMap(({ reason, at }) =>
      reason === null ? [] : [{ reason, at }],
    );
    return {
      id: context.resultId,
      task: "detect_open",
      ...resultHead(answers, kept.length === 0),
      objects: kept.map(({ label, labelIndex, fields }, index) => ({
        id: `o${index}`,
        label,
        label_index: labelIndex,
        ...fields,
      })),
      labels: context.request.labels.map((label, index) =>
        labelState(label, index, candidates, context),
      ),
      ...resultTail(answer, [...dropped, ...refused], context),
    };
  },
});

/** An object the model named, and why it does not count. */
interface OpenCandidate {
  readonly label: string;
  readonly labelIndex: number | null;
  readonly score: number;
  readonly at: readonly number[];
  readonly reason: AbstentionReason | null;
  readonly fields: Omit<OpenObject, "id" | "label" | "label_index">;
}

function findCandidates(
  answer: Answer,
  context: OpenContext,
): { candidates: OpenCandidate[]; dropped: readonly Dropped[] } {
  const { scale, threshold, minScore, request } = context;
  const everything = { ...context, minScore: -Infinity };
  const judge = (score: number, isWhole: boolean): AbstentionReason | null =>
    abstentionReason({ score, isWholeImage: isWhole }, threshold) ??
    (score < minScore ? "below_min_score" : null);

  if (hasPolygons(answer.ids, context.tokenizer)) {
    const { segments, dropped } = findSegments(answer, everything, "scored");
    const candidates = segments.map(({ label, at, score, fields }) => ({
      label,
      labelIndex: labelIndex(label, request.labels),
      score,
      at,
      reason: judge(score, isWholeImageSegment(fields, scale)),
      fields,
    }));
    return { candidates, dropped };
  }
  const { objects, dropped } = findObjects(answer, everything);
  const candidates = objects.map(({ label, binsAt, score, fields }) => ({
    label,
    labelIndex: labelIndex(label, request.labels),
    score,
    at: binsAt,
    reason: judge(score, isWholeImage(fields.box, scale)),
    fields,
  }));
  return { candidates, dropped };
}

/** With one label in the request, every answer is about that one. */
function labelIndex(label: string, labels: readonly string[]): number | null {
  if (labels.length === 1) return 0;
  const wanted = normalizeLabel(label);
  const index = labels.findIndex((other) => normalizeLabel(other) === wanted);
  return index < 0 ? null : index;
}

/** What the views together know of a label. */
function mergeLabel(
  states: readonly LabelState[],
  objects: readonly OpenObject[],
): LabelState {
  const best = states.reduce((one, other) =>
    (other.score ?? -1) > (one.score ?? -1) ? other : one,
  );
  if (objects.length === 0) return best;
  const score = Math.max(...objects.map((object) => object.score));
  return { label: best.label, found: true, score };
}

function labelState(
  label: string,
  index: number,
  candidates: readonly OpenCandidate[],
  { labelScores }: OpenContext,
): LabelState {
  const own = candidates.filter(({ labelIndex }) => labelIndex === index);
  const kept = own.filter(({ reason }) => reason === null);
  const named = kept.length > 0 ? kept : own;
  if (named[0] === undefined) {
    const logProb = labelScores?.[0]?.[index];
    const score = logProb === undefined ? null : Math.exp(logProb);
    return { label, found: false, score, reason: "not_found" };
  }
  const score = Math.max(...named.map((candidate) => candidate.score));
  const { reason } = named[0];
  return reason === null
    ? { label, found: true, score }
    : { label, found: false, score, reason };
}
