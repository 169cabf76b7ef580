// From judged measures to a map of scores for each task, and how much nearer to
// chances scores come by it.

import { chanceOf } from "../../shared/tasks/calibrate.ts";
import type { Calibration } from "../../shared/model/manifest.ts";
import {
  expectedCalibrationError,
  type ScoredOutcome,
} from "../metrics/calibration-error.ts";
import { fitIsotonic } from "../metrics/isotonic.ts";
import { randomNumbers } from "../summary/random.ts";
import type { JudgedMeasure } from "../summary/summarize.ts";

/** Fewer outcomes say too little of chances. */
export const LEAST_OUTCOMES = 100;

/** Parts of the photos, each judged by a fit on the others. */
const FOLDS = 5;

/** What fitting a task came to. */
export interface TaskCalibration {
  /** Spelling of the task. */
  readonly task: string;
  readonly outcomes: number;
  /** Expected calibration errors. */
  readonly before: number;
  /** On photos that were not fitted on; null if nothing was fitted. */
  readonly after: number | null;
  /** The map of all photos; null where there are too few outcomes. */
  readonly map: Calibration | null;
}

/**
 * Fits each task that has scores.
 *
 * The error after is of photos left out of the fit, a fifth at a time; the map
 * that is kept is fitted on all.
 *
 * @param data SHA-256 of the data set.
 * @param seed of the parting of photos.
 */
export function fitCalibration(
  judged: readonly JudgedMeasure[],
  data: string,
  seed: number,
): TaskCalibration[] {
  const byTask = new Map<string, ScoredOutcome[][]>(); // task -> photos
  for (const { measure, judgement } of judged) {
    if (measure.task === null) continue;
    const photos = byTask.get(measure.task) ?? [];
    photos.push(...judgement.outcomes.map((outcomes) => [...outcomes]));
    byTask.set(measure.task, photos);
  }
  return [...byTask].flatMap(([task, photos]): TaskCalibration[] => {
    const outcomes = photos.flat();
    const before = expectedCalibrationError(outcomes);
    if (before === null) return [];
    if (outcomes.length < LEAST_OUTCOMES) {
      return [{ task, outcomes: outcomes.length, before, after: null, map: null }]; // prettier-ignore
    }
    const map = { ...fitIsotonic(outcomes), outcomes: outcomes.length, data };
    const after = expectedCalibrationError(crossValidated(photos, seed));
    return [{ task, outcomes: outcomes.length, before, after, map: copy(map) }];
  });
}

/** All outcomes, each with the chance that a fit on other photos gives it. */
function crossValidated(
  photos: readonly (readonly ScoredOutcome[])[],
  seed: number,
): ScoredOutcome[] {
  const random = randomNumbers(seed);
  const folds = photos.map(() => Math.floor(random() * FOLDS));
  return Array.from({ length: FOLDS }, (_, fold) => {
    const others = photos.filter((__, at) => folds[at] !== fold).flat();
    if (others.length === 0) return [];
    const fit = fitIsotonic(others);
    return photos
      .filter((__, at) => folds[at] === fold)
      .flat()
      .map((one) => ({ ...one, score: chanceOf(fit, one.score) }));
  }).flat();
}

function copy({ scores, chances, ...rest }: {
  readonly scores: readonly number[];
  readonly chances: readonly number[];
  readonly outcomes: number;
  readonly data: string;
}): Calibration {
  return { scores: [...scores], chances: [...chances], ...rest };
} // prettier-ignore
