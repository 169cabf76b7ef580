import { equal } from "node:assert/strict";
import { test } from "node:test";
import { fromHalf, toHalf } from "../../../../src/shared/model/edge/half.ts";

test("reads every f16 as the runtime does", () => {
  const bits = new Uint16Array(1);
  const half = new Float16Array(bits.buffer);
  for (let value = 0; value < 65_536; value += 1) {
    bits[0] = value;
    equal(fromHalf(value), half[0]);
  }
});

test("rounds to f16 as the runtime does", () => {
  const bits = new Uint16Array(1);
  const half = new Float16Array(bits.buffer);
  for (let step = 0; step < 200_000; step += 1) {
    const value = (step % 2 === 0 ? 1 : -1) * 2 ** ((step % 45) - 27);
    const exact = value * (1 + step / 200_000);
    half[0] = exact;
    equal(toHalf(exact), bits[0]);
  }
});
