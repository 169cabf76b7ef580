import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { roundKeepingSums } from "../../../src/convert/edge/keep-sums.ts";
import {
  INT8_MOST,
  int8Offset,
  int8Scales,
  int8Value,
  packInt8,
  ZERO_POINT,
} from "../../../src/shared/model/edge/pack-int8.ts";
import { random } from "../../kernels/random.ts";

const OUTPUTS = 8;
const INPUTS = 144;
const ROWS = 60;

const source = random(1);
const weights = source.gauss(OUTPUTS * INPUTS);
const scales = int8Scales(weights, OUTPUTS, INPUTS);
const rounded = round(weights, scales);

function round(values: Float32Array, own: Float32Array): Float32Array {
  return roundKeepingSums(values, OUTPUTS, INPUTS, own, INT8_MOST);
}

test("the errors of a row add up to half a step at most", () => {
  for (let row = 0; row < OUTPUTS; row += 1) {
    const scale = scales[row]!;
    let sum = 0;
    for (let place = row * INPUTS; place < (row + 1) * INPUTS; place += 1) {
      const error = (rounded[place]! - weights[place]!) / scale;
      ok(Math.abs(error) < 1, `${error} of a step`);
      sum += error;
    }
    ok(Math.abs(sum) < 0.5 + 1e-3, `${sum} of a step`);
  }
});

test("gives values that packing keeps as they are", () => {
  const { bytes, k } = packInt8(rounded, OUTPUTS, INPUTS, scales);
  for (const [place, value] of rounded.entries()) {
    const row = Math.floor(place / INPUTS);
    const byte = bytes[int8Offset(row, place % INPUTS, k)]!;
    equal(Math.fround((byte - ZERO_POINT) * scales[row]!), value);
  }
});

test("of inputs that are never negative results stay nearer", () => {
  const nearest = weights.map((value, place) =>
    int8Value(value, scales[Math.floor(place / INPUTS)]!),
  );
  let kept = 0;
  let lost = 0;
  for (let at = 0; at < ROWS; at += 1) {
    const inputs = source.gauss(INPUTS).map((value) => Math.max(0, value));
    kept += loss(rounded, inputs);
    lost += loss(nearest, inputs);
  }
  ok(kept < 0.9 * lost, `${kept} instead of ${lost}`);
});

test("leaves what is whole, and rows of zeros", () => {
  const whole = Float32Array.from(
    { length: OUTPUTS * INPUTS },
    // 127 values, so that each row has 63 or -63 and a step is 1.
    (_, place) => (place % (2 * INT8_MOST + 1)) - INT8_MOST,
  );
  whole.fill(0, 0, INPUTS);
  const own = int8Scales(whole, OUTPUTS, INPUTS);
  equal(own[0], 0);
  equal(String(round(whole, own)), String(whole));
});

/** Sum of squares of what a layer's results lose. */
function loss(own: Float32Array, inputs: Float32Array): number {
  let sum = 0;
  for (let row = 0; row < OUTPUTS; row += 1) {
    let difference = 0;
    for (const [at, input] of inputs.entries()) {
      const place = row * INPUTS + at;
      difference += input * (own[place]! - weights[place]!);
    }
    sum += difference ** 2;
  }
  return sum;
}
