import { deepEqual, notDeepEqual, ok } from "node:assert/strict";
import { test } from "node:test";
import type { EdgePart } from "../../../src/convert/edge/edge-part.ts";
import { packEdgeModel } from "../../../src/convert/edge/pack-checkpoint.ts";
import type { Gram } from "../../../src/convert/edge/round-weights.ts";

const SIDE = 64; // outputs and inputs: large enough to be rounded
const LAYER = "model.vision_tower.tower.one";
const WEIGHTS = Float32Array.from(
  { length: SIDE * SIDE },
  (_, at) => Math.sin(at * 12.9898) * 0.1,
);
const BIAS = new Float32Array(SIDE).fill(1);
const PARTS: readonly EdgePart[] = [
  {
    ...{ kind: "matrix", name: `${LAYER}.weight`, outputs: SIDE, inputs: SIDE },
    read: () => Promise.resolve(WEIGHTS.slice()),
  },
  {
    ...{ kind: "vector", name: `${LAYER}.bias` },
    read: () => Promise.resolve(BIAS.slice()),
  },
];

/** Of inputs that are all 1 in the mean, some of which go together. */
function gramOf(rows: number): Gram {
  const totals = new Float64Array(SIDE).fill(rows);
  const sums = Float64Array.from({ length: SIDE * SIDE }, (_, at) => {
    const [a, b] = [Math.floor(at / SIDE), at % SIDE];
    return rows * (a === b ? 3 : 1 + (a % 4 === b % 4 ? 1 : 0));
  });
  return { size: SIDE, sums, totals, rows };
}

/** Packed bytes of the weights, and the bias. */
async function pack(gram?: Gram) {
  const grams = new Map(gram && [[`${LAYER}.weight`, gram]]);
  const packed: Uint8Array[] = [];
  for await (const { pieces } of packEdgeModel({
    description: {} as never,
    ...{ parts: PARTS, choices: { rest: "int8" }, grams },
  })) {
    packed.push(pieces[0]!);
  }
  const [weights, bias] = packed as [Uint8Array, Uint8Array];
  return { weights, bias: new Float32Array(bias.buffer, 0, SIDE) };
}

test("a bias gives back what its weights lose, where inputs were seen", async () => {
  deepEqual((await pack()).bias, BIAS);
  const { bias } = await pack(gramOf(1000));
  ok(bias.some((value) => Math.abs(value - 1) > 1e-5));
  ok(bias.every((value) => Math.abs(value - 1) < 0.1));
});

test("fewer rows than inputs round no weight, but correct the bias", async () => {
  const blind = await pack();
  const few = await pack(gramOf(SIDE - 1));
  deepEqual(few.weights, blind.weights);
  notDeepEqual(few.bias, blind.bias);
  const enough = await pack(gramOf(SIDE));
  notDeepEqual(enough.weights, blind.weights);
});
