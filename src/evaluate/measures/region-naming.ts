// Names of given boxes: share that is the category's name.

import { boxArea } from "../../shared/geometry.ts";
import type { EvaluationItem, TrueThing } from "../data/item.ts";
import { isSameCategory } from "../metrics/category-accuracy.ts";
import { boxShape, resultOf } from "./answers.ts";
import { ratioFigure, type Measure } from "./measure.ts";
import { regionAsks, regionPlace } from "./region-asks.ts";

/** Smaller boxes show too little to be named, in square pixels. */
const LEAST_AREA = 32 ** 2;

/** Region categories. */
export const regionNaming: Measure = {
  name: "region-naming",
  title: "Names of given boxes",
  task: "classify_regions",
  asks: (item) => regionAsks("name", "classify_regions", namedBoxes(item)),
  judge(answered) {
    const photos = answered.map((one) =>
      namedBoxes(one.item).map(({ label, box }, index) => {
        const { id, at } = regionPlace("name", index);
        const region = resultOf(one, id, "classify_regions")?.regions[at];
        const said = region?.label ?? "";
        const score = region?.status === "ok" ? region.score : null;
        return { label, box, said, score, isRight: isSameCategory(said, label) }; // prettier-ignore
      }),
    );
    return {
      figures: [
        ratioFigure(
          { name: "accuracy", title: "accuracy", of: "boxes" },
          photos.map((boxes) => ({
            part: boxes.filter(({ isRight }) => isRight).length,
            of: boxes.length,
          })),
        ),
      ],
      cases: photos.map((boxes) => ({
        quality: boxes.filter(({ isRight }) => isRight).length / Math.max(1, boxes.length),
        truth: boxes.map(({ label }) => label),
        answer: boxes.map(({ said }) => (said === "" ? "nothing" : said)),
        trueShapes: boxes.map(({ label, said, box }) => boxShape(`${label}: ${said}`, box)),
        answeredShapes: [],
      })), // prettier-ignore
      outcomes: photos.map((boxes) =>
        boxes.flatMap(({ score, isRight }) =>
          score === null ? [] : [{ score, isRight }],
        ),
      ),
      notes: [
        "The model writes freely; only the category's own name counts. Boxes of 32 by 32 px and less are left out.",
      ],
    };
  },
};

function namedBoxes({ objects }: EvaluationItem): readonly TrueThing[] {
  return (objects ?? []).filter(
    ({ box, isCrowd }) => !isCrowd && boxArea(box) > LEAST_AREA,
  );
}
