// What a measure is: which questions it asks of a photo, and what it makes of
// the answers. The rest of the room knows measures by their table alone.

import type { ImageSize, Point } from "../../shared/geometry.ts";
import type { EnvelopeResult } from "../../shared/schema/analysis.ts";
import type { EvaluationItem } from "../data/item.ts";

/** One task to ask about a photo. */
export interface Ask {
  /** Names the answer among those of the photo: `ground:3`. */
  readonly id: string;
  /** The task's request without its id. */
  readonly request: { readonly task: string; readonly [field: string]: unknown }; // prettier-ignore
}

/** A photo, what is true of it, and what the model said. */
export interface AnsweredItem {
  readonly item: EvaluationItem;
  /** Of the photo as it was decoded, in pixels. */
  readonly size: ImageSize;
  /** By the ids of the asks. */
  readonly results: ReadonlyMap<string, EnvelopeResult>;
}

/** One number. */
export interface Figure {
  readonly name: string;
  readonly title: string;
  /** What it is counted over, and how many: `phrases`, 149. */
  readonly of: string;
  readonly n: number;
  readonly better: "higher" | "lower";
  /**
   * The figure over the photos of the judgement.
   *
   * @param weights how often each photo counts; once if left out.
   * @returns null where there is nothing to count.
   */
  readonly statistic: (weights?: readonly number[]) => number | null;
}

/** A shape to draw over a photo. */
export interface Shape {
  readonly label: string;
  readonly points: readonly Point[];
}

/** How well one photo went. */
export interface Case {
  /** 0, all wrong, to 1 and more. */
  readonly quality: number;
  readonly truth: readonly string[];
  readonly answer: readonly string[];
  readonly trueShapes: readonly Shape[];
  readonly answeredShapes: readonly Shape[];
}

/** A score the model gave, and whether what it stands for is right. */
export interface Outcome {
  readonly score: number;
  readonly isRight: boolean;
}

/** What a measure says of some answered photos. */
export interface Judgement {
  readonly figures: readonly Figure[];
  /** One for each photo, in order; null where there is nothing to show. */
  readonly cases: readonly (Case | null)[];
  /** Of each photo, in order; empty where the answers have no scores. */
  readonly outcomes: readonly (readonly Outcome[])[];
  /** Figures of each category, where there are categories. */
  readonly categories?: readonly CategoryRow[];
  /** How something was counted that can be counted otherwise. */
  readonly notes: readonly string[];
}

/** One category and its figures. */
export interface CategoryRow {
  readonly category: string;
  readonly figures: readonly Figure[];
}

export interface Measure {
  readonly name: string;
  readonly title: string;
  /** Spelling of the task that is asked; null where no task answers. */
  readonly task: string | null;

  /** What to ask of a photo; nothing where its truth does not allow to judge. */
  asks(item: EvaluationItem): readonly Ask[];

  /** @param answered the photos of which something was asked. */
  judge(answered: readonly AnsweredItem[]): Judgement;
}

/** A figure that is one sum over another. */
export function ratioFigure(
  about: Pick<Figure, "name" | "title" | "of"> & Partial<Pick<Figure, "better">>,
  parts: readonly { readonly part: number; readonly of: number }[],
): Figure {
  return {
    better: "higher",
    ...about,
    n: parts.reduce((sum, one) => sum + one.of, 0),
    statistic(weights) {
      let part = 0;
      let of = 0;
      for (const [at, one] of parts.entries()) {
        const weight = weights?.[at] ?? 1;
        part += weight * one.part;
        of += weight * one.of;
      }
      return of === 0 ? null : part / of;
    },
  };
} // prettier-ignore

/** Remembers the last weights: figures of one family are asked one by one. */
export function onceForWeights<Value>(
  compute: (weights?: readonly number[]) => Value,
): (weights?: readonly number[]) => Value {
  let last: { weights: readonly number[] | undefined; value: Value } | null =
    null;
  return (weights) => {
    if (last === null || last.weights !== weights) {
      last = { weights, value: compute(weights) };
    }
    return last.value;
  };
}
