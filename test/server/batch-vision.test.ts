// Vision passes of several callers, made together.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { batchVision } from "../../src/server/batch-vision.ts";
import { FlorenceError, isFlorenceError } from "../../src/shared/errors.ts";
import type { RgbImage } from "../../src/shared/image/rgb-image.ts";
import type { Features, Model } from "../../src/shared/model/model.ts";
import { createFakeModel } from "../fakes/fake-model.ts";
import { loadGoldenTokenizer } from "../cli/golden-tokenizer.ts";

const tokenizer = await loadGoldenTokenizer();

interface Pass {
  readonly images: readonly RgbImage[];
  readonly inputSize: number | undefined;
  /** Ends it; features tell the image by its width. */
  end(error?: Error): void;
}

/** A model whose passes end when the test says so. */
function heldModel(): { readonly model: Model; readonly passes: Pass[] } {
  const passes: Pass[] = [];
  const { model } = createFakeModel(tokenizer, () => "");
  return {
    passes,
    model: {
      ...model,
      encode: (images, options = {}) =>
        new Promise((resolve, reject) => {
          passes.push({
            images,
            inputSize: options.inputSize,
            end(error) {
              if (error !== undefined) reject(error);
              else resolve(images.map(featuresOf));
            },
          });
        }),
    },
  };
}

function featuresOf({ width }: RgbImage): Features {
  return {
    data: Float32Array.of(width),
    tokens: 1,
    width: 1,
    hintIds: [],
    inputSize: 64,
  };
}

function image(width: number): RgbImage {
  return { width, height: 1, data: new Uint8Array(3 * width) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("sees in one pass what comes while another is at work, each its own", async () => {
  const { model, passes } = heldModel();
  const batched = batchVision(model, { maxImages: 2, maxWaitMs: 1 });
  const answers = [1, 2, 3, 4, 5].map((width) =>
    batched.encode([image(width)]),
  );
  await settled();
  assert.deepEqual(
    passes.map(({ images }) => images.length),
    [2],
  );
  passes[0]!.end();
  await settled();
  passes[1]!.end();
  await settled();
  passes[2]!.end();
  const widths = (await Promise.all(answers)).map(([own]) => own!.data[0]);
  assert.deepEqual(widths, [1, 2, 3, 4, 5]);
  assert.deepEqual(
    passes.map(({ images }) => images.length),
    [2, 2, 1],
  );
});

test("does not keep a lone image waiting for others", async () => {
  const { model, passes } = heldModel();
  const batched = batchVision(model, { maxImages: 8, maxWaitMs: 1 });
  const answer = batched.encode([image(7)]);
  while (passes.length === 0) await settled();
  passes[0]!.end();
  assert.equal((await answer)[0]!.data[0], 7);
});

test("keeps sizes apart, and lets tiles through as they are", async () => {
  const { model, passes } = heldModel();
  const batched = batchVision(model, { maxImages: 2, maxWaitMs: 1 });
  const answers = [
    batched.encode([image(1)], { inputSize: 384 }),
    batched.encode([image(2)], { inputSize: 768 }),
    batched.encode([image(3), image(4), image(5)]),
  ];
  while (passes.length < 3) {
    for (const pass of passes) pass.end();
    await settled();
  }
  for (const pass of passes) pass.end();
  await Promise.all(answers);
  const seen = passes.map(({ images, inputSize }) => [
    images.length,
    inputSize,
  ]);
  assert.deepEqual(seen, [
    [1, 384],
    [3, undefined],
    [1, 768],
  ]);
});

test("leaves out who has gone, and ends no pass that others wait for", async () => {
  const { model, passes } = heldModel();
  const batched = batchVision(model, { maxImages: 2, maxWaitMs: 1 });
  const gone = new AbortController();
  const { signal } = gone;
  const first = batched.encode([image(1)], { signal });
  const second = batched.encode([image(2)]);
  const third = batched.encode([image(3)], { signal });
  const refused = [first, third].map((one) =>
    assert.rejects(
      one,
      (error) => isFlorenceError(error) && error.code === "deadline_exceeded",
    ),
  );
  await settled();
  gone.abort();
  passes[0]!.end();
  assert.equal((await second)[0]!.data[0], 2);
  await Promise.all(refused);
  assert.equal(passes.length, 1);
});

test("waits for others so long and no longer", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const { model, passes } = heldModel();
    const batched = batchVision(model, { maxImages: 8, maxWaitMs: 5 });
    const answers = [batched.encode([image(1)])];
    mock.timers.tick(4);
    answers.push(batched.encode([image(2)]));
    assert.equal(passes.length, 0);
    mock.timers.tick(1);
    assert.deepEqual(
      passes.map(({ images }) => images.length),
      [2],
    );
    passes[0]!.end();
    const widths = (await Promise.all(answers)).map(([own]) => own!.data[0]);
    assert.deepEqual(widths, [1, 2]);
  } finally {
    mock.timers.reset();
  }
});

test("sees each by itself after a pass that failed, and goes on with the next", async () => {
  const { model, passes } = heldModel();
  const batched = batchVision(model, { maxImages: 2, maxWaitMs: 1 });
  const answers = [1, 2, 3].map((width) => batched.encode([image(width)]));
  const refused = assert.rejects(answers[0]!, /out of memory/u);
  await settled();
  const error = new FlorenceError("engine_bad_output", "out of memory");
  passes[0]!.end(error);
  await settled();
  passes[1]!.end(error);
  await refused;
  await settled();
  passes[2]!.end();
  assert.equal((await answers[1]!)[0]!.data[0], 2);
  while (passes.length < 4) await settled();
  passes[3]!.end();
  assert.equal((await answers[2]!)[0]!.data[0], 3);
  assert.deepEqual(
    passes.map(({ images }) => images.length),
    [2, 1, 1, 1],
  );
});

test("asks a dead runtime no second time", async () => {
  const { model, passes } = heldModel();
  const batched = batchVision(model, { maxImages: 2, maxWaitMs: 1 });
  const failed = [1, 2].map((width) =>
    assert.rejects(batched.encode([image(width)]), /device/u),
  );
  await settled();
  passes[0]!.end(
    new FlorenceError("engine_unavailable", "The device is lost."),
  );
  await Promise.all(failed);
  assert.equal(passes.length, 1);
});

test("has tiles of one image seen together", () => {
  const { model } = heldModel();
  const { capabilities } = batchVision(model, { maxImages: 8, maxWaitMs: 5 });
  assert.equal(capabilities.maxImages, 8);
});
