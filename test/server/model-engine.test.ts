// The engine of one thread over scripted models: several callers in one vision
// pass, and a runtime that dies under them.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { encode } from "fast-png";
import type {
  EngineRequest,
  NearEngine,
} from "../../src/http/engine/engine.ts";
import { openModelEngine } from "../../src/server/model-engine.ts";
import { FlorenceError, isFlorenceError } from "../../src/shared/errors.ts";
import type { RgbImage } from "../../src/shared/image/rgb-image.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import {
  parseAnalyzeRequest,
  type Envelope,
} from "../../src/shared/schema/analysis.ts";
import { loadGoldenTokenizer } from "../cli/golden-tokenizer.ts";
import { createFakeModel } from "../fakes/fake-model.ts";

const tokenizer = await loadGoldenTokenizer();

/** Says the gray it sees. */
const SEES_GRAY = (_prompt: string, { data }: RgbImage): string =>
  `gray ${data[0]!}`;

/** A picture of one gray. */
function gray(level: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(60 * 60 * 3).fill(level);
  return new Uint8Array(encode({ width: 60, height: 60, channels: 3, data }));
}

function ask(level: number): EngineRequest {
  return {
    ...parseAnalyzeRequest({ tasks: [{ task: "caption" }] }),
    bytes: gray(level),
    seen: null,
    signal: new AbortController().signal,
  };
}

function textOf({ results }: Envelope): unknown {
  const [result] = results;
  return result !== undefined && "text" in result ? result.text : result;
}

/** Lets only a full batch be seen: no wait for others ends. */
async function withoutWaiting(work: () => Promise<void>): Promise<void> {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    await work();
  } finally {
    mock.timers.reset();
  }
}

async function open(
  batch: number,
  openFolder: () => LoadedModel,
): Promise<NearEngine> {
  return await openModelEngine(
    { bundles: ["scripted"], device: "cuda", threads: 1, batch },
    () => Promise.resolve(openFolder()),
  );
}

/** A model that tells how many images each of its passes saw. */
function counted(
  passes: number[],
  onPass: (images: readonly RgbImage[]) => void = () => undefined,
): LoadedModel {
  const fake = createFakeModel(tokenizer, SEES_GRAY);
  return {
    ...fake,
    model: {
      ...fake.model,
      async encode(images, options) {
        passes.push(images.length);
        onPass(images);
        return await fake.model.encode(images, options);
      },
    },
  };
}

test("sees pictures of several callers in one pass, and answers each its own", () =>
  withoutWaiting(async () => {
    const passes: number[] = [];
    const engine = await open(4, () => counted(passes));
    const levels = [10, 60, 110, 160];
    const answers = await Promise.all(
      levels.map((level) => engine.analyze(ask(level))),
    );
    assert.deepEqual(
      answers.map(({ envelope }) => textOf(envelope)),
      levels.map((level) => `gray ${level}`),
    );
    assert.deepEqual(passes, [4]);
  }));

test("fails nobody but the caller whose picture cannot be seen", () =>
  withoutWaiting(async () => {
    const passes: number[] = [];
    const engine = await open(3, () =>
      counted(passes, (images) => {
        if (images.some(({ data }) => data[0] === 66)) {
          throw new FlorenceError("engine_bad_output", "It cannot see 66.");
        }
      }),
    );
    const settled = await Promise.allSettled(
      [10, 66, 160].map((level) => engine.analyze(ask(level))),
    );
    const told = settled.map((one) =>
      one.status === "fulfilled"
        ? textOf(one.value.envelope)
        : isFlorenceError(one.reason) && one.reason.code,
    );
    assert.deepEqual(told, ["gray 10", "engine_bad_output", "gray 160"]);
    assert.deepEqual(passes, [3, 1, 1, 1]);
  }));

test("opens a model anew whose runtime died, once for all who used it", () =>
  withoutWaiting(async () => {
    const opened: number[] = [];
    const disposed: number[] = [];
    const engine = await open(2, () => {
      const generation = opened.length;
      opened.push(generation);
      const model = counted([], () => {
        if (generation === 0) {
          throw new FlorenceError("engine_unavailable", "The device is lost.");
        }
      });
      const dispose = (): Promise<void> => {
        disposed.push(generation);
        return Promise.resolve();
      };
      return { ...model, model: { ...model.model, dispose } };
    });
    const answers = await Promise.all([
      engine.analyze(ask(20)),
      engine.analyze(ask(40)),
    ]);
    assert.deepEqual(
      answers.map(({ envelope }) => textOf(envelope)),
      ["gray 20", "gray 40"],
    );
    assert.deepEqual(opened, [0, 1]);
    assert.deepEqual(disposed, [0]);
    assert.equal(engine.status().status, "ready");
  }));

test("says that the engine is not to be had while its model stays dead", async () => {
  let lives = 0;
  const engine = await open(1, () => {
    lives += 1;
    return counted([], () => {
      if (lives < 3) {
        throw new FlorenceError("engine_unavailable", "The device is lost.");
      }
    });
  });
  await assert.rejects(
    engine.analyze(ask(20)),
    (error) => isFlorenceError(error) && error.code === "engine_unavailable",
  );
  const { envelope } = await engine.analyze(ask(40));
  assert.equal(textOf(envelope), "gray 40");
  assert.equal(lives, 3);
});

test("keeps the model that others use until they are done with it", async () => {
  const events: string[] = [];
  const held = Promise.withResolvers<undefined>();
  let lives = 0;
  const engine = await open(2, () => {
    const generation = (lives += 1);
    const fake = createFakeModel(tokenizer, SEES_GRAY);
    return {
      ...fake,
      model: {
        ...fake.model,
        async start(prompts, options) {
          const [first] = prompts;
          const isFirst = generation === 1 && events.length === 0;
          if (isFirst && first !== undefined) {
            events.push("held");
            await held.promise;
            events.push("went on");
          } else if (generation === 1) {
            throw new FlorenceError("engine_unavailable", "It trapped.");
          }
          return await fake.model.start(prompts, options);
        },
        dispose() {
          events.push(`disposed ${generation}`);
          return Promise.resolve();
        },
      },
    };
  });
  const slow = engine.analyze(ask(20));
  while (events.length === 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const second = await engine.analyze(ask(40));
  assert.equal(textOf(second.envelope), "gray 40");
  assert.deepEqual(events, ["held"]);
  held.resolve(undefined);
  assert.equal(textOf((await slow).envelope), "gray 20");
  assert.deepEqual(events, ["held", "went on", "disposed 1"]);
});
