import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import * as v from "valibot";
import {
  analyze,
  type AnalyzeInput,
  type Platform,
} from "../../../src/shared/analyze/analyze.ts";
import { FlorenceError } from "../../../src/shared/errors.ts";
import type { LoadedModel } from "../../../src/shared/model/open-model.ts";
import {
  EnvelopeSchema,
  parseAnalyzeRequest,
} from "../../../src/shared/schema/analysis.ts";
import { TASKS } from "../../../src/shared/tasks/index.ts";
import { loadTokenizer } from "../../../src/shared/tokenizer/tokenizer.ts";
import { createFakeModel, type Script } from "../../fakes/fake-model.ts";

const GOLDEN = new URL("../../golden/tokenizer/", import.meta.url);
const read = (name: string): string =>
  gunzipSync(readFileSync(new URL(name, GOLDEN))).toString();
const tokenizer = await loadTokenizer({
  "vocab.json": read("vocab.json.gz"),
  "merges.txt": read("merges.txt.gz"),
});

const PLATFORM: Platform = {
  now: () => 0,
  id: (prefix) => `${prefix}_1`,
  sha256: () => Promise.resolve("0".repeat(64)),
};

const STREET: Script = (prompt) => {
  if (prompt.startsWith("Locate the objects")) {
    return "car<loc_100><loc_200><loc_500><loc_600>";
  }
  if (prompt.startsWith("Locate "))
    return "car<loc_100><loc_200><loc_500><loc_600>";
  if (prompt.startsWith("What is the region")) return "van";
  return "a street with a car";
};

/** Counts what the model is asked. */
function watched(script: Script = STREET): {
  readonly loaded: LoadedModel;
  readonly calls: { encode: number; start: number[] };
} {
  const calls = { encode: 0, start: new Array<number>() };
  const fake = createFakeModel(tokenizer, script, {
    onEncode: () => {
      calls.encode += 1;
      return Promise.resolve();
    },
  });
  const model = {
    ...fake.model,
    start: (...args: Parameters<typeof fake.model.start>) => {
      calls.start.push(args[0].length);
      return fake.model.start(...args);
    },
  };
  return { loaded: { ...fake, model }, calls };
}

/** The model, with `onStep` called before each step; may throw. */
function stepCounted(loaded: LoadedModel, onStep: () => void): LoadedModel {
  const model: LoadedModel["model"] = {
    ...loaded.model,
    start: async (...args) => {
      const state = await loaded.model.start(...args);
      return {
        ...state,
        step: async (...rows) => {
          onStep();
          return await state.step(...rows);
        },
      };
    },
  };
  return { ...loaded, model };
}

function inputOf(
  request: object,
  more: Partial<AnalyzeInput> = {},
): AnalyzeInput {
  return {
    ...parseAnalyzeRequest(request),
    image: {
      image: { width: 100, height: 50, data: new Uint8Array(100 * 50 * 3) },
      mediaType: "image/png",
      size: { width: 100, height: 50 },
      orientationApplied: false,
      scaled: false,
    },
    bytes: new Uint8Array(1),
    ...more,
  };
}

const BOX = { x_min: 10, y_min: 10, x_max: 50, y_max: 30 };

test("answers several tasks over one vision pass and one batch of prompts", async () => {
  const { loaded, calls } = watched();
  const tasks = [
    { task: "caption" },
    { task: "detect" },
    { task: "classify_regions", regions: [{ box: BOX }, { box: BOX }] },
  ];
  const envelope = await analyze(loaded, inputOf({ tasks }), PLATFORM);
  assert.equal(calls.encode, 1);
  assert.deepEqual(calls.start, [4]);
  assert.equal(envelope.usage.vision_passes, 1);
  assert.equal(envelope.status, "completed");
  assert.deepEqual(
    envelope.results.map((result) => [result.id, result.task, result.status]),
    [
      ["t0", "caption", "ok"],
      ["t1", "detect", "ok"],
      ["t2", "classify_regions", "ok"],
    ],
  );
  assert.deepEqual(v.parse(EnvelopeSchema, envelope), envelope);
});

test("answers every task of the table with a score for every item", async () => {
  for (const { example } of TASKS) {
    const { loaded } = watched();
    const input = inputOf(
      { tasks: [structuredClone(example)] },
      {
        image: {
          ...inputOf({ tasks: [{ task: "caption" }] }).image!,
          size: { width: 640, height: 480 },
        },
      },
    );
    const envelope = await analyze(loaded, input, PLATFORM);
    assert.equal(envelope.results.length, 1);
    assert.notEqual(envelope.results[0]!.status, "error");
    assert.deepEqual(v.parse(EnvelopeSchema, envelope), envelope);
  }
});

test("gives boxes in the unit that was asked for", async () => {
  const { loaded } = watched();
  const tasks = [{ task: "detect" }];
  const pixel = await analyze(loaded, inputOf({ tasks }), PLATFORM);
  const options = { coordinates: "normalized" };
  const normalized = await analyze(
    loaded,
    inputOf({ tasks, options }),
    PLATFORM,
  );
  const boxOf = (envelope: typeof pixel): object => {
    const [result] = envelope.results;
    assert.ok(result?.task === "detect" && "objects" in result);
    return result.objects[0]!.box;
  };
  assert.deepEqual(boxOf(pixel), {
    ...{ x_min: 10.05, y_min: 10.025, x_max: 50.05, y_max: 30.025 },
  });
  assert.deepEqual(boxOf(normalized), {
    ...{ x_min: 0.1005, y_min: 0.2005, x_max: 0.5005, y_max: 0.6005 },
  });
});

test("rates closed labels and takes the likeliest", async () => {
  const { loaded } = watched();
  const tasks = [
    {
      task: "classify_regions",
      regions: [{ box: BOX }],
      labels: ["car", "van", "bus"],
    },
  ];
  const envelope = await analyze(loaded, inputOf({ tasks }), PLATFORM);
  const [result] = envelope.results;
  assert.ok(result?.task === "classify_regions" && "regions" in result);
  const [region] = result.regions;
  assert.equal(region!.label, "van");
  const scores = Object.values(region!.scores ?? {});
  assert.equal(scores.length, 3);
  assert.ok(Math.abs(scores.reduce((a, b) => a + b, 0) - 1) < 1e-6);
});

test("rates open labels that were not found", async () => {
  const { loaded } = watched();
  const tasks = [{ task: "detect_open", labels: ["car", "bicycle"] }];
  const envelope = await analyze(loaded, inputOf({ tasks }), PLATFORM);
  const [result] = envelope.results;
  assert.ok(result?.task === "detect_open" && "labels" in result);
  const [car, bicycle] = result.labels;
  assert.equal(car!.found, true);
  assert.equal(bicycle!.found, false);
  assert.ok(bicycle!.score! < car!.score!);
});

test("makes a problem of one failed task and answers the others", async () => {
  const { loaded, calls } = watched();
  const manifest = { ...loaded.manifest, tasks: ["caption"] };
  const tasks = [{ task: "detect" }, { task: "caption" }];
  const envelope = await analyze(
    { ...loaded, manifest },
    inputOf({ tasks }),
    PLATFORM,
  );
  assert.equal(envelope.status, "partial");
  assert.deepEqual(calls.start, [1]);
  const [failed, done] = envelope.results;
  assert.ok(failed?.status === "error");
  assert.equal(failed.problem.code, "unsupported_task");
  assert.equal(done?.status, "ok");
});

test("throws the first error if every task failed, and sees no image then", async () => {
  const { loaded, calls } = watched();
  const manifest = { ...loaded.manifest, tasks: ["ocr"] };
  const running = analyze(
    { ...loaded, manifest },
    inputOf({ tasks: [{ task: "detect" }, { task: "caption" }] }),
    PLATFORM,
  );
  await assert.rejects(running, {
    code: "unsupported_task",
    message: /detect/u,
  });
  assert.equal(calls.encode, 0);
});

test("keeps what was finished when the time is up, and stops at once", async () => {
  const controller = new AbortController();
  const { loaded } = watched((prompt) =>
    prompt.startsWith("Locate") ? "car ".repeat(40) : "short",
  );
  let steps = 0;
  const counted = stepCounted(loaded, () => {
    steps += 1;
  });
  let stepsAtAbort = 0;
  const tasks = [{ task: "caption" }, { task: "detect" }];
  const envelope = await analyze(
    counted,
    inputOf({ tasks }, { signal: controller.signal }),
    PLATFORM,
    {
      result: () => {
        if (controller.signal.aborted) return;
        stepsAtAbort = steps;
        controller.abort();
      },
    },
  );
  assert.equal(envelope.status, "partial");
  assert.equal(envelope.results[0]!.status, "ok");
  const cut = envelope.results[1]!;
  assert.ok(cut.status === "error");
  assert.equal(cut.problem.code, "deadline_exceeded");
  assert.equal(steps, stepsAtAbort);
});

test("is deadline_exceeded if nothing was finished in time", async () => {
  const controller = new AbortController();
  const { loaded } = watched();
  const input = inputOf(
    { tasks: [{ task: "caption" }, { task: "detect" }] },
    { signal: controller.signal },
  );
  const running = analyze(loaded, input, PLATFORM, {
    vision: () => {
      controller.abort();
    },
  });
  await assert.rejects(running, { code: "deadline_exceeded" });
});

test("throws what says that the backend is gone, whatever was finished", async () => {
  const { loaded } = watched((prompt) =>
    prompt.startsWith("Locate") ? "car ".repeat(40) : "short",
  );
  let isFirstDone = false;
  const dying = stepCounted(loaded, () => {
    if (!isFirstDone) return;
    throw new FlorenceError("engine_unavailable", "Out of memory.");
  });
  const input = inputOf({ tasks: [{ task: "caption" }, { task: "detect" }] });
  const running = analyze(dying, input, PLATFORM, {
    result: () => {
      isFirstDone = true;
    },
  });
  await assert.rejects(running, { code: "engine_unavailable" });
});

test("answers the other batches where one fails", async () => {
  const { loaded } = watched();
  let batches = 0;
  const model = {
    ...loaded.model,
    capabilities: { ...loaded.model.capabilities, maxRows: 1 },
    start: (...args: Parameters<typeof loaded.model.start>) => {
      batches += 1;
      return batches === 2
        ? Promise.reject(new FlorenceError("engine_bad_output", "Nonsense."))
        : loaded.model.start(...args);
    },
  };
  const tasks = [{ task: "caption" }, { task: "detect" }, { task: "caption" }];
  const envelope = await analyze(
    { ...loaded, model },
    inputOf({ tasks }),
    PLATFORM,
  );
  assert.deepEqual(
    envelope.results.map(({ status }) => status),
    ["ok", "error", "ok"],
  );
  assert.equal(envelope.status, "partial");
});

test("refuses only the task whose prompt is too long", async () => {
  const { loaded } = watched();
  const manifest = {
    ...loaded.manifest,
    text: { ...loaded.manifest.text, positions: 40 },
  };
  const phrase = "a very long phrase ".repeat(20).trim();
  const tasks = [{ task: "ground", phrase }, { task: "caption" }];
  const envelope = await analyze(
    { ...loaded, manifest },
    inputOf({ tasks }),
    PLATFORM,
  );
  const [long, short] = envelope.results;
  assert.ok(long?.status === "error");
  assert.equal(long.problem.code, "invalid_request");
  assert.match(long.problem.detail, /Shorten/u);
  assert.equal(short?.status, "ok");
});

test("shows the raw answer of a task only if asked for", async () => {
  const { loaded } = watched();
  const tasks = [{ task: "caption" }];
  const plain = await analyze(loaded, inputOf({ tasks }), PLATFORM);
  assert.ok(!("raw" in plain.results[0]!));
  const options = { include_raw: true };
  const raw = await analyze(loaded, inputOf({ tasks, options }), PLATFORM);
  const [result] = raw.results;
  assert.ok(result?.task === "caption" && "raw" in result);
  assert.deepEqual(
    result.raw.token_ids,
    tokenizer.encode("a street with a car"),
  );
  assert.equal(result.raw.log_probs.length, result.raw.token_ids.length);
});
