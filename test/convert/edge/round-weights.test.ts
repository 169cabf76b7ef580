import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import {
  type Gram,
  roundWeights,
} from "../../../src/convert/edge/round-weights.ts";
import {
  int4Scales,
  int4Value,
  packInt4,
  unpackWeight,
} from "../../../src/shared/model/edge/pack-int4.ts";
import {
  int8Scales,
  int8Value,
  packInt8,
} from "../../../src/shared/model/edge/pack-int8.ts";

const OUTPUTS = 6;
const INPUTS = 24;
const ROWS = 200;
/** Four-bit weights that share a scale. */
const GROUP = 8;

/** Numbers from -1 to 1 that repeat nowhere soon. */
function* noise(): Generator<number, never> {
  for (let at = 1; ; at += 1) yield ((at * 7919) % 10007) / 5003.5 - 1;
}

const numbers = noise();
const next = (): number => numbers.next().value;
const weights = Float32Array.from({ length: OUTPUTS * INPUTS }, next);
// Inputs that go together: each follows the first four.
const rows = Array.from({ length: ROWS }, () => {
  const common = [next(), next(), next(), next()];
  return Float32Array.from(
    { length: INPUTS },
    (_, at) => common[at % 4]! + 0.2 * next(),
  );
});
const gram: Gram = {
  size: INPUTS,
  sums: new Float64Array(INPUTS ** 2),
  totals: new Float64Array(INPUTS),
  rows: ROWS,
};
for (const row of rows) {
  for (let a = 0; a < INPUTS; a += 1) {
    for (let b = 0; b < INPUTS; b += 1) {
      gram.sums[a * INPUTS + b]! += row[a]! * row[b]!;
    }
  }
}
const scales = int8Scales(weights, OUTPUTS, INPUTS);
const rounding = (row: number, _: number, value: number): number =>
  int8Value(value, scales[row]!);

/** Mean square of what a layer's results lose. */
function loss(rounded: Float32Array): number {
  let sum = 0;
  for (const row of rows) {
    for (let out = 0; out < OUTPUTS; out += 1) {
      let difference = 0;
      for (let at = 0; at < INPUTS; at += 1) {
        const place = out * INPUTS + at;
        difference += row[at]! * (rounded[place]! - weights[place]!);
      }
      sum += difference ** 2;
    }
  }
  return sum / (ROWS * OUTPUTS);
}

test("keeps a layer's results nearer than rounding to the nearest", () => {
  const rounded = roundWeights(weights, OUTPUTS, INPUTS, gram, rounding);
  const nearest = weights.map((value, at) =>
    rounding(Math.floor(at / INPUTS), at % INPUTS, value),
  );
  ok(loss(rounded) < 0.5 * loss(nearest), `${loss(rounded)} of ${loss(nearest)}`); // prettier-ignore
});

test("gives values that packing keeps as they are", () => {
  const rounded = roundWeights(weights, OUTPUTS, INPUTS, gram, rounding);
  const packed = packInt8(rounded, OUTPUTS, INPUTS, scales);
  for (const [place, value] of rounded.entries()) {
    const row = Math.floor(place / INPUTS);
    const at = place % INPUTS;
    const offset = (at >> 2) * 32 + row * 4 + (at & 3); // one panel of 8
    const byte = packed.bytes[offset]!;
    equal(Math.fround((byte - 64) * scales[row]!), value);
  }
});

test("does the same for weights of four bits in groups", () => {
  const own = int4Scales(weights, OUTPUTS, INPUTS, GROUP);
  const inGroups = (row: number, column: number, value: number): number => {
    const group = row * (INPUTS / GROUP) + Math.floor(column / GROUP);
    return int4Value(value, own[group]!);
  };
  const rounded = roundWeights(weights, OUTPUTS, INPUTS, gram, inGroups);
  const nearest = weights.map((value, at) =>
    inGroups(Math.floor(at / INPUTS), at % INPUTS, value),
  );
  ok(loss(rounded) < 0.5 * loss(nearest), `${loss(rounded)} of ${loss(nearest)}`); // prettier-ignore
  const packed = packInt4(rounded, OUTPUTS, INPUTS, GROUP, own);
  for (const [place, value] of rounded.entries()) {
    const row = Math.floor(place / INPUTS);
    const { nibble, scale } = unpackWeight(packed, row, place % INPUTS);
    equal(Math.fround(nibble * scale), value);
  }
});

test("rounds to the nearest where nothing was seen", () => {
  const blind = {
    ...{ size: INPUTS, sums: new Float64Array(INPUTS ** 2) },
    ...{ totals: new Float64Array(INPUTS), rows: 0 },
  };
  const rounded = roundWeights(weights, OUTPUTS, INPUTS, blind, rounding);
  for (const [place, value] of weights.entries()) {
    const wanted = rounding(Math.floor(place / INPUTS), 0, value);
    equal(rounded[place], Math.fround(wanted));
  }
});
