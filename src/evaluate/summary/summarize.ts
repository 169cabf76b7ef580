// From answered photos to the numbers of the summary and the report.

import {
  expectedCalibrationError,
  reliability,
  type ReliabilityBin,
} from "../metrics/calibration-error.ts";
import type { AnsweredItem, Case, Figure, Judgement, Measure } from "../measures/measure.ts"; // prettier-ignore
import { bootstrap, pairedBootstrap, type BootstrapOptions } from "./bootstrap.ts"; // prettier-ignore

/** A figure with its interval. */
export interface FigureSummary {
  readonly name: string;
  readonly title: string;
  readonly value: number | null;
  /** Ends of the 95 % interval. */
  readonly low: number | null;
  readonly high: number | null;
  readonly n: number;
  readonly of: string;
  readonly better: "higher" | "lower";
}

/** One category of a measure. */
export interface CategorySummary {
  readonly category: string;
  readonly figures: readonly FigureSummary[];
}

/** Two bundles on the same photos. */
export interface FigureComparison {
  readonly name: string;
  readonly title: string;
  readonly value: number | null;
  readonly other: number | null;
  /** The other less the first, and the ends of its 95 % interval. */
  readonly difference: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly better: "higher" | "lower";
}

/** What is known of the scores of a measure. */
export interface CalibrationSummary {
  readonly outcomes: number;
  readonly ece: number;
  readonly bins: readonly ReliabilityBin[];
}

export interface MeasureSummary {
  readonly name: string;
  readonly title: string;
  readonly task: string;
  readonly photos: number;
  readonly figures: readonly FigureSummary[];
  readonly categories: readonly CategorySummary[];
  readonly calibration: CalibrationSummary | null;
  readonly notes: readonly string[];
}

/** A measure's summary and what is drawn of it. */
export interface JudgedMeasure {
  readonly measure: Measure;
  readonly answered: readonly AnsweredItem[];
  readonly judgement: Judgement;
  readonly summary: MeasureSummary;
}

/** A photo and how it went. */
export interface JudgedCase extends Case {
  readonly answered: AnsweredItem;
}

/** Judges the photos of which a measure asked something. */
export function judgeMeasure(
  measure: Measure,
  answered: readonly AnsweredItem[],
  options: BootstrapOptions,
): JudgedMeasure {
  const own = answered.filter(({ item }) => measure.asks(item).length > 0);
  const judgement = measure.judge(own);
  const categories = judgement.categories ?? [];
  const figures = summarizeFigures(
    [...judgement.figures, ...categories.flatMap((one) => one.figures)],
    own.length,
    options,
  );
  const failures = own.flatMap(({ item, results }) =>
    measure.asks(item).filter(({ id }) => results.get(id)?.status === "error"),
  ).length;
  const outcomes = judgement.outcomes.flat();
  const ece = expectedCalibrationError(outcomes);
  const summary: MeasureSummary = {
    name: measure.name,
    title: measure.title,
    task: measure.task ?? "",
    photos: own.length,
    figures: figures.slice(0, judgement.figures.length),
    categories: categories.map(({ category, figures: own }, at) => {
      const before = categories.slice(0, at).flatMap((one) => one.figures);
      const first = judgement.figures.length + before.length;
      return { category, figures: figures.slice(first, first + own.length) };
    }),
    calibration:
      ece === null
        ? null
        : { outcomes: outcomes.length, ece, bins: reliability(outcomes) },
    notes: [
      ...judgement.notes,
      ...(failures === 0
        ? []
        : [`${failures} answers failed; each counts as one that says nothing.`]),
    ],
  }; // prettier-ignore
  return { measure, answered: own, judgement, summary };
}

function summarizeFigures(
  figures: readonly Figure[],
  photos: number,
  options: BootstrapOptions,
): FigureSummary[] {
  const intervals = bootstrap(
    figures.map(({ statistic }) => statistic),
    photos,
    options,
  );
  return figures.map((figure, at) => {
    const { name, title, n, of, better } = figure;
    const interval = intervals[at] ?? null;
    return {
      ...{ name, title, value: figure.statistic() },
      low: interval?.low ?? null,
      high: interval?.high ?? null,
      ...{ n, of, better },
    };
  });
}

/**
 * Compares two bundles on the photos that both answered.
 *
 * @param one, other judged over the same photos in the same order.
 */
export function compareJudged(
  one: JudgedMeasure,
  other: JudgedMeasure,
  options: BootstrapOptions,
): FigureComparison[] {
  const pairs = one.judgement.figures.flatMap((figure) => {
    const twin = other.judgement.figures.find(({ name }) => name === figure.name); // prettier-ignore
    return twin === undefined ? [] : [{ figure, twin }];
  });
  const intervals = pairedBootstrap(
    pairs.map(({ figure, twin }) => [figure.statistic, twin.statistic]),
    one.answered.length,
    options,
  );
  return pairs.map(({ figure, twin }, at) => {
    const [value, second] = [figure.statistic(), twin.statistic()];
    const interval = intervals[at] ?? null;
    return {
      ...{ name: figure.name, title: figure.title, value, other: second },
      difference: value === null || second === null ? null : second - value,
      low: interval?.low ?? null,
      high: interval?.high ?? null,
      better: figure.better,
    };
  });
}

/** The cases of a measure, worst first. */
export function casesByQuality({
  answered,
  judgement,
}: JudgedMeasure): JudgedCase[] {
  return judgement.cases
    .flatMap((one, at): JudgedCase[] =>
      one === null ? [] : [{ ...one, answered: answered[at]! }],
    )
    .toSorted((a, b) => a.quality - b.quality);
}
