// Who answers: by cost, task, size, deadline and state; and what the answer
// says of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  Engine,
  EngineModel,
  EngineRequest,
} from "../../src/http/engine/engine.ts";
import { createLadder, type Ladder } from "../../src/http/engine/ladder.ts";
import { NODE_PLATFORM } from "../../src/node/platform.ts";
import { FlorenceError, type ErrorCode } from "../../src/shared/errors.ts";
import type { Envelope } from "../../src/shared/schema/analysis.ts";
import { engineRequest } from "../contract/engine-contract.ts";
import { createFakeEngine } from "../fakes/fake-host.ts";
import { PHOTO } from "./bad-images.ts";

const BOAT = createFakeEngine(NODE_PLATFORM);
const CAPTION = { tasks: [{ task: "caption" }] };

interface FakeRung {
  readonly name: Engine["name"];
  readonly model?: Partial<EngineModel>;
  /** Thrown in place of an answer, as long as it gives one. */
  readonly fails?: () => Error | null;
  readonly maxPixels?: number;
  readonly refresh?: () => Promise<void>;
}

/** A scripted engine that counts what it is asked. */
function rung(options: FakeRung): Engine & { readonly asked: EngineRequest[] } {
  const { name, model, fails, maxPixels, refresh } = options;
  const engine = createFakeEngine(NODE_PLATFORM, { name });
  const asked: EngineRequest[] = [];
  return {
    ...engine,
    models: [{ ...engine.models[0], ...model }],
    asked,
    ...(maxPixels !== undefined && { maxPixels: () => maxPixels }),
    ...(refresh !== undefined && { refresh }),
    async analyze(request, events) {
      asked.push(request);
      const error = fails?.() ?? null;
      if (error !== null) throw error;
      // The scripted model has one id; who has which is the ladder's matter.
      const options = { ...request.options };
      delete options.model;
      return await engine.analyze({ ...request, options }, events);
    },
  };
}

function broken(code: ErrorCode): () => FlorenceError {
  return () => new FlorenceError(code, "Broken for this test. Wait.");
}

/** A clock that a test sets. */
function clock(): { ms: number; readonly now: () => number } {
  const own = { ms: 0, now: () => own.ms };
  return own;
}

function ladderOf(...engines: [Engine, ...Engine[]]): Ladder {
  return createLadder({ engines, now: () => 0 });
}

async function ask(
  ladder: Ladder,
  request: unknown = CAPTION,
  rest: Partial<EngineRequest> = {},
): Promise<Envelope["engine"]> {
  const asked = engineRequest(PHOTO, request, rest);
  return (await ladder.analyze(asked)).envelope.engine;
}

const OK_EDGE = { engine: "edge", outcome: "ok" };
const OK_GPU = { engine: "gpu", outcome: "ok" };

test("asks the first that can, and nobody else", async () => {
  const [edge, gpu] = [rung({ name: "edge" }), rung({ name: "gpu" })];
  const { used, attempts } = await ask(ladderOf(edge, gpu));
  assert.equal(used, "edge");
  assert.deepEqual(attempts, [OK_EDGE]);
  assert.equal(gpu.asked.length, 0);
});

test("asks the engine that is named", async () => {
  const [edge, gpu] = [rung({ name: "edge" }), rung({ name: "gpu" })];
  const ladder = ladderOf(edge, gpu);
  const engine = await ask(ladder, { ...CAPTION, options: { engine: "gpu" } });
  assert.deepEqual(engine, { used: "gpu", attempts: [OK_GPU] });
  assert.equal(edge.asked.length, 0);
});

for (const code of [
  "engine_unavailable",
  "warming_up",
  "unsupported_task",
] as const) {
  test(`goes on to the next after ${code}, and says so`, async () => {
    const edge = rung({ name: "edge", fails: broken(code) });
    const { used, attempts } = await ask(ladderOf(edge, rung({ name: "gpu" })));
    assert.equal(used, "gpu");
    const failed = { engine: "edge", outcome: "failed", reason: code };
    assert.deepEqual(attempts, [failed, OK_GPU]);
  });
}

for (const code of [
  "engine_bad_output",
  "deadline_exceeded",
  "image_undecodable",
  "bundle_invalid",
] as const) {
  test(`does not hide ${code} behind another engine`, async () => {
    const gpu = rung({ name: "gpu" });
    const edge = rung({ name: "edge", fails: broken(code) });
    await assert.rejects(ask(ladderOf(edge, gpu)), { code });
    assert.equal(gpu.asked.length, 0);
  });
}

test("does not hide a bug of ours", async () => {
  const gpu = rung({ name: "gpu" });
  const edge = rung({ name: "edge", fails: () => new Error("internal: bug") });
  await assert.rejects(ask(ladderOf(edge, gpu)), /internal: bug/u);
  assert.equal(gpu.asked.length, 0);
});

test("asks nobody else where no fallback is allowed", async () => {
  const edge = rung({ name: "edge", fails: broken("warming_up") });
  const gpu = rung({ name: "gpu" });
  const options = { allow_fallback: false };
  await assert.rejects(ask(ladderOf(edge, gpu), { ...CAPTION, options }), {
    code: "warming_up",
  });
  const named = { engine: "container", allow_fallback: false };
  await assert.rejects(
    ask(ladderOf(edge, gpu), { ...CAPTION, options: named }),
    { code: "engine_unavailable", message: /container skipped/u },
  );
  assert.equal(gpu.asked.length, 0);
});

test("falls back from an engine that is not part of the host", async () => {
  const options = { engine: "container" };
  const { used, attempts } = await ask(ladderOf(rung({ name: "edge" })), {
    ...CAPTION,
    options,
  });
  assert.equal(used, "edge");
  assert.deepEqual(attempts[0], {
    engine: "container",
    outcome: "skipped",
    reason: "not_configured",
  });
});

test("says who was tried when nobody answers", async () => {
  const edge = rung({ name: "edge", fails: broken("warming_up") });
  const gpu = rung({ name: "gpu", fails: broken("engine_unavailable") });
  await assert.rejects(ask(ladderOf(edge, gpu)), {
    code: "engine_unavailable",
    message:
      /Tried: edge failed \(warming_up\), gpu failed \(engine_unavailable\)\./u,
  });
});

test("passes over an engine whose model does not know the task", async () => {
  const edge = rung({ name: "edge", model: { tasks: ["caption"] } });
  const ladder = ladderOf(edge, rung({ name: "gpu" }));
  const { used, attempts } = await ask(ladder, {
    tasks: [{ task: "caption" }, { task: "ocr" }],
  });
  assert.equal(used, "gpu");
  assert.deepEqual(attempts[0], {
    engine: "edge",
    outcome: "skipped",
    reason: "unsupported_task",
  });
});

test("lets the first answer in part where nobody knows every task", async () => {
  const model = { tasks: ["caption"] };
  const edge = rung({ name: "edge", model });
  const ladder = ladderOf(edge, rung({ name: "gpu", model }));
  const request = { tasks: [{ task: "caption" }, { task: "ocr" }] };
  assert.equal((await ask(ladder, request)).used, "edge");
});

test("asks an engine that has the model, and refuses one nobody has", async () => {
  const ladder = ladderOf(
    rung({ name: "edge", model: { id: "small" } }),
    rung({ name: "gpu", model: { id: "large" } }),
  );
  const large = { ...CAPTION, options: { model: "large" } };
  assert.equal((await ask(ladder, large)).used, "gpu");
  const huge = { ...CAPTION, options: { model: "huge" } };
  await assert.rejects(ask(ladder, huge), {
    code: "invalid_request",
    message: /small, large/u,
  });
  assert.deepEqual(
    ladder.models.map(({ id }) => id),
    ["small", "large"],
  );
});

test("passes over an engine that takes no image of this size", async () => {
  const edge = rung({ name: "edge", maxPixels: 10 });
  const { used, attempts } = await ask(ladderOf(edge, rung({ name: "gpu" })));
  assert.equal(used, "gpu");
  assert.equal(attempts[0]!.reason, "image_size");
  // Alone, it says itself what is wrong.
  assert.equal((await ask(ladderOf(edge))).used, "edge");
});

test("passes over an engine that would be late where another is not", async () => {
  const ladder = ladderOf(rung({ name: "edge" }), rung({ name: "gpu" }));
  const late = await ask(ladder, CAPTION, { deadlineAtMs: 700 });
  assert.equal(late.used, "gpu");
  assert.equal(late.attempts[0]!.reason, "deadline");
  const early = await ask(ladder, CAPTION, { deadlineAtMs: 60_000 });
  assert.equal(early.used, "edge");
  // Where all are late, the fastest gets furthest.
  const hopeless = await ask(ladder, CAPTION, { deadlineAtMs: 1 });
  assert.equal(hopeless.used, "gpu");
});

test("learns how fast an engine is", async () => {
  const time = clock();
  const edge = rung({
    name: "edge",
    fails: () => {
      time.ms += 60_000;
      return null;
    },
  });
  const { now } = time;
  const ladder = createLadder({ engines: [edge, rung({ name: "gpu" })], now });
  const within = (): Partial<EngineRequest> => ({
    deadlineAtMs: time.ms + 5000,
  });
  assert.equal((await ask(ladder, CAPTION, within())).used, "edge");
  assert.equal((await ask(ladder, CAPTION, within())).used, "gpu");
});

test("hands on only features that its own model made", async () => {
  const edge = rung({ name: "edge", fails: broken("engine_unavailable") });
  const gpu = rung({ name: "gpu", model: { revision: "sha256:other" } });
  const first = await BOAT.analyze(engineRequest(PHOTO, CAPTION));
  const { seen } = first;
  assert.ok(seen !== null);
  await ask(ladderOf(edge, gpu), CAPTION, { seen });
  assert.equal(edge.asked[0]!.seen, seen);
  assert.equal(gpu.asked[0]!.seen, null);

  // Without the picture, the other has nothing to look at.
  const request = engineRequest(null, CAPTION, { seen });
  await assert.rejects(ladderOf(edge, gpu).analyze(request), {
    code: "engine_unavailable",
    message: /gpu skipped \(features\)/u,
  });
});

test("goes on without an engine elsewhere that does not say its models", async () => {
  const refresh = (): Promise<void> => Promise.reject(new Error("no route"));
  const edge = rung({ name: "edge", model: { tasks: ["caption"] } });
  const far = rung({ name: "gpu", refresh });
  const { used, attempts } = await ask(ladderOf(edge, far), {
    tasks: [{ task: "caption" }, { task: "ocr" }],
  });
  assert.equal(used, "edge");
  assert.deepEqual(attempts[0], {
    engine: "gpu",
    outcome: "skipped",
    reason: "unreachable",
  });
});

test("leaves a broken engine alone and takes it back when it works", async () => {
  const time = clock();
  let isBroken = true;
  const edge = rung({
    name: "edge",
    fails: () => (isBroken ? broken("engine_unavailable")() : null),
  });
  const gpu = rung({ name: "gpu" });
  const ladder = createLadder({
    engines: [edge, gpu],
    now: time.now,
    failures: 3,
    openMs: 1000,
  });
  const circuit = (): string | undefined => ladder.engines[0]!.status().circuit;

  for (let round = 0; round < 3; round += 1) {
    assert.equal(circuit(), "closed");
    await ask(ladder);
  }
  assert.equal(circuit(), "open");
  assert.equal(ladder.engines[0]!.status().status, "unavailable");
  const { attempts } = await ask(ladder);
  assert.equal(attempts[0]!.reason, "circuit_open");
  assert.equal(edge.asked.length, 3);

  // One request tries it again; it is still broken.
  time.ms = 1000;
  assert.equal(circuit(), "half_open");
  await ask(ladder);
  assert.equal(edge.asked.length, 4);
  assert.equal(circuit(), "open");

  isBroken = false;
  time.ms = 2000;
  assert.equal((await ask(ladder)).used, "edge");
  assert.equal(circuit(), "closed");
});

test("does not take one that is busy, or asked for nonsense, for broken", async () => {
  const errors = [
    new FlorenceError("engine_unavailable", "Too many wait. Wait.", {
      retryable: true,
    }),
    new FlorenceError("image_undecodable", "Not an image. Send one."),
    new FlorenceError("deadline_exceeded", "Too late. Give it more time."),
  ];
  for (const error of errors) {
    const edge = rung({ name: "edge", fails: () => error });
    const ladder = createLadder({
      engines: [edge],
      now: () => 0,
      failures: 1,
    });
    for (let round = 0; round < 3; round += 1) {
      await assert.rejects(ask(ladder), { code: error.code });
    }
    assert.equal(ladder.engines[0]!.status().circuit, "closed");
  }
});

test("takes one that misses long deadlines for broken", async () => {
  const time = clock();
  const edge = rung({
    name: "edge",
    fails: () => {
      time.ms += 30_000;
      return broken("deadline_exceeded")();
    },
  });
  const ladder = createLadder({
    engines: [edge],
    now: time.now,
    failures: 1,
  });
  await assert.rejects(ask(ladder), { code: "deadline_exceeded" });
  assert.equal(ladder.engines[0]!.status().circuit, "open");
});

test("tells events once although the first engine failed in the middle", async () => {
  const edge = rung({ name: "edge" });
  const half: Engine = {
    ...edge,
    async analyze(request, events) {
      await edge.analyze(request, events);
      throw broken("engine_unavailable")();
    },
  };
  let text = "";
  const ids: string[] = [];
  const { envelope } = await ladderOf(half, rung({ name: "gpu" })).analyze(
    engineRequest(PHOTO, CAPTION),
    {
      token: ({ delta }) => (text += delta),
      result: ({ id }) => ids.push(id),
    },
  );
  const [caption] = envelope.results;
  assert.ok(caption !== undefined && "text" in caption);
  assert.equal(text, caption.text);
  assert.deepEqual(ids, ["t0"]);
});
