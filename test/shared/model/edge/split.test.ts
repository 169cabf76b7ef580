import { deepEqual, match, ok, throws } from "node:assert/strict";
import { test } from "node:test";
import { isFlorenceError } from "../../../../src/shared/errors.ts";
import { readEdgePlan } from "../../../../src/shared/model/edge/edge-model.ts";
import { openKernels } from "../../../../src/shared/model/edge/kernels.ts";
import { segmentsOf } from "../../../../src/shared/model/edge/segments.ts";
import {
  fits,
  planSplit,
  type Split,
} from "../../../../src/shared/model/edge/split.ts";
import { readModules } from "../../../kernels/arena.ts";
import { streamedBundle } from "./open-split.ts";

const MEGABYTE = 1_000_000;
const bundle = await streamedBundle("tiny-native", "int8");
const plan = await readEdgePlan(bundle);
const { run } = await openKernels(
  await readModules(),
  new WebAssembly.Memory({ initial: 1 }),
);

function splitWithin(megabytes: number): Split {
  return planSplit(run, plan, {
    budgetBytes: megabytes * MEGABYTE,
    inputSizes: [384],
    prompts: 1,
    tokens: 30,
    costs: { service: 0, part: 0, image: 0 },
    rates: { manyRows: 1e6, oneRow: 1e5, whole: 1.5 },
  });
}

test("keeps every isolate within the budget, and every segment in one", () => {
  for (const megabytes of [200, 10, 8]) {
    const { resident } = splitWithin(megabytes);
    for (const isolate of resident) {
      ok(fits(isolate, megabytes * MEGABYTE), isolate.name);
    }
    deepEqual(
      resident.flatMap(({ segments }) => segments),
      segmentsOf(plan).map(({ name }) => name),
    );
  }
});

test("takes more isolates where there is less room", () => {
  const names = (megabytes: number): string[] =>
    splitWithin(megabytes).resident.map(({ name }) => name);
  deepEqual(names(200), ["image", "vision-1", "text"]);
  ok(names(8).length >= names(200).length);
});

test("names the part that fits nowhere, and what it needs", () => {
  throws(
    () => splitWithin(3),
    (error) => {
      ok(isFlorenceError(error));
      match(
        error.message,
        /needs \d+\.\d MB in an isolate of its own \(.*\); the budget is 3\.0 MB/u,
      );
      return true;
    },
  );
});

test("tells the time of each part", () => {
  const { times, resident } = splitWithin(200);
  const total = resident.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  const parts = times.vision + times.encoder + times.decoder;
  ok(Math.abs(total - parts) < 1e-6 * parts);
  ok(times.vision > times.encoder);
});
