// Objects with categories: COCO's average precision.

import { boxArea, type Box } from "../../shared/geometry.ts";
import { maskOfOutline, type EvaluationItem, type TrueThing } from "../data/item.ts"; // prettier-ignore
import {
  cocoFigures,
  curve,
  precisionFigures,
} from "../metrics/average-precision.ts";
import { plainName } from "../metrics/category-accuracy.ts";
import { maskArea } from "../metrics/masks.ts";
import {
  matchDetections,
  type Detection,
  type DetectionImage,
  type DetectionMatches,
} from "../metrics/match-detections.ts";
import { boxOverlap, type CocoBox } from "../metrics/overlaps.ts";
import { boxShape, resultOf, sum } from "./answers.ts";
import {
  onceForWeights,
  type AnsweredItem,
  type Case,
  type CategoryRow,
  type Figure,
  type Measure,
  type Outcome,
} from "./measure.ts";

const TITLES = {
  AP: "AP, overlap 0.50 to 0.95",
  AP50: "AP, overlap 0.50",
  AP75: "AP, overlap 0.75",
  APsmall: "AP, below 32² px",
  APmedium: "AP, 32² to 96² px",
  APlarge: "AP, above 96² px",
  AR1: "recall, 1 answer a photo",
  AR10: "recall, 10 answers a photo",
  AR100: "recall, 100 answers a photo",
  ARsmall: "recall, below 32² px",
  ARmedium: "recall, 32² to 96² px",
  ARlarge: "recall, above 96² px",
} as const;

/** COCO detection. */
export const detecting: Measure = {
  name: "detecting",
  title: "Detection",
  task: "detect",
  asks: ({ objects }) =>
    objects === null ? [] : [{ id: "detect", request: { task: "detect" } }],
  judge(answered) {
    const known = categoriesOf(answered.map(({ item }) => item));
    let others = 0;
    const images = answered.map((one): DetectionImage<CocoBox> => {
      const allowed = new Set((one.item.categories ?? [...known]).map(plainName));
      const found = resultOf(one, "detect", "detect")?.objects ?? [];
      const detections = found.flatMap(({ label, score, box }) => {
        const category = plainName(label);
        if (!allowed.has(category)) {
          others += 1;
          return [];
        }
        return [detectionOf(category, score, box)];
      });
      return { truths: truthsOf(one), detections };
    }); // prettier-ignore
    const matches = matchDetections(images, boxOverlap);
    const figuresOf = onceForWeights((weights) => cocoFigures(matches, weights)); // prettier-ignore
    const unranked = matchDetections(images.map(withoutScores), boxOverlap);
    const unrankedOf = onceForWeights((weights) => precisionFigures(unranked, weights)); // prettier-ignore
    const n = sum(images.map(({ truths }) => truths.filter(({ isCrowd }) => !isCrowd).length)); // prettier-ignore
    const names = Object.keys(TITLES) as (keyof typeof TITLES)[];
    const about = { of: "objects", n, better: "higher" } as const;
    return {
      figures: [
        ...names.map((name): Figure => ({
          ...{ name, title: TITLES[name], ...about },
          statistic: (weights) => figuresOf(weights)[name],
        })),
        ...(["AP", "AP50"] as const).map((name): Figure => ({
          ...{ name: `${name} unranked`, ...about },
          title: `${TITLES[name]}, scores not heeded`,
          statistic: (weights) => unrankedOf(weights)[name],
        })),
      ],
      cases: answered.map((one, at) => caseOf(one, images[at]!, matches, at)),
      outcomes: answered.map((_, at) => outcomesOf(matches, at)),
      categories: categoryRows(matches),
      notes: [
        "Answers are ranked by the model's own score, exp of the mean log-probability of an object's tokens. The paper does not say how it ranks them; as a model without scores is measured, all answers alike and in the model's order, they come to the figures without scores.",
        `A label is a category if it is written like it but for case, blanks and hyphens; ${others} answers of other labels do not count.`,
      ],
    };
  },
};

/** All answers of one score: they keep the order the model gave them. */
function withoutScores(
  image: DetectionImage<CocoBox>,
): DetectionImage<CocoBox> {
  const detections = image.detections.map((one) => ({ ...one, score: 1 }));
  return { ...image, detections };
}

/** All categories of a data set, each written as it is there first. */
function categoriesOf(items: readonly EvaluationItem[]): Set<string> {
  return new Set(
    items.flatMap(({ categories, objects }) => [
      ...(categories ?? []),
      ...(objects ?? []).map(({ label }) => label),
    ]),
  );
}

/** The true objects of a photo as COCO's matching takes them. */
export function truthsOf({
  item,
  size,
}: AnsweredItem): DetectionImage<CocoBox>["truths"] {
  return (item.objects ?? []).map((thing) => ({
    category: plainName(thing.label),
    shape: cocoBox(thing.box),
    area: areaOf(thing, size),
    isCrowd: thing.isCrowd,
  }));
}

/** One answer as COCO's matching takes it. */
export function detectionOf(
  category: string,
  score: number,
  box: Box,
): Detection<CocoBox> {
  return { category, score, shape: cocoBox(box), area: boxArea(box) };
}

/** As the data set says, else of the outline, else of the box. */
function areaOf(thing: TrueThing, size: AnsweredItem["size"]): number {
  if (thing.area !== null) return thing.area;
  if (thing.outline === null) return boxArea(thing.box);
  return maskArea(maskOfOutline(thing.outline, size));
}

function cocoBox({ x_min, y_min, x_max, y_max }: Box): CocoBox {
  return [x_min, y_min, x_max - x_min, y_max - y_min];
}

/** Scores of one photo's answers, and whether each has an object at 0.5. */
export function outcomesOf(
  matches: DetectionMatches,
  image: number,
): Outcome[] {
  return [...matches.values()].flatMap(({ all }) =>
    all
      .filter((one) => one.image === image)
      .flatMap((one) =>
        one.scores.flatMap((score, at) =>
          one.ignored[0]![at] === 1
            ? []
            : [{ score, isRight: one.matched[0]![at] === 1 }],
        ),
      ),
  );
}

/** Quality of a photo: F1 at overlap 0.5. */
function caseOf(
  { item }: AnsweredItem,
  { truths, detections }: DetectionImage<CocoBox>,
  matches: DetectionMatches,
  image: number,
): Case {
  const outcomes = outcomesOf(matches, image);
  const right = outcomes.filter(({ isRight }) => isRight).length;
  const objects = truths.filter(({ isCrowd }) => !isCrowd).length;
  const all = outcomes.length + objects;
  const things = item.objects ?? [];
  return {
    quality: all === 0 ? 1 : (2 * right) / all,
    truth: [`${objects} objects: ${countNames(things.map(({ label }) => label))}`],
    answer: [`${right} right of ${outcomes.length}: ${countNames(detections.map(({ category }) => category))}`],
    trueShapes: things.map(({ label, box }) => boxShape(label, box)),
    answeredShapes: detections.map(({ category, score, shape: [x, y, width, height] }) =>
      boxShape(`${category} ${score.toFixed(2)}`, { x_min: x, y_min: y, x_max: x + width, y_max: y + height }),
    ),
  };
} // prettier-ignore

/** `3 person, dog`. */
export function countNames(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const parts = [...counts].map(([name, count]) => count === 1 ? name : `${count} ${name}`); // prettier-ignore
  return parts.length === 0 ? "none" : parts.join(", ");
}

/** AP, AP50, and recall at overlap 0.5 with 10 answers a photo. */
function categoryRows(matches: DetectionMatches): CategoryRow[] {
  return [...matches].flatMap(([category, { all }]) => {
    const n = sum(all.map(({ objects }) => objects));
    if (n === 0) return [];
    const curveOf = (most: number) =>
      onceForWeights((weights) =>
        curve(all, { most, ...(weights !== undefined && { weights }) }),
      );
    const [full, ten] = [curveOf(100), curveOf(10)];
    const figure = (
      name: string,
      title: string,
      statistic: Figure["statistic"],
    ): Figure => ({
      ...{ name, title, of: "objects", n, better: "higher", statistic },
    });
    return [
      {
        category,
        figures: [
          figure("AP", TITLES.AP, (weights) => {
            const found = full(weights);
            return found && sum(found.precision) / found.precision.length;
          }),
          figure("AP50", TITLES.AP50, (weights) => full(weights)?.precision[0] ?? null), // prettier-ignore
          figure("recall50", "recall, overlap 0.50, 10 answers a photo", (weights) => ten(weights)?.recall[0] ?? null), // prettier-ignore
        ],
      },
    ];
  });
}
