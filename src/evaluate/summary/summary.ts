// What a run comes to, as `summary.json` has it.

import type { TaskCalibration } from "../calibrate/fit-calibration.ts";
import type { AskedBundle } from "../run/ask-bundle.ts";
import { isAnswered } from "../run/predictions.ts";
import type { BootstrapOptions } from "./bootstrap.ts";
import { latencyOf, type Latency } from "./latency.ts";
import type { FigureComparison, JudgedMeasure, MeasureSummary } from "./summarize.ts"; // prettier-ignore

/** One bundle and what it got. */
export interface BundleSummary {
  readonly id: string;
  readonly revision: string;
  readonly precision: string;
  /** Of its `manifest.json`. */
  readonly sha256: string;
  readonly photos: number;
  readonly skipped: readonly {
    readonly image: string;
    readonly code: string;
    readonly detail: string;
  }[];
  readonly measures: readonly MeasureSummary[];
  /** What the data could judge and this bundle does not answer. */
  readonly not_measured: readonly {
    readonly measure: string;
    readonly reason: string;
  }[];
  readonly latency_ms: Latency | null;
}

export interface EvaluationSummary {
  readonly florence_evaluation: 1;
  readonly data: {
    readonly name: string;
    readonly formats: readonly string[];
    readonly sha256: string;
    /** Photos of the data set, and of those that were looked at. */
    readonly photos: number;
    readonly asked: number;
  };
  /** Options of the requests that differ from the defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly bootstrap: BootstrapOptions;
  readonly workers: number;
  readonly threads: number;
  readonly bundle: BundleSummary;
  /** With `--calibrate`: what was fitted, and put into the bundle. */
  readonly calibration?: readonly TaskCalibration[];
  /** With `--compare`: the other bundle, and both on the same photos. */
  readonly compared?: {
    readonly bundle: BundleSummary;
    readonly photos: number;
    readonly measures: readonly {
      readonly name: string;
      readonly title: string;
      readonly photos: number;
      readonly figures: readonly FigureComparison[];
    }[];
  };
}

/** The part of a summary that is one bundle's. */
export function summarizeBundle(
  asked: AskedBundle,
  judged: readonly JudgedMeasure[],
): BundleSummary {
  const { manifest, sha256, answers, refused } = asked;
  const predictions = answers.map(({ prediction }) => prediction);
  const answered = predictions.filter(isAnswered);
  return {
    id: manifest.id,
    revision: manifest.revision,
    precision: manifest.precision,
    sha256,
    photos: answered.length,
    skipped: predictions.flatMap((one) =>
      isAnswered(one) ? [] : [{ image: one.image, ...one.problem }],
    ),
    measures: judged.map(({ summary }) => summary),
    not_measured: refused.map(({ measure, reason }) => ({
      measure: measure.title,
      reason,
    })),
    latency_ms: latencyOf(answered),
  };
}
