// How good a model's boxes are, where people drew boxes too.

import * as v from "valibot";
import { comparableName } from "../language/same-name.ts";
import { isSameObject } from "../filter/agreement.ts";
import type { Annotation, RegionText } from "../records/record.ts";

/** Precision and recall of boxes at IoU 0.5, names compared. */
export const QualitySchema = v.strictObject({
  /** Photos with objects of people. */
  photos: v.number(),
  /** Objects people drew there. */
  drawn: v.number(),
  /** Objects the model says are there, of names that people used. */
  found: v.number(),
  /** Share of the found ones that people drew; null where there are none. */
  precision: v.nullable(v.number()),
  /** Share of the drawn ones that were found; null where there are none. */
  recall: v.nullable(v.number()),
});

export type Quality = v.InferOutput<typeof QualitySchema>;

/** Boxes that overlap as much are the same object. */
const SAME_IOU = 0.5;

/** What people and a model say of one photo. */
export interface JudgedPhoto {
  readonly human: readonly Annotation[];
  readonly model: readonly Annotation[];
}

/**
 * Measures a model on photos where people drew something. What it finds under a
 * name that no person used in any of them does not count: nobody says that such
 * things are absent.
 */
export function measureQuality(photos: readonly JudgedPhoto[]): Quality {
  const judged = photos
    .map(({ human, model }) => ({
      drawn: objectsIn(human),
      said: objectsIn(model),
    }))
    .filter(({ drawn }) => drawn.length > 0);
  const names = new Set(
    judged.flatMap(({ drawn }) =>
      drawn.map(({ text }) => comparableName(text)),
    ),
  );
  let [drawnCount, foundCount, right] = [0, 0, 0];
  for (const { drawn, said } of judged) {
    const found = said.filter(({ text }) => names.has(comparableName(text)));
    drawnCount += drawn.length;
    foundCount += found.length;
    right += matches(drawn, found);
  }
  return {
    photos: judged.length,
    drawn: drawnCount,
    found: foundCount,
    precision: foundCount === 0 ? null : right / foundCount,
    recall: drawnCount === 0 ? null : right / drawnCount,
  };
}

function objectsIn(annotations: readonly Annotation[]): RegionText[] {
  return annotations.filter(
    (annotation): annotation is RegionText =>
      annotation.kind === "region_text" && annotation.about === "object",
  );
}

/** Pairs one to one, the best scored first. */
function matches(
  drawn: readonly RegionText[],
  found: readonly RegionText[],
): number {
  const left = new Set(drawn);
  const order = found.toSorted((a, b) => (b.score ?? 1) - (a.score ?? 1));
  for (const object of order) {
    const match = [...left].find((one) => isSameObject(one, object, SAME_IOU));
    if (match !== undefined) left.delete(match);
  }
  return drawn.length - left.size;
}
