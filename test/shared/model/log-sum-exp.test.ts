import assert from "node:assert/strict";
import { test } from "node:test";
import { logSumExp } from "../../../src/shared/model/log-sum-exp.ts";

test("agrees with Math.exp on rows of every spread", () => {
  let state = 7;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (const spread of [0, 1e-6, 0.5, 10, 59, 61, 300]) {
    for (let round = 0; round < 50; round += 1) {
      const values = Float32Array.from(
        { length: 200 },
        () => (random() - 0.5) * 2 * spread,
      );
      const top = Math.max(...values);
      const sum = values.reduce((all, x) => all + Math.exp(x - top), 0);
      assert.ok(Math.abs(logSumExp(values) - top - Math.log(sum)) < 1e-10);
    }
  }
});

test("tells when a value is not a number, and knows infinities", () => {
  assert.ok(Number.isNaN(logSumExp(Float32Array.of(1, NaN))));
  assert.equal(logSumExp(Float32Array.of(0, -Infinity)), 0);
  assert.ok(Number.isNaN(logSumExp(Float32Array.of(Infinity, 0))));
});
