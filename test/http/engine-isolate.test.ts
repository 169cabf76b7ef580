// The engine of an isolate: a runtime that dies under a request is replaced, and
// neither that request nor those that wait are lost.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { EngineRequest } from "../../src/http/engine/engine.ts";
import {
  createIsolateEngine,
  type HostedModel,
} from "../../src/http/engine/isolate-engine.ts";
import { loadImageCodecs } from "../../src/node/image-codecs.ts";
import { NODE_PLATFORM } from "../../src/node/platform.ts";
import type { AnalyzeEvents } from "../../src/shared/analyze/events.ts";
import { FlorenceError, type ErrorCode } from "../../src/shared/errors.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import { parseAnalyzeRequest } from "../../src/shared/schema/analysis.ts";
import { loadTokenizer } from "../../src/shared/tokenizer/tokenizer.ts";
import { createFakeModel } from "../fakes/fake-model.ts";
import { PHOTO } from "./bad-images.ts";

const codecs = await loadImageCodecs();
const read = (file: string): string =>
  gunzipSync(
    readFileSync(new URL(`../golden/tokenizer/${file}`, import.meta.url)),
  ).toString();
const tokenizer = await loadTokenizer({
  "vocab.json": read("vocab.json.gz"),
  "merges.txt": read("merges.txt.gz"),
});

/** Steps after which each runtime dies, the first first; the last lives on. */
function mortalModel(
  lives: readonly number[],
  code: ErrorCode = "engine_unavailable",
): HostedModel & { readonly events: string[] } {
  const events: string[] = [];
  const fake = createFakeModel(tokenizer, (prompt) =>
    prompt.startsWith("Locate")
      ? "car<loc_1><loc_2><loc_3><loc_4>bus<loc_5><loc_6><loc_7><loc_8>"
      : "a green boat",
  );
  let loaded: LoadedModel | null = null;
  let generation = -1;
  const open = (): LoadedModel => {
    generation += 1;
    const life = lives[generation] ?? Infinity;
    let steps = 0;
    events.push("load");
    const model: LoadedModel["model"] = {
      ...fake.model,
      start: async (...args) => {
        const state = await fake.model.start(...args);
        return {
          ...state,
          step: async (rows) => {
            steps += 1;
            if (steps > life) throw new FlorenceError(code, "It trapped.");
            return await state.step(rows);
          },
        };
      },
    };
    return { ...fake, model };
  };
  return {
    events,
    manifest: fake.manifest,
    isLoaded: () => loaded !== null,
    load: () => Promise.resolve((loaded ??= open())),
    reset: () => {
      events.push("reset");
      loaded = null;
      return Promise.resolve();
    },
  };
}

function engineOf(model: HostedModel) {
  return createIsolateEngine({
    name: "edge",
    backend: "fake",
    device: "none",
    models: [model],
    codecs,
    platform: NODE_PLATFORM,
    maxWaiting: 8,
    decoding: () => ({}),
  });
}

function requestOf(request: object = { tasks: [{ task: "detect" }] }) {
  return {
    ...parseAnalyzeRequest(request),
    bytes: PHOTO,
    seen: null,
    signal: new AbortController().signal,
  } satisfies EngineRequest;
}

test("loads a dead runtime anew and answers the request after all", async () => {
  const model = mortalModel([9]);
  const engine = engineOf(model);
  const told: string[] = [];
  const events: AnalyzeEvents = {
    vision: () => told.push("vision"),
    object: ({ item }) => told.push(`object ${item.id}`),
    token: ({ delta }) => told.push(`token ${delta}`),
    result: ({ id, status }) => told.push(`result ${id} ${status}`),
  };
  const tasks = [{ task: "detect" }, { task: "caption" }];
  const { envelope } = await engine.analyze(requestOf({ tasks }), events);
  assert.equal(envelope.status, "completed");
  assert.deepEqual(model.events, ["load", "reset", "load"]);
  // The first runtime told the caption and one object before it died.
  assert.deepEqual(told.toSorted(), [
    "object o0",
    "object o1",
    "result t0 ok",
    "result t1 ok",
    "token  boat",
    "token  green",
    "token a",
    "vision",
  ]);
});

test("passes the error on if the new runtime dies as well", async () => {
  const model = mortalModel([3, 3]);
  const engine = engineOf(model);
  await assert.rejects(engine.analyze(requestOf()), {
    code: "engine_unavailable",
  });
  assert.deepEqual(model.events, ["load", "reset", "load"]);
  // The dead one is replaced for the next request.
  const { envelope } = await engine.analyze(requestOf());
  assert.equal(envelope.status, "completed");
});

test("answers those who waited while a runtime was replaced", async () => {
  const model = mortalModel([3]);
  const engine = engineOf(model);
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => engine.analyze(requestOf())),
  );
  assert.ok(answers.every(({ envelope }) => envelope.status === "completed"));
  assert.deepEqual(model.events, ["load", "reset", "load"]);
});

test("loads nothing anew for an error that is no death", async () => {
  const model = mortalModel([3], "engine_bad_output");
  await assert.rejects(engineOf(model).analyze(requestOf()), {
    code: "engine_bad_output",
  });
  assert.deepEqual(model.events, ["load"]);
});

test("needs no pixels of what was seen, unless they are asked for", async () => {
  const engine = engineOf(mortalModel([]));
  const first = await engine.analyze(requestOf());
  assert.ok(first.seen !== null);
  const { seen } = first;
  const again = await engine.analyze({ ...requestOf(), bytes: null, seen });
  assert.equal(again.envelope.usage.vision_passes, 0);
  assert.deepEqual(again.envelope.results, first.envelope.results);
  const tasks = [{ task: "detect" }];
  const options = { render: { crops: "png" } };
  const cropped = await engine.analyze({
    ...requestOf({ tasks, options }),
    seen,
  });
  assert.equal(cropped.envelope.usage.vision_passes, 0);
  const [result] = cropped.envelope.results;
  assert.ok(result !== undefined && "objects" in result);
  assert.ok(result.objects[0]!.crop !== undefined);
});
