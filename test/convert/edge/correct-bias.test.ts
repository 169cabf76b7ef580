import { deepEqual, ok } from "node:assert/strict";
import { test } from "node:test";
import { meanLoss } from "../../../src/convert/edge/correct-bias.ts";
import type { Gram } from "../../../src/convert/edge/round-weights.ts";

const ROWS = [
  [1, 0, 4],
  [3, 2, 2],
];
const WEIGHTS = Float32Array.of(0.4, 1.25, -0.5, 2, -0.25, 0.125);
const ROUNDED = Float32Array.of(0.5, 1, -0.5, 2, 0, 0);

function gramOf(rows: readonly (readonly number[])[]): Gram {
  const totals = new Float64Array(8); // inputs rounded up to whole panels
  for (const row of rows) {
    for (const [at, value] of row.entries()) totals[at]! += value;
  }
  return { size: 8, sums: new Float64Array(64), totals, rows: rows.length };
}

/** x W of each row, one output. */
function results(weights: Float32Array, output: number): number[] {
  return ROWS.map((row) =>
    row.reduce((sum, x, at) => sum + x * weights[output * 3 + at]!, 0),
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

test("what is lost in the mean, given back, leaves the mean as it was", () => {
  const lost = meanLoss(WEIGHTS, ROUNDED, 2, 3, gramOf(ROWS));
  for (const [output, loss] of lost.entries()) {
    const wanted = mean(results(WEIGHTS, output));
    const got = mean(results(ROUNDED, output));
    ok(Math.abs(wanted - got) > 0.01, "nothing was lost");
    ok(Math.abs(got + loss - wanted) < 1e-6, `${got} + ${loss}: ${wanted}`);
  }
});

test("nothing is given back where no row was seen", () => {
  const lost = meanLoss(WEIGHTS, ROUNDED, 2, 3, gramOf([]));
  deepEqual([...lost], [0, 0]);
});
