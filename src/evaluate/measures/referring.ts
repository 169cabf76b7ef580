// One phrase, one object: accuracy at overlap 0.5, for referring expressions
// and for labels that occur once in their photo.

import type { Box } from "../../shared/geometry.ts";
import type { EvaluationItem } from "../data/item.ts";
import { isReferred } from "../metrics/referring.ts";
import { boxShape, resultOf } from "./answers.ts";
import { ratioFigure, type AnsweredItem, type Measure } from "./measure.ts";

interface Expression {
  readonly phrase: string;
  readonly box: Box;
}

/** Referring comprehension, as RefCOCO has it. */
export const referring = defineReferring({
  name: "referring",
  title: "Referring comprehension",
  prefix: "refer",
  expressionsOf: ({ referring: expressions }) => expressions,
  notes: [],
});

/** The same, asked by the label of an object that is alone of its kind. */
export const labelGrounding = defineReferring({
  name: "label-grounding",
  title: "Grounding of labels that occur once",
  prefix: "label",
  expressionsOf: uniqueObjects,
  notes: [
    "The phrase is the label of an object that is the only one of its category in the photo; crowds do not count.",
  ],
});

function defineReferring(about: {
  readonly name: string;
  readonly title: string;
  readonly prefix: string;
  readonly expressionsOf: (item: EvaluationItem) => readonly Expression[];
  readonly notes: readonly string[];
}): Measure {
  const { name, title, prefix, expressionsOf } = about;
  return {
    ...{ name, title, task: "ground" },
    asks: (item) =>
      expressionsOf(item).map(({ phrase }, at) => ({
        id: `${prefix}:${at}`,
        request: { task: "ground", phrase },
      })),
    judge(answered) {
      const photos = answered.map((one) =>
        expressionsOf(one.item).map(({ phrase, box }, at) => {
          const answer = firstObject(one, `${prefix}:${at}`);
          return { phrase, box, answer, isRight: isReferred(answer?.box ?? null, box) };
        }),
      ); // prettier-ignore
      return {
        figures: [
          ratioFigure(
            { name: "accuracy", title: "accuracy, overlap 0.50", of: "phrases" }, // prettier-ignore
            photos.map((phrases) => ({
              part: phrases.filter(({ isRight }) => isRight).length,
              of: phrases.length,
            })),
          ),
        ],
        cases: photos.map((phrases) => ({
          quality: phrases.filter(({ isRight }) => isRight).length / Math.max(1, phrases.length),
          truth: phrases.map(({ phrase }) => phrase),
          answer: phrases.map(({ phrase, answer, isRight }) => `${phrase}: ${answer === null ? "nothing" : isRight ? "right" : "wrong"}`),
          trueShapes: phrases.map(({ phrase, box }) => boxShape(phrase, box)),
          answeredShapes: phrases.flatMap(({ phrase, answer }) => answer === null ? [] : [boxShape(`${phrase} ${answer.score.toFixed(2)}`, answer.box)]),
        })), // prettier-ignore
        outcomes: photos.map((phrases) =>
          phrases.flatMap(({ answer, isRight }) =>
            answer === null ? [] : [{ score: answer.score, isRight }],
          ),
        ),
        notes: [
          ...about.notes,
          "The answer is the best box of the first phrase the model found; none is wrong.",
        ],
      };
    },
  };
}

/** The best object of the phrase that comes first: the others are what it is told apart by. */
function firstObject(
  one: AnsweredItem,
  id: string,
): { readonly box: Box; readonly score: number } | null {
  const objects = resultOf(one, id, "ground")?.objects ?? [];
  const [first] = objects;
  if (first === undefined) return null;
  return objects
    .filter(({ phrase }) => phrase === first.phrase)
    .reduce((best, object) => (object.score > best.score ? object : best));
}

function uniqueObjects({ objects, categories }: EvaluationItem): Expression[] {
  // Where only some categories are marked, a label may occur unmarked.
  if (categories !== null && categories.length < 10) return [];
  return (objects ?? [])
    .filter(
      ({ label, isCrowd }, _, all) =>
        !isCrowd && all.filter((other) => other.label === label).length === 1,
    )
    .map(({ label, box }) => ({ phrase: label, box }));
}
