import assert from "node:assert/strict";
import { test } from "node:test";
import {
  expectedCalibrationError,
  reliability,
} from "../../../src/evaluate/metrics/calibration-error.ts";
import {
  bootstrap,
  pairedBootstrap,
  quantile,
  type Statistic,
} from "../../../src/evaluate/summary/bootstrap.ts";
import { randomNumbers } from "../../../src/evaluate/summary/random.ts";

const OPTIONS = { resamples: 2000, seed: 3 };

const meanOf =
  (values: readonly number[]): Statistic =>
  (weights) => {
    let [sum, total] = [0, 0];
    for (const [at, value] of values.entries()) {
      sum += (weights?.[at] ?? 1) * value;
      total += weights?.[at] ?? 1;
    }
    return sum / total;
  };

test("the interval of a mean is that of the normal distribution", () => {
  const random = randomNumbers(9);
  const values = Array.from({ length: 400 }, () => random());
  const mean = meanOf(values)() ?? NaN;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length; // prettier-ignore
  const half = 1.96 * Math.sqrt(variance / values.length);
  const [interval] = bootstrap([meanOf(values)], values.length, OPTIONS);
  // 2,000 resamplings place an end of the interval to a tenth of its half width.
  assert.ok(Math.abs((interval?.low ?? NaN) - (mean - half)) < half / 10);
  assert.ok(Math.abs((interval?.high ?? NaN) - (mean + half)) < half / 10);
});

test("the same seed gives the same interval, another another", () => {
  const values = [0, 1, 1, 0, 1, 0, 0, 1];
  const run = (seed: number) => bootstrap([meanOf(values)], 8, { resamples: 101, seed }); // prettier-ignore
  assert.deepEqual(run(1), run(1));
  assert.notDeepEqual(
    bootstrap([meanOf([0.1, 0.25, 0.7])], 3, { resamples: 21, seed: 1 }),
    bootstrap([meanOf([0.1, 0.25, 0.7])], 3, { resamples: 21, seed: 2 }),
  );
});

test("a pair is drawn together: a steady difference has no width", () => {
  const one = [0.1, 0.9, 0.4, 0.7];
  const other = one.map((value) => value + 0.05);
  const [interval] = pairedBootstrap([[meanOf(one), meanOf(other)]], 4, OPTIONS); // prettier-ignore
  assert.ok(Math.abs((interval?.low ?? NaN) - 0.05) < 1e-12);
  assert.ok(Math.abs((interval?.high ?? NaN) - 0.05) < 1e-12);
});

test("no photos, and figures that are mostly missing, have no interval", () => {
  assert.deepEqual(bootstrap([() => null], 5, OPTIONS), [null]);
  assert.deepEqual(bootstrap([() => 1], 0, OPTIONS), [null]);
});

test("quantiles lie between neighbors", () => {
  assert.equal(quantile([1, 2, 3, 4], 0.5), 2.5);
  assert.equal(quantile([1, 2, 3, 4], 0), 1);
  assert.equal(quantile([1, 2, 3, 4], 1), 4);
});

test("the calibration error weighs the gap of each bin by what is in it", () => {
  const outcomes = [
    { score: 0.95, isRight: true },
    { score: 0.95, isRight: false },
    { score: 0.15, isRight: false },
    { score: 1, isRight: true },
  ];
  // Bin 9: three answers, mean 29/30, two thirds right; bin 1: 0.15 and none.
  const wanted = (3 / 4) * (29 / 30 - 2 / 3) + (1 / 4) * 0.15;
  assert.ok(Math.abs((expectedCalibrationError(outcomes, 10) ?? NaN) - wanted) < 1e-12); // prettier-ignore
  assert.deepEqual(reliability(outcomes, 10).map(({ n }) => n), [0, 1, 0, 0, 0, 0, 0, 0, 0, 3]); // prettier-ignore
  assert.equal(expectedCalibrationError([]), null);
});
