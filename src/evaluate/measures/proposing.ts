// Regions that stand out: average recall over objects of any category.

import { averageRecall, matchProposals, type RecallFigures } from "../metrics/average-recall.ts"; // prettier-ignore
import { boxShape, resultOf, sum } from "./answers.ts";
import { detectionOf, outcomesOf, truthsOf } from "./detecting.ts";
import { onceForWeights, type Figure, type Measure } from "./measure.ts";

const TITLES: Readonly<Record<keyof RecallFigures, string>> = {
  AR1: "average recall, 1 box a photo",
  AR10: "average recall, 10 boxes a photo",
  AR100: "average recall, 100 boxes a photo",
  ARsmall: "average recall, below 32² px",
  ARmedium: "average recall, 32² to 96² px",
  ARlarge: "average recall, above 96² px",
};

/** Region proposals. */
export const proposing: Measure = {
  name: "proposing",
  title: "Region proposals",
  task: "propose",
  // Where only some categories are marked, the rest is no background.
  asks: ({ objects, categories }) =>
    objects === null || (categories !== null && categories.length < 10)
      ? []
      : [{ id: "propose", request: { task: "propose" } }],
  judge(answered) {
    const images = answered.map((one) => ({
      truths: truthsOf(one),
      detections: (resultOf(one, "propose", "propose")?.objects ?? []).map(
        ({ score, box }) => detectionOf("", score, box),
      ),
    }));
    const matches = matchProposals(images);
    const figuresOf = onceForWeights((weights) => averageRecall(matches, weights)); // prettier-ignore
    const n = sum(images.map(({ truths }) => truths.filter(({ isCrowd }) => !isCrowd).length)); // prettier-ignore
    const names = Object.keys(TITLES) as (keyof RecallFigures)[];
    const outcomes = answered.map((_, at) => outcomesOf(matches, at));
    return {
      figures: names.map((name): Figure => ({
        ...{ name, title: TITLES[name], of: "objects", n, better: "higher" },
        statistic: (weights) => figuresOf(weights)[name],
      })),
      cases: answered.map(({ item }, at) => {
        const objects = (item.objects ?? []).filter(({ isCrowd }) => !isCrowd);
        const found = outcomes[at]!.filter(({ isRight }) => isRight).length;
        return {
          quality: objects.length === 0 ? 1 : found / objects.length,
          truth: [`${objects.length} objects`],
          answer: [`${found} of them in ${outcomes[at]!.length} boxes`],
          trueShapes: objects.map(({ label, box }) => boxShape(label, box)),
          answeredShapes: images[at]!.detections.map(({ score, shape: [x, y, width, height] }) =>
            boxShape(score.toFixed(2), { x_min: x, y_min: y, x_max: x + width, y_max: y + height }),
          ),
        };
      }), // prettier-ignore
      outcomes,
      notes: [
        "Recall is averaged over overlaps 0.50 to 0.95, boxes ranked by the model's own score.",
      ],
    };
  },
};
