// Requests at their limits: 64 regions, 32 labels, 16 tasks, in batches that
// the backend takes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze } from "../../../src/shared/analyze/analyze.ts";
import type { TextDelta } from "../../../src/shared/analyze/events.ts";
import { FlorenceError } from "../../../src/shared/errors.ts";
import type { LoadedModel } from "../../../src/shared/model/open-model.ts";
import { parseAnalyzeRequest } from "../../../src/shared/schema/analysis.ts";
import { createFakeModel, type Script } from "../../fakes/fake-model.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";
import { FAKE_PLATFORM, inputOf } from "./inputs.ts";

/** Answers with the first location of its prompt. */
const ECHO: Script = (prompt) => {
  const bin = /<loc_(\d+)>/u.exec(prompt)?.[1];
  return bin === undefined ? "a street" : `thing ${bin}`;
};

const REGIONS = Array.from({ length: 64 }, (_, at) => ({
  id: `part ${at}`,
  box: { x_min: at, y_min: 0, x_max: at + 20, y_max: 40 },
}));

/** The model with a limit of rows; tells the size of each batch. */
function batched(
  maxRows: number,
  onBatch: (size: number) => void,
): LoadedModel {
  const loaded = createFakeModel(tokenizer, ECHO);
  const { model } = loaded;
  return {
    ...loaded,
    model: {
      ...model,
      capabilities: { ...model.capabilities, maxRows },
      start: (...args) => {
        onBatch(args[0].length);
        return model.start(...args);
      },
    },
  };
}

test("answers 64 regions each for itself, whatever a batch holds", async () => {
  for (const maxRows of [64, 10, 1]) {
    const sizes: number[] = [];
    const loaded = batched(maxRows, (size) => sizes.push(size));
    const tasks = [{ task: "describe_regions", regions: REGIONS }];
    const deltas: TextDelta[] = [];
    const envelope = await analyze(
      loaded,
      inputOf(parseAnalyzeRequest({ tasks })),
      FAKE_PLATFORM,
      { token: (delta) => deltas.push(delta) },
    );
    assert.ok(sizes.every((size) => size <= maxRows));
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      64,
    );
    const [result] = envelope.results;
    assert.ok(result?.task === "describe_regions" && "regions" in result);
    assert.deepEqual(
      result.regions.map(({ id, text }) => [id, text]),
      REGIONS.map(({ id }, at) => [id, `thing ${at * 10}`]),
    );
    const told = Object.groupBy(deltas, ({ region_id }) => region_id ?? "");
    for (const { id, text } of result.regions) {
      assert.equal(told[id]!.map(({ delta }) => delta).join(""), text);
    }
    assert.equal(envelope.usage.vision_passes, 1);
  }
});

test("rates 32 closed labels for each of 64 regions", async () => {
  const labels = Array.from({ length: 32 }, (_, at) => `thing ${at * 10}`);
  const loaded = batched(64, () => undefined);
  const regions = REGIONS.slice(0, 32);
  const tasks = [{ task: "classify_regions", regions, labels }];
  const input = inputOf(parseAnalyzeRequest({ tasks }));
  const { results } = await analyze(loaded, input, FAKE_PLATFORM);
  const [result] = results;
  assert.ok(result?.task === "classify_regions" && "regions" in result);
  assert.deepEqual(
    result.regions.map(({ label }) => label),
    labels,
  );
  assert.equal(Object.keys(result.regions[0]!.scores!).length, 32);
});

test("refuses one more of each, naming the field", () => {
  const caption = { task: "caption" };
  const [region] = REGIONS;
  const cases: readonly (readonly [string, readonly object[]])[] = [
    ["/tasks", Array.from({ length: 17 }, () => caption)],
    [
      "/tasks/0/regions",
      [
        {
          task: "describe_regions",
          regions: Array.from({ length: 65 }, () => region),
        },
      ],
    ],
    [
      "/tasks/0/labels",
      [
        {
          task: "detect_open",
          labels: Array.from({ length: 33 }, (_, at) => `label ${at}`),
        },
      ],
    ],
  ];
  for (const [pointer, tasks] of cases) {
    assert.throws(
      () => parseAnalyzeRequest({ tasks }),
      (error: FlorenceError) => {
        assert.equal(error.code, "invalid_request");
        assert.equal(error.errors[0]!.pointer, pointer);
        return true;
      },
    );
  }
});

test("answers sixteen tasks of which one has faulty regions and one batch fails", async () => {
  let batches = 0;
  const loaded = batched(16, () => {
    batches += 1;
    // The first five tasks fit the first batch with the regions' beginning.
    if (batches === 3)
      throw new FlorenceError("engine_bad_output", "Nonsense.");
  });
  const outside = [{ box: { x_min: 50, y_min: 0, x_max: 101, y_max: 9 } }];
  const tasks = [
    ...Array.from({ length: 5 }, () => ({ task: "caption" })),
    { task: "describe_regions", regions: REGIONS },
    { task: "ocr_regions", regions: outside },
    ...Array.from({ length: 9 }, () => ({ task: "caption" })),
  ];
  const input = inputOf(parseAnalyzeRequest({ tasks }));
  const envelope = await analyze(loaded, input, FAKE_PLATFORM);
  assert.equal(envelope.status, "partial");
  const outcomes = envelope.results.map((result) =>
    result.status === "error" ? result.problem.code : result.status,
  );
  assert.equal(outcomes.length, 16);
  assert.equal(outcomes[5], "engine_bad_output");
  assert.equal(outcomes[6], "region_out_of_bounds");
  assert.deepEqual(
    outcomes.toSpliced(5, 2),
    Array.from({ length: 14 }, () => "ok"),
  );
});
