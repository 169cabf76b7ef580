// The engine of a server: threads that answer, wait, die and are replaced.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, mock, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { EngineRequest } from "../../src/http/engine/engine.ts";
import {
  openThreadEngine,
  type ThreadEngine,
  type ThreadEngineOptions,
} from "../../src/server/thread-engine.ts";
import { isFlorenceError, type ErrorCode } from "../../src/shared/errors.ts";
import { parseAnalyzeRequest } from "../../src/shared/schema/analysis.ts";

const SCRIPT = new URL("../fakes/scripted-thread.ts", import.meta.url);
const PHOTO = new Uint8Array(
  readFileSync(new URL("../data/images/decode/photo.jpg", import.meta.url)),
);

const engines: ThreadEngine[] = [];
after(() => Promise.all(engines.map((engine) => engine.close())));

async function open(
  options: Partial<ThreadEngineOptions> = {},
): Promise<ThreadEngine> {
  const engine = await openThreadEngine({
    bundles: [mkdtempSync(join(tmpdir(), "florence-thread-"))],
    device: "cpu",
    threads: 1,
    batch: 1,
    workers: 1,
    maxWaiting: 4,
    script: SCRIPT,
    ...options,
  });
  engines.push(engine);
  return engine;
}

function ask(
  what?: string,
  signal: AbortSignal = new AbortController().signal,
): EngineRequest {
  return {
    ...parseAnalyzeRequest({
      tasks: [{ task: "detect" }, { task: "caption" }],
      metadata: what === undefined ? {} : { do: what },
    }),
    bytes: PHOTO,
    seen: null,
    signal,
  };
}

function code(wanted: ErrorCode): (error: unknown) => boolean {
  return (error) => isFlorenceError(error) && error.code === wanted;
}

test("answers from a thread, hands features over, and leaves the caller's bytes", async () => {
  const engine = await open();
  const { envelope, seen } = await engine.analyze(ask());
  assert.equal(envelope.status, "completed");
  assert.equal(envelope.engine.used, "container"); // the fake's own name
  assert.ok(seen!.features.data instanceof Float32Array);
  assert.ok(PHOTO.length > 0);
  const again = await engine.analyze({ ...ask(), bytes: null, seen });
  assert.equal(again.envelope.usage.vision_passes, 0);
});

test("passes events on, those somebody listens to", async () => {
  const engine = await open();
  const told: string[] = [];
  const { envelope } = await engine.analyze(ask(), {
    object: ({ item }) => told.push(item.id),
    result: (result) => told.push(result.id),
  });
  const ids = envelope.results.map(({ id }) => id);
  assert.deepEqual(told.filter((id) => ids.includes(id)).sort(), ids);
  assert.ok(told.length > ids.length, told.join());
});

/** Deletes all that nothing holds. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // What a WeakRef was asked for lives until the turn ends.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
}

test("holds nothing of a call that is answered, though its signal lives on", async () => {
  const engine = await open();
  const { signal } = new AbortController();
  const answered = async (): Promise<WeakRef<object>> => {
    const events = { result: () => undefined };
    await engine.analyze(ask(undefined, signal), events);
    return new WeakRef(events);
  };
  const events = await answered();
  await collectGarbage();
  assert.equal(events.deref(), undefined);
  assert.equal(signal.aborted, false);
});

test("revives an error with its code and the field it is about", async () => {
  const engine = await open();
  const request = ask();
  const options = { ...request.options, model: "another" };
  await assert.rejects(engine.analyze({ ...request, options }), (error) => {
    assert.ok(isFlorenceError(error));
    assert.equal(error.code, "invalid_request");
    assert.equal(error.errors[0]?.pointer, "/options/model");
    return true;
  });
});

test("answers a request whose thread died, and tells nothing twice", async () => {
  const deaths: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), "florence-thread-"));
  const engine = await open({
    bundles: [folder],
    onDeath: (reason) => deaths.push(reason),
  });
  const results: string[] = [];
  const { envelope } = await engine.analyze(ask("die once"), {
    result: ({ id }) => results.push(id),
  });
  assert.ok(existsSync(join(folder, "died")));
  assert.equal(deaths.length, 1);
  assert.equal(envelope.status, "completed");
  assert.deepEqual(results.sort(), ["t0", "t1"]);
});

test("gives a request up that ended two threads, and answers the next", async () => {
  const engine = await open();
  await assert.rejects(engine.analyze(ask("die")), code("engine_unavailable"));
  const { envelope } = await engine.analyze(ask());
  assert.equal(envelope.status, "completed");
});

/** Resolves when a scripted thread hangs over `folder`. */
async function hung(folder: string): Promise<void> {
  while (!existsSync(join(folder, "hangs"))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("gives a thread up that hangs past a deadline, and answers who waited with it", async () => {
  const deaths: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), "florence-thread-"));
  const engine = await open({
    bundles: [folder],
    batch: 2,
    patience: { callMs: 600_000, abortMs: 0 },
    onDeath: (reason) => deaths.push(reason),
  });
  const deadline = new AbortController();
  const hanging = engine.analyze(ask("hang", deadline.signal));
  const mate = engine.analyze(ask());
  const waiting = engine.analyze(ask());
  await hung(folder);
  deadline.abort();
  await assert.rejects(hanging, code("deadline_exceeded"));
  assert.equal((await mate).envelope.status, "completed");
  assert.equal((await waiting).envelope.status, "completed");
  assert.equal(deaths.length, 1);
  assert.match(deaths[0]!, /hangs/u);
  assert.equal(engine.load().workers, 1);
});

test("answers on another thread a request without a deadline that hung", async () => {
  const folder = mkdtempSync(join(tmpdir(), "florence-thread-"));
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const engine = await open({
      bundles: [folder],
      patience: { callMs: 5000, abortMs: 1000 },
    });
    const working = engine.analyze(ask("hang once"));
    await hung(folder);
    mock.timers.tick(4999);
    assert.equal(engine.load().workers, 1);
    mock.timers.tick(1);
    assert.equal(engine.load().workers, 0);
    mock.timers.tick(0); // the next thread is started at once
    assert.equal((await working).envelope.status, "completed");
  } finally {
    mock.timers.reset();
  }
});

test("gives a request up that hung twice, and answers the next", async () => {
  const folder = mkdtempSync(join(tmpdir(), "florence-thread-"));
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const engine = await open({
      bundles: [folder],
      patience: { callMs: 5000, abortMs: 1000 },
    });
    const working = engine.analyze(ask("hang"));
    const refused = assert.rejects(working, code("engine_unavailable"));
    for (let time = 0; time < 2; time += 1) {
      await hung(folder);
      rmSync(join(folder, "hangs"));
      mock.timers.tick(5000);
      mock.timers.tick(0);
    }
    await refused;
    assert.equal((await engine.analyze(ask())).envelope.status, "completed");
  } finally {
    mock.timers.reset();
  }
});

test("says what its threads' heaps hold", async () => {
  const engine = await open({ workers: 2 });
  assert.ok((await engine.heapBytes()) > 2 * 2 ** 20);
});

test("refuses what is too much for the queue, and answers what waits", async () => {
  const engine = await open({ maxWaiting: 1 });
  const stop = new AbortController();
  const working = engine.analyze(ask("wait", stop.signal));
  const waiting = engine.analyze(ask());
  assert.deepEqual(engine.load(), {
    running: 1,
    waiting: 1,
    capacity: 1,
    workers: 1,
  });
  await assert.rejects(engine.analyze(ask()), (error) => {
    assert.ok(isFlorenceError(error));
    return error.code === "engine_unavailable" && error.retryable;
  });
  stop.abort();
  await assert.rejects(working, code("deadline_exceeded"));
  assert.equal((await waiting).envelope.status, "completed");
});

test("lets a request leave the queue", async () => {
  const engine = await open();
  const stop = new AbortController();
  const leave = new AbortController();
  const working = engine.analyze(ask("wait", stop.signal));
  const waiting = engine.analyze(ask(undefined, leave.signal));
  leave.abort();
  await assert.rejects(waiting, code("deadline_exceeded"));
  assert.equal(engine.load().waiting, 0);
  stop.abort();
  await assert.rejects(working, code("deadline_exceeded"));
});

test("works on several requests at once, one for each thread", async () => {
  const engine = await open({ workers: 2 });
  const stop = new AbortController();
  const working = engine.analyze(ask("wait", stop.signal));
  const { envelope } = await engine.analyze(ask());
  assert.equal(envelope.status, "completed");
  stop.abort();
  await assert.rejects(working, code("deadline_exceeded"));
});

test("does not start over a bundle that cannot be opened", async () => {
  await assert.rejects(
    open({ bundles: ["/nowhere"], workers: 2 }),
    code("bundle_invalid"),
  );
});

test("refuses everything once it is closed", async () => {
  const engine = await open();
  const working = engine.analyze(ask("wait"));
  const refused = assert.rejects(working, code("engine_unavailable"));
  await engine.close();
  await refused;
  await assert.rejects(engine.analyze(ask()), code("engine_unavailable"));
  await assert.rejects(engine.warm(), code("engine_unavailable"));
});
