// Several who ask of the same picture at once: one looks, the others wait.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { createFlights } from "../../src/http/features/flights.ts";
import { createCheckedService } from "./checked-service.ts";
import { FlorenceError, isFlorenceError } from "../../src/shared/errors.ts";
import type { Envelope } from "../../src/shared/schema/analysis.ts";
import type { FakeHostOptions } from "../fakes/fake-host.ts";
import { PHOTO } from "./bad-images.ts";
import { createKeyedService, postJson } from "./keyed-service.ts";
import { readProblem } from "./requests.ts";

const BYTES = {
  image: { base64: Buffer.from(PHOTO).toString("base64") },
  tasks: [{ task: "caption" }],
};

/** A vision pass that goes on until it is told how to end. */
interface HeldPass {
  end(error?: Error): void;
}

/** A service whose engine sees several at a time and lets the test end each. */
async function held(options: FakeHostOptions = {}) {
  const passes: HeldPass[] = [];
  const service = await createKeyedService({
    isConcurrent: true,
    onEncode: (signal) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener("abort", () => {
          resolve();
        });
        passes.push({
          end(error) {
            if (error === undefined) resolve();
            else reject(error);
          },
        });
      }),
    ...options,
  });
  const { secret: key } = await service.makeKey();
  const ask = (
    body: unknown,
    init: RequestInit = {},
    bearer = key,
  ): Promise<Response> =>
    service.ask(bearer, "/v1/analyze", { ...postJson(body), ...init });
  return { passes, service, ask };
}

/** Lets what is under way go as far as it can. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function envelopeOf(answering: Promise<Response>): Promise<Envelope> {
  const response = await answering;
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as Envelope;
}

test("sees a picture once for all who ask of it at once", async () => {
  const { ask, passes } = await held();
  const answers = [ask(BYTES), ask(BYTES), ask(BYTES)].map(envelopeOf);
  await settled();
  assert.equal(passes.length, 1);
  passes[0]!.end();
  const envelopes = await Promise.all(answers);
  const used = envelopes.map(({ usage }) => usage.vision_passes);
  assert.deepEqual(used.sort(), [0, 0, 1]);
  const ids = new Set(envelopes.map(({ image }) => image.feature_id));
  assert.equal(ids.size, 1);
  assert.ok(!ids.has(undefined));
  assert.equal(passes.length, 1);
});

test("lets nobody wait who asks for a pass of their own", async () => {
  const { ask, passes, service } = await held();
  const { secret: stranger } = await service.makeKey({ tenant: "two" });
  const answers = [
    ask(BYTES),
    ask(BYTES, {}, stranger),
    ask({ ...BYTES, options: { cache: "off" } }),
  ].map(envelopeOf);
  await settled();
  assert.equal(passes.length, 3);
  for (const pass of passes) pass.end();
  for (const { usage } of await Promise.all(answers)) {
    assert.equal(usage.vision_passes, 1);
  }
});

test("fails nobody who waited for a pass that failed", async () => {
  const { ask, passes } = await held();
  const first = ask(BYTES);
  const others = [ask(BYTES), ask(BYTES)].map(envelopeOf);
  await settled();
  passes[0]!.end(new FlorenceError("engine_bad_output", "It saw nothing."));
  await readProblem(await first, "engine_bad_output");
  await settled();
  assert.equal(passes.length, 2, "one of them makes the next");
  passes[1]!.end();
  const used = (await Promise.all(others)).map((one) => one.usage);
  assert.deepEqual(used.map((one) => one.vision_passes).sort(), [0, 1]);
});

test("fails nobody who waited for a request that was aborted", async () => {
  const { ask, passes } = await held();
  const gone = new AbortController();
  const first = ask(BYTES, { signal: gone.signal });
  await settled();
  const other = envelopeOf(ask(BYTES));
  await settled();
  assert.equal(passes.length, 1);
  gone.abort();
  await readProblem(await first, "deadline_exceeded");
  await settled();
  assert.equal(passes.length, 2);
  passes[1]!.end();
  assert.equal((await other).usage.vision_passes, 1);
});

test("lets who waits leave at a deadline of their own", async () => {
  const { ask, passes } = await held();
  const gone = new AbortController();
  const first = envelopeOf(ask(BYTES));
  await settled();
  const other = ask(BYTES, { signal: gone.signal });
  await settled();
  gone.abort();
  await readProblem(await other, "deadline_exceeded");
  passes[0]!.end();
  assert.equal((await first).usage.vision_passes, 1);
});

test("makes a pass of one's own where the awaited one cannot be kept", async () => {
  const { passes, service } = await held();
  const [engine] = service.host.engines;
  const blind = {
    ...engine,
    // An engine elsewhere keeps what it saw to itself.
    analyze: async (...[request]: Parameters<typeof engine.analyze>) => ({
      ...(await engine.analyze(request)),
      seen: null,
    }),
  };
  const { app } = createCheckedService({ ...service.host, engines: [blind] });
  const { secret } = await service.makeKey();
  const headers = { Authorization: `Bearer ${secret}` };
  const asked = (): Promise<Envelope> =>
    envelopeOf(
      Promise.resolve(app.request("/v1/analyze", postJson(BYTES, headers))),
    );
  const answers = [asked(), asked(), asked()];
  await settled();
  assert.equal(passes.length, 1);
  passes[0]!.end();
  await settled();
  assert.equal(passes.length, 3, "both at once, not one after the other");
  passes[1]!.end();
  passes[2]!.end();
  for (const { usage } of await Promise.all(answers)) {
    assert.equal(usage.vision_passes, 1);
  }
});

test("lets so many wait for a pass and no more", async () => {
  const flights = createFlights();
  const { signal } = new AbortController();
  const flight = flights.begin("a", signal)!;
  assert.equal(flights.begin("a", signal), null);
  assert.equal(await flights.wait("b", signal), null);
  const waiting = Array.from({ length: 16 }, () => flights.wait("a", signal));
  assert.equal(await flights.wait("a", signal), null);
  flight.end("seen");
  flight.end("failed");
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(["seen"]));
  assert.equal(await flights.wait("a", signal), null);
  assert.notEqual(flights.begin("a", signal), null);
  await assert.rejects(
    flights.wait("a", AbortSignal.abort()),
    (error) => isFlorenceError(error) && error.code === "deadline_exceeded",
  );
});

test("waits no longer than its maker, and not for ever", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const flights = createFlights();
    const { signal } = new AbortController();
    const maker = new AbortController();
    flights.begin("a", maker.signal);
    const waiting = flights.wait("a", signal);
    maker.abort();
    assert.equal(await waiting, "failed");
    flights.begin("a", signal);
    const inVain = flights.wait("a", signal);
    mock.timers.tick(30_000);
    assert.equal(await inVain, null);
  } finally {
    mock.timers.reset();
  }
});
