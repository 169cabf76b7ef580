// What the vision side makes for single prompts: answers of its own, and hints
// of a closer look.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  analyze,
  type AnalyzeInput,
} from "../../../src/shared/analyze/analyze.ts";
import { isFlorenceError } from "../../../src/shared/errors.ts";
import type {
  Features,
  Prompt,
  PromptSight,
} from "../../../src/shared/model/model.ts";
import { parseAnalyzeRequest } from "../../../src/shared/schema/analysis.ts";
import { createFakeModel } from "../../fakes/fake-model.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";

const READ = "What is the text in the image?";
const CAPTION = "What does the image describe?";
const PLATFORM = {
  now: () => 0,
  id: (prefix: string) => `${prefix}_1`,
  sha256: () => Promise.resolve("0".repeat(64)),
};
const PIXELS = { width: 20, height: 10, data: new Uint8Array(600) };

/** A model that reads text itself and looks closer for captions. */
function createSeer() {
  const fake = createFakeModel(tokenizer, () => "a street");
  const read = tokenizer.encode(READ);
  const caption = tokenizer.encode(CAPTION);
  const asked: Prompt[] = [];
  let passes = 0;
  const is = (ids: readonly number[], other: readonly number[]): boolean =>
    ids.join() === other.join();
  const model: typeof fake.model = {
    ...fake.model,
    looksFor: (prompt) => is(prompt, read) || is(prompt, caption),
    async encode(images, options = {}) {
      passes += 1;
      const all = await fake.model.encode(images, options);
      return all.map((features, at): Features => {
        const prompts = options.prompts?.[at] ?? [];
        const sights = prompts.flatMap((prompt): PromptSight[] =>
          is(prompt, read)
            ? [{ prompt, answer: written("EXIT 12", 0.5) }]
            : is(prompt, caption)
              ? [{ prompt, hintIds: [7, 8] }]
              : [],
        );
        return { ...features, sights };
      });
    },
    start(prompts, options) {
      asked.push(...prompts);
      return fake.model.start(prompts, options);
    },
  };
  return { loaded: { ...fake, model }, asked, passes: () => passes };
}

function written(text: string, score: number) {
  const ids = tokenizer.encode(text);
  return { ids, logProbs: ids.map(() => Math.log(score)) };
}

function inputOf(
  tasks: readonly object[],
  over: Partial<AnalyzeInput> = {},
): AnalyzeInput {
  const { tasks: parsed, options } = parseAnalyzeRequest({
    tasks,
  });
  return {
    image: {
      image: PIXELS,
      size: { width: 20, height: 10 },
      mediaType: "image/png",
      orientationApplied: false,
      scaled: false,
    },
    bytes: new Uint8Array(1),
    tasks: parsed,
    options,
    ...over,
  };
}

test("takes the vision side's own answer, and asks the language model nothing", async () => {
  const { loaded, asked, passes } = createSeer();
  const { results } = await analyze(loaded, inputOf([{ task: "ocr" }]), PLATFORM); // prettier-ignore
  assert.partialDeepStrictEqual(results[0], {
    status: "ok",
    text: "EXIT 12",
    finish_reason: "stop",
  });
  assert.ok(Math.abs((results[0] as { score: number }).score - 0.5) < 1e-9);
  assert.equal(asked.length, 0);
  assert.equal(passes(), 1);
});

test("cuts such an answer where the caller says so", async () => {
  const { loaded } = createSeer();
  const input = inputOf([{ task: "ocr" }]);
  const options = { ...input.options, max_tokens: 5 };
  const { results } = await analyze(loaded, { ...input, options }, PLATFORM);
  assert.partialDeepStrictEqual(results[0], {
    text: "EXIT",
    finish_reason: "length",
  });
});

test("gives one prompt the hints of its closer look, and others the image's", async () => {
  const { loaded, asked } = createSeer();
  await analyze(
    loaded,
    inputOf([{ task: "caption" }, { task: "detect" }]),
    PLATFORM,
  );
  assert.deepEqual(
    asked.map(({ features }) => features.hintIds),
    [[7, 8], []],
  );
});

test("looks again where what was kept lacks the prompt, if the image is there", async () => {
  const { loaded, passes } = createSeer();
  const [features] = await loaded.model.encode([PIXELS]);
  const facts = { width: 20, height: 10, media_type: "image/png", sha256: "0", orientation_applied: false } as const; // prettier-ignore
  const seen = { features: features!, image: facts, modelRevision: "0" };
  const { results } = await analyze(
    loaded,
    inputOf([{ task: "ocr" }], { seen }),
    PLATFORM,
  );
  assert.partialDeepStrictEqual(results[0], { text: "EXIT 12" });
  assert.equal(passes(), 2);
  await assert.rejects(
    analyze(
      loaded,
      inputOf([{ task: "ocr" }], { seen, image: null, bytes: null }),
      PLATFORM,
    ),
    (error) =>
      isFlorenceError(error) &&
      error.code === "invalid_request" &&
      error.message.includes("Send the image itself"),
  );
});
