import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isFlorenceError, type ErrorCode } from "../../../src/shared/errors.ts";
import {
  parseSpelling,
  parseTask,
  parseTaskList,
  TASKS,
} from "../../../src/shared/tasks/index.ts";

const refuses = (
  run: () => unknown,
  code: ErrorCode,
  message: RegExp,
  pointers: readonly string[] = [],
) => {
  assert.throws(run, (error) => {
    assert.ok(isFlorenceError(error) && error instanceof Error);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    for (const pointer of pointers)
      assert.ok(
        error.errors.some((one) => one.pointer === pointer),
        JSON.stringify(error.errors),
      );
    return true;
  });
};

const parse = (input: unknown) => parseTask(input, "/tasks/2");

describe("parseTask", () => {
  test("takes every task's own example", () => {
    for (const { example } of TASKS) assert.deepEqual(parse(example), example);
  });

  test("fills in the variant that is meant without one", () => {
    assert.deepEqual(parse({ task: "caption" }), {
      task: "caption",
      detail: "short",
    });
    assert.deepEqual(parse({ task: "ocr" }), { task: "ocr", layout: "text" });
  });

  test("trims phrases and labels", () => {
    assert.deepEqual(parse({ task: "ground", phrase: " a dog " }), {
      task: "ground",
      phrase: "a dog",
    });
  });

  test("lists the tasks for an unknown name, and the nearest first", () => {
    const at = ["/tasks/2/task"];
    refuses(
      () => parse({ task: "captoin" }),
      "unknown_task",
      /"captoin"\. Did you mean caption\? There is: caption, caption:detailed/u,
      at,
    );
    refuses(() => parse({ task: "xyzzy" }), "unknown_task", /There is: /u, at);
    refuses(
      () => parse({ task: "caption:full" }),
      "unknown_task",
      /written \{"task":"caption","detail":"full"\}/u,
      at,
    );
    refuses(
      () => parse({ task: "<OD>" }),
      "unknown_task",
      /written \{"task":"detect"\}/u,
      at,
    );
  });

  test("says of free questions that the weights were not trained for them", () => {
    refuses(() => parse({ task: "vqa" }), "unsupported_task", /not|unusable/u);
  });

  test("names a missing input, with an example", () => {
    refuses(
      () => parse({ task: "detect_open" }),
      "missing_task_input",
      /Task 2 \(detect_open\) needs labels, e\.g\. \{"task":"detect_open"/u,
      ["/tasks/2/labels"],
    );
    refuses(
      () => parse({ task: "ocr_regions" }),
      "missing_task_input",
      /needs regions/u,
      ["/tasks/2/regions"],
    );
  });

  test("names fields it does not know", () => {
    refuses(
      () => parse({ task: "detect", phrase: "a dog" }),
      "invalid_request",
      /detect takes no phrase/u,
      ["/tasks/2/phrase"],
    );
    refuses(
      () => parse({ task: "caption", detial: "full" }),
      "invalid_request",
      /perhaps detail was meant/u,
      ["/tasks/2/detial"],
    );
  });

  test("holds inputs to their limits", () => {
    const many = Array.from({ length: 33 }, (_, index) => `label ${index}`);
    const box = { x_min: 0, y_min: 0, x_max: 1, y_max: 1 };
    for (const [input, pointer] of [
      [{ task: "ground", phrase: "x".repeat(513) }, "/tasks/2/phrase"],
      [{ task: "ground", phrase: "  " }, "/tasks/2/phrase"],
      [{ task: "detect_open", labels: [] }, "/tasks/2/labels"],
      [{ task: "detect_open", labels: many }, "/tasks/2/labels"],
      [{ task: "detect_open", labels: ["car", " CAR"] }, "/tasks/2/labels"],
      [{ task: "detect_open", labels: ["car", 5] }, "/tasks/2/labels/1"],
      [
        { task: "ocr_regions", regions: Array(65).fill({ box }) },
        "/tasks/2/regions",
      ],
      [
        { task: "ocr_regions", regions: [{ box: { ...box, x_max: "9" } }] },
        "/tasks/2/regions/0/box/x_max",
      ],
      [{ task: "caption", detail: "long" }, "/tasks/2/detail"],
      [{ task: "caption", id: "" }, "/tasks/2/id"],
    ] as const)
      refuses(() => parse(input), "invalid_request", /./u, [pointer]);
  });

  test("takes a corner that is no number for a region out of bounds", () => {
    const box = { x_min: Number.NaN, y_min: 0, x_max: 1, y_max: 1 };
    refuses(
      () => parse({ task: "ocr_regions", regions: [{ box }] }),
      "region_out_of_bounds",
      /NaN/u,
      ["/tasks/2/regions/0/box/x_min"],
    );
  });

  test("refuses what is no task at all", () => {
    for (const input of [null, "caption", 5, [], {}, { task: 5 }])
      refuses(() => parse(input), "invalid_request", /object with its name/u);
  });
});

describe("parseTaskList", () => {
  test("reads spellings, and gives each task the inputs it takes", () => {
    assert.deepEqual(
      parseTaskList("caption:detailed, ocr:lines,ground,", { phrase: "a dog" }),
      [
        { task: "caption", detail: "detailed" },
        { task: "ocr", layout: "lines" },
        { task: "ground", phrase: "a dog" },
      ],
    );
  });

  test("refuses an input that no task of the list takes", () => {
    refuses(
      () => parseTaskList("caption", { labels: ["car"] }),
      "invalid_request",
      /No task of "caption" takes labels.*detect_open or classify_regions/u,
    );
  });

  test("refuses an empty list and unknown spellings", () => {
    refuses(() => parseTaskList(" , "), "invalid_request", /No tasks/u);
    refuses(() => parseTaskList("ocr:line"), "unknown_task", /ocr:lines\?/u);
  });

  test("leaves a missing input to be told by the task", () => {
    assert.deepEqual(parseSpelling("ground"), { task: "ground" });
    refuses(() => parseTaskList("ground"), "missing_task_input", /phrase/u);
  });
});
