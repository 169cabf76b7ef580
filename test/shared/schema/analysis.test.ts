import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  FlorenceError,
  isFlorenceError,
  ERROR_CODES,
} from "../../../src/shared/errors.ts";
import { parseAnalyzeRequest } from "../../../src/shared/schema/analysis.ts";
import {
  jsonSchemaOf,
  requestJsonSchema,
} from "../../../src/shared/schema/json-schema.ts";
import { nearestWord } from "../../../src/shared/schema/nearest.ts";
import { PROBLEMS, toProblem } from "../../../src/shared/schema/problem.ts";
import { TASKS } from "../../../src/shared/tasks/index.ts";

const refuses = (input: unknown, message: RegExp, pointers: string[]) => {
  assert.throws(
    () => parseAnalyzeRequest(input),
    (error) => {
      assert.ok(isFlorenceError(error) && error instanceof Error);
      assert.equal(error.code, "invalid_request");
      assert.match(error.message, message);
      const found = error.errors.map(({ pointer }) => pointer);
      assert.deepEqual(found, pointers);
      return true;
    },
  );
};

const tasks = [{ task: "caption" }];

describe("parseAnalyzeRequest", () => {
  test("fills in ids and options", () => {
    const request = parseAnalyzeRequest({
      tasks: [{ task: "caption" }, { task: "detect", id: "cars" }],
      options: { min_score: 0.5 },
    });
    assert.deepEqual(
      request.tasks.map(({ id }) => id),
      ["t0", "cars"],
    );
    assert.deepEqual(request.metadata, {});
    assert.deepEqual(request.options, {
      engine: "auto",
      allow_fallback: true,
      coordinates: "pixel",
      min_score: 0.5,
      tiling: { mode: "off", max_tiles: 9, overlap: 0.15 },
      render: { format: "none", crops: "none" },
      cache: "use",
      store: false,
      include_raw: false,
      input_size: "auto",
    });
  });

  test("gives metadata back unread", () => {
    const metadata = { order: "A-17", deep: [{ x: null }] };
    assert.deepEqual(
      parseAnalyzeRequest({ tasks, metadata }).metadata,
      metadata,
    );
  });

  test("holds a request to 1 to 16 tasks", () => {
    refuses({}, /tasks: required/u, ["/tasks"]);
    refuses({ tasks: [] }, /1 to 16 tasks/u, ["/tasks"]);
    refuses({ tasks: Array(17).fill(tasks[0]) }, /1 to 16/u, ["/tasks"]);
    assert.equal(
      parseAnalyzeRequest({ tasks: Array(16).fill(tasks[0]) }).tasks.length,
      16,
    );
  });

  test("names unknown fields and the ones that were meant", () => {
    refuses({ tasks, optoins: {} }, /perhaps options/u, ["/optoins"]);
    refuses({ tasks, options: { beam: 3 } }, /perhaps beams/u, [
      "/options/beam",
    ]);
    refuses({ tasks, options: { tiling: { size: 1 } } }, /unknown field/u, [
      "/options/tiling/size",
    ]);
  });

  test("names every option out of its range", () => {
    const options = { min_score: 2, max_tokens: 0, engine: "cloud" };
    refuses({ tasks, options }, /and 2 more/u, [
      "/options/engine",
      "/options/max_tokens",
      "/options/min_score",
    ]);
  });

  test("refuses ids that two results would share", () => {
    const equal = [{ task: "caption", id: "t1" }, { task: "detect" }];
    refuses({ tasks: equal }, /task 0 has the id "t1"/u, ["/tasks/1/id"]);
  });

  test("refuses metadata that is no object, or too much", () => {
    refuses({ tasks, metadata: [] }, /metadata/u, ["/metadata"]);
    refuses({ tasks, options: [] }, /options/u, ["/options"]);
    const metadata = { text: "x".repeat(9000) };
    refuses({ tasks, metadata }, /at most 8192/u, ["/metadata"]);
  });

  test("refuses what is no object", () => {
    for (const input of [null, [], "caption", 5, undefined])
      assert.throws(() => parseAnalyzeRequest(input), isFlorenceError);
  });
});

describe("Problems", () => {
  test("have a title and a status for every code", () => {
    assert.deepEqual(Object.keys(PROBLEMS).sort(), [...ERROR_CODES].sort());
  });

  test("carry the message, the fields and where it happened", () => {
    const errors = [{ pointer: "/tasks/2/labels", detail: "required" }];
    const error = new FlorenceError("missing_task_input", "No labels.", {
      errors,
    });
    assert.deepEqual(
      toProblem(error, { instance: "/v1/analyze", requestId: "req_1" }),
      {
        type: "https://docs.example/problems/missing-task-input",
        title: "Task input missing",
        status: 422,
        detail: "No labels.",
        code: "missing_task_input",
        retryable: false,
        instance: "/v1/analyze",
        request_id: "req_1",
        errors,
      },
    );
  });

  test("say what is worth another try", () => {
    const error = new FlorenceError("warming_up", "Not yet.");
    assert.equal(toProblem(error).retryable, true);
    assert.ok(!("instance" in toProblem(error)));
  });
});

describe("JSON Schema", () => {
  test("can be had of every request and result", () => {
    for (const task of TASKS) {
      assert.equal(jsonSchemaOf(task.request)["type"], "object");
      assert.equal(jsonSchemaOf(task.result)["type"], "object");
    }
  });

  test("tells limits and refuses unknown fields", () => {
    const schema = jsonSchemaOf(
      TASKS.find(({ name }) => name === "detect_open")!.request,
    );
    assert.equal(schema["additionalProperties"], false);
    assert.deepEqual(schema["required"], ["task", "labels"]);
  });

  test("of a request spells out every task", () => {
    const text = JSON.stringify(requestJsonSchema());
    for (const { name } of TASKS) assert.ok(text.includes(`"${name}"`));
  });
});

describe("nearestWord", () => {
  test("finds a misspelt word and nothing for a strange one", () => {
    const words = ["caption", "detect", "ocr"];
    assert.equal(nearestWord("Captions", words), "caption");
    assert.equal(nearestWord("0cr", words), "ocr");
    assert.equal(nearestWord("segment", words), null);
    assert.equal(nearestWord("x".repeat(100_000), words), null);
  });
});
