// How far a figure may be off: photos drawn again and again with replacement
// (Efron 1979), intervals by percentiles.

import { randomNumbers } from "./random.ts";

/** Share of resamplings an interval holds. */
const COVERED = 0.95;

export interface BootstrapOptions {
  readonly resamples: number;
  readonly seed: number;
}

/** A figure of some photos, each counting as often as its weight says. */
export type Statistic = (weights?: readonly number[]) => number | null;

/** Ends of an interval; null where hardly any resampling had a value. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * 95 % intervals of statistics over the same photos.
 *
 * @param photos how many there are; the unit that is drawn.
 * @returns one for each statistic, in order.
 */
export function bootstrap(
  statistics: readonly Statistic[],
  photos: number,
  { resamples, seed }: BootstrapOptions,
): (Interval | null)[] {
  const values = statistics.map((): number[] => []);
  const random = randomNumbers(seed);
  for (let round = 0; round < resamples && photos > 0; round += 1) {
    const weights = new Array<number>(photos).fill(0);
    for (let draw = 0; draw < photos; draw += 1) {
      const photo = Math.floor(random() * photos);
      weights[photo] = weights[photo]! + 1;
    }
    for (const [at, statistic] of statistics.entries()) {
      const value = statistic(weights);
      if (value !== null) values[at]!.push(value);
    }
  }
  return values.map((drawn) => intervalOf(drawn, resamples));
}

/**
 * 95 % intervals of differences, each photo drawn for both sides at once.
 *
 * @param pairs of the same figure, over the same photos in the same order.
 */
export function pairedBootstrap(
  pairs: readonly (readonly [Statistic, Statistic])[],
  photos: number,
  options: BootstrapOptions,
): (Interval | null)[] {
  const differences = pairs.map(([one, other]): Statistic => (weights) => {
    const [a, b] = [one(weights), other(weights)];
    return a === null || b === null ? null : b - a;
  });
  return bootstrap(differences, photos, options);
}

function intervalOf(values: number[], resamples: number): Interval | null {
  // A figure that most resamplings lack has no interval worth telling.
  if (values.length === 0 || values.length < resamples / 2) return null;
  values.sort((a, b) => a - b);
  const outside = (1 - COVERED) / 2;
  return { low: quantile(values, outside), high: quantile(values, 1 - outside) };
} // prettier-ignore

/**
 * A quantile of sorted numbers, between neighbors as NumPy has it.
 *
 * @param values at least one, ascending.
 */
export function quantile(values: readonly number[], share: number): number {
  const place = share * (values.length - 1);
  const [below, above] = [Math.floor(place), Math.ceil(place)];
  const part = place - below;
  return values[below]! * (1 - part) + values[above]! * part;
}
