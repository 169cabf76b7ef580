// Prompts as the model was trained on them: their ids where the reference's are
// known, their wording where they hold the caller's input.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isFlorenceError } from "../../../src/shared/errors.ts";
import {
  findTask,
  promptIds,
  taskOf,
  TASKS,
  type TaskRequest,
} from "../../../src/shared/tasks/index.ts";
import { loadTokenizer } from "../../../src/shared/tokenizer/tokenizer.ts";
import { tokenizerFiles } from "../../golden/random-checkpoint.ts";
import { IMAGE } from "./answers.ts";

const tokenizer = await loadTokenizer(tokenizerFiles({ naming: "original" }));
const BOX = { x_min: 34, y_min: 160, x_max: 597, y_max: 371 };
const REGION = "<loc_53><loc_333><loc_932><loc_772>";

const idsOf = (request: TaskRequest, scale = IMAGE): number[][] =>
  taskOf(request)
    .prompts(request, { tokenizer, image: IMAGE, scale })
    .map((parts) => promptIds(parts, tokenizer));

const WITHOUT_INPUT: Record<string, readonly number[]> = {
  "<CAPTION>": [0, 2264, 473, 5, 2274, 6190, 116, 2],
  "<DETAILED_CAPTION>": [
    0, 47066, 21700, 11, 4617, 99, 16, 2343, 11, 5, 2274, 4, 2,
  ],
  "<MORE_DETAILED_CAPTION>": [
    0, 47066, 21700, 19, 10, 17818, 99, 16, 2343, 11, 5, 2274, 4, 2,
  ],
  "<OD>": [0, 574, 22486, 5, 8720, 19, 4120, 766, 11, 5, 2274, 4, 2],
  "<DENSE_REGION_CAPTION>": [
    0, 574, 22486, 5, 8720, 11, 5, 2274, 6, 19, 49, 24173, 4, 2,
  ],
  "<REGION_PROPOSAL>": [0, 574, 22486, 5, 976, 5327, 11, 5, 2274, 4, 2],
  "<OCR>": [0, 2264, 16, 5, 2788, 11, 5, 2274, 116, 2],
  "<OCR_WITH_REGION>": [0, 2264, 16, 5, 2788, 11, 5, 2274, 6, 19, 3806, 116, 2],
};

const WITH_INPUT: readonly (readonly [TaskRequest, string])[] = [
  [
    { task: "ground", phrase: "a dog" },
    "Locate the phrases in the caption: a dog",
  ],
  [{ task: "segment", phrase: "a dog" }, "Locate a dog in the image with mask"],
  [
    { task: "detect_open", labels: ["juice box", "toothpaste"] },
    "Locate juice box<and>toothpaste in the image.",
  ],
  [
    { task: "segment_regions", regions: [{ box: BOX }] },
    `What is the polygon mask of region ${REGION}`,
  ],
  [
    { task: "classify_regions", regions: [{ box: BOX }] },
    `What is the region ${REGION}?`,
  ],
  [
    { task: "describe_regions", regions: [{ box: BOX }] },
    `What does the region ${REGION} describe?`,
  ],
  [
    { task: "ocr_regions", regions: [{ box: BOX }] },
    `What text is in the region ${REGION}?`,
  ],
];

describe("The task table", () => {
  test("has 15 tasks with spellings and tokens of their own", () => {
    assert.equal(TASKS.length, 15);
    assert.equal(new Set(TASKS.map(({ spelling }) => spelling)).size, 15);
    assert.equal(new Set(TASKS.map(({ token }) => token)).size, 15);
    for (const task of TASKS) {
      assert.equal(taskOf(task.example), task);
      assert.equal(findTask(task.spelling), task);
      assert.equal(findTask(task.token), task);
    }
  });
});

describe("Prompts", () => {
  for (const [token, ids] of Object.entries(WITHOUT_INPUT)) {
    test(`of ${token} have the reference's ids`, () => {
      assert.deepEqual(idsOf(findTask(token)!.example), [ids]);
    });
  }

  for (const [request, text] of WITH_INPUT) {
    test(`of ${request.task} are what the model was trained on`, () => {
      assert.deepEqual(idsOf(request), [tokenizer.encode(text)]);
    });
  }

  test("take no special token from a phrase or label", () => {
    const phrase = "</s><loc_5><and><image><mask>";
    for (const request of [
      { task: "ground", phrase },
      { task: "segment", phrase },
      { task: "detect_open", labels: [phrase] },
    ] satisfies TaskRequest[]) {
      const [ids] = idsOf(request);
      const added = ids!.filter((id) => tokenizer.isAdded(id));
      assert.deepEqual(added, [0, 2]);
    }
  });

  test("are one per region", () => {
    const regions = [{ box: BOX }, { box: { ...BOX, x_min: 0 } }];
    const ids = idsOf({ task: "describe_regions", regions });
    assert.equal(ids.length, 2);
    assert.ok(ids[1]?.includes(tokenizer.special.firstLocation));
  });

  test("take regions in the unit of the coordinates", () => {
    const box = { x_min: 0.0535, y_min: 0.3335, x_max: 0.9325, y_max: 0.7725 };
    const ids = idsOf(
      { task: "ocr_regions", regions: [{ box }] },
      { width: 1, height: 1 },
    );
    const text = `What text is in the region ${REGION}?`;
    assert.deepEqual(ids, [tokenizer.encode(text)]);
  });
});

describe("Regions", () => {
  const faults: Record<string, Partial<typeof BOX>> = {
    "a corner outside the image": { x_max: 641 },
    "a negative corner": { y_min: -1 },
    "corners in the wrong order": { x_min: 598 },
    "no height": { y_max: 160 },
    "a corner that is no number": { x_min: Number.NaN },
    "a corner at infinity": { y_max: Infinity },
  };
  for (const [fault, corner] of Object.entries(faults)) {
    test(`with ${fault} are refused, with a pointer`, () => {
      const regions = [{ box: BOX }, { box: { ...BOX, ...corner } }];
      const request: TaskRequest = { task: "describe_regions", regions };
      const context = { tokenizer, image: IMAGE, scale: IMAGE };
      assert.throws(
        () =>
          taskOf(request).prompts(request, { ...context, pointer: "/tasks/3" }),
        (error) => {
          assert.ok(isFlorenceError(error));
          assert.equal(error.code, "region_out_of_bounds");
          assert.equal(error.errors.length, 1);
          assert.equal(error.errors[0]?.pointer, "/tasks/3/regions/1/box");
          return true;
        },
      );
    });
  }

  test("may reach to the image's edges", () => {
    const box = { x_min: 0, y_min: 0, x_max: 640, y_max: 480 };
    const [ids] = idsOf({ task: "ocr_regions", regions: [{ box }] });
    const { firstLocation } = tokenizer.special;
    assert.ok(ids?.includes(firstLocation + 999));
  });
});
