// 10,000 random answers through every task: none throws, every result is what
// the task's own schema says and nothing more, everything is inside the image.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import type { Answer } from "../../../src/shared/parse/answer.ts";
import { TASKS } from "../../../src/shared/tasks/index.ts";
import { parseAnswer } from "../../../src/shared/tasks/parse-answer.ts";
import { randomIds, seededRandom } from "../parse/random-answers.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";
import { contextOf, IMAGE } from "./answers.ts";

const COUNT = 10_000;

function randomAnswer(random: () => number): Answer {
  const ids = randomIds(random, tokenizer);
  return {
    ids,
    logProbs: ids.map(() => -5 * random()),
    spreads: ids.map(() => (random() < 0.5 ? null : 300 * random())),
    finishReason: random() < 0.5 ? "stop" : "length",
  };
}

for (const task of TASKS) {
  test(`${task.spelling} reads any answer into a valid result`, () => {
    const random = seededRandom(7);
    const rounds = Math.ceil(COUNT / TASKS.length);
    for (let round = 0; round < rounds; round += 1) {
      const answer = randomAnswer(random);
      const result = task.finish(
        [answer],
        contextOf(task.example, {
          minScore: random() < 0.5 ? 0 : 0.2,
          threshold: random() < 0.5 ? null : 0.15,
          includeRaw: random() < 0.5,
        }),
      );
      const written: unknown = JSON.parse(JSON.stringify(withoutRaw(result)));
      assert.deepEqual(v.parse(task.result, written), written);
      assertInside(result);
    }
  });

  test(`${task.token} is read in both modes whatever the ids`, () => {
    const random = seededRandom(8);
    const rounds = Math.ceil(COUNT / TASKS.length);
    for (let round = 0; round < rounds; round += 1) {
      const ids = randomIds(random, tokenizer);
      const strict = parseAnswer(task.example, ids, tokenizer, IMAGE);
      assert.ok(!JSON.stringify(strict).includes('"score"'));
      assertInside(strict);
      const options = { ...IMAGE, mode: "reference" } as const;
      const reference = parseAnswer(task.token, ids, tokenizer, options);
      assert.deepEqual(Object.keys(reference), [task.token]);
    }
  });
}

/** Ids that are no number have no JSON; a model gives none. */
function withoutRaw(value: object): object {
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) =>
      key === "token_ids" ? [] : inner,
    ),
  ) as object;
}

/** Every box is sorted, and it, quads and polygons lie inside the image. */
function assertInside(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "box") assertBox(inner as Record<string, number>);
    else if (key === "quad" || key === "polygons") assertPoints(inner);
    else if (key.endsWith("score")) {
      const score: unknown = inner;
      assert.ok(score === null || typeof score === "number");
      assert.ok(score === null || (score >= 0 && score <= 1));
    } else assertInside(inner);
  }
}

function assertBox(box: Record<string, number>): void {
  assert.ok(0 <= box["x_min"]! && box["x_min"]! <= box["x_max"]!);
  assert.ok(0 <= box["y_min"]! && box["y_min"]! <= box["y_max"]!);
  assert.ok(box["x_max"]! <= IMAGE.width && box["y_max"]! <= IMAGE.height);
}

function assertPoints(points: unknown): void {
  const flat = (points as number[][][]).flat(3);
  for (const [index, value] of flat.entries()) {
    const side = index % 2 === 0 ? IMAGE.width : IMAGE.height;
    assert.ok(value >= 0 && value <= side);
  }
}
