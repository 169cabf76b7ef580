// What the doors to the analyzer tell of the call: its trace, its deadline, and
// what may go on after its client is gone. An engine elsewhere must know the
// first two.

import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  EngineRequest,
  NearEngine,
} from "../../src/http/engine/engine.ts";
import { createCheckedService } from "./checked-service.ts";
import { createFakeEngine, createFakeHost } from "../fakes/fake-host.ts";
import { BASE64 } from "./job-service.ts";
import { readProblem } from "./requests.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`;
const NOW_MS = 1_000_000;

const chat = (stream: boolean): object => ({
  model: "default",
  stream,
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: "caption" },
        {
          type: "image_url",
          image_url: { url: `data:image/jpeg;base64,${BASE64}` },
        },
      ],
    },
  ],
});

/** Every door that answers while its caller waits. */
const DOORS: readonly (readonly [string, string, object])[] = [
  [
    "an analysis",
    "/v1/analyze",
    { image: { base64: BASE64 }, tasks: [{ task: "caption" }] },
  ],
  ["a task", "/v1/tasks/caption", { image: { base64: BASE64 } }],
  ["a completion", "/v1/chat/completions", chat(false)],
  ["a completion in chunks", "/v1/chat/completions", chat(true)],
  [
    "an agent's call",
    "/mcp",
    {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "caption", arguments: { image: { base64: BASE64 } } },
    },
  ],
  [
    "a batch",
    "/v1/batches",
    { images: [{ base64: BASE64 }], tasks: [{ task: "caption" }] },
  ],
];

/** A service that writes down what its engine was asked. */
async function start(engine?: NearEngine) {
  const asked: EngineRequest[] = [];
  const kept: Promise<unknown>[] = [];
  const host = await createFakeHost({ now: () => NOW_MS });
  const inner = createFakeEngine(host.platform);
  const service = createCheckedService({
    ...host,
    engines: [
      {
        ...inner,
        analyze: (request, events) => {
          asked.push(request);
          return (engine ?? inner).analyze(request, events);
        },
      },
    ],
    keepAlive: (work) => kept.push(work),
  });
  const post = (
    path: string,
    body: object,
    headers: Readonly<Record<string, string>>,
  ) =>
    service.app.request(path, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/json, text/event-stream;q=0.5",
        ...headers,
      },
      body: JSON.stringify(body),
    });
  return { host, service, asked, kept, post };
}

for (const [name, path, body] of DOORS) {
  test(`${name} tells the engine its trace and its deadline`, async () => {
    const { asked, kept, post } = await start();
    const response = await post(path, body, {
      traceparent: TRACEPARENT,
      "Deadline-Ms": "60000",
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    assert.equal(asked.length, 1, text);
    const [request] = asked;
    assert.equal(request?.deadlineAtMs, NOW_MS + 60_000);
    assert.equal(request.traceparent?.split("-")[1], TRACE);
    assert.ok(kept.length > 0);
    await Promise.all(kept);
  });

  test(`${name} refuses a deadline that is none`, async () => {
    const { asked, post } = await start();
    const response = await post(path, body, { "Deadline-Ms": "soon" });
    assert.equal(response.status, 422, await response.clone().text());
    assert.match(await response.text(), /Deadline-Ms is .{0,2}soon/u);
    assert.deepEqual(asked, []);
  });
}

test("chunks, agents and batches are told when their time is over", async () => {
  const endless = createFakeEngine((await createFakeHost()).platform, {
    onEncode: (signal) =>
      new Promise((resolve) => {
        signal!.addEventListener("abort", () => {
          resolve();
        });
      }),
  });
  for (const [name, path, body] of DOORS.slice(3)) {
    const { post } = await start(endless);
    const response = await post(path, body, { "Deadline-Ms": "20" });
    assert.equal(response.status, 200, name);
    assert.match(await response.text(), /deadline_exceeded/u, name);
  }
});

test("an image of a job has its job's trace, and no deadline", async () => {
  const { asked, host, service, post } = await start();
  const response = await post(
    "/v1/jobs",
    { image: { base64: BASE64 }, tasks: [{ task: "caption" }] },
    { traceparent: TRACEPARENT },
  );
  assert.equal(response.status, 202, await response.text());
  for (const message of host.sent.splice(0)) await service.consume(message);
  const [request] = asked;
  assert.equal(request?.traceparent?.split("-")[1], TRACE);
  assert.equal(request.deadlineAtMs, undefined);
});

test("a job refuses a deadline, which it could not keep", async () => {
  const { post } = await start();
  const body = { images: [{ base64: BASE64 }], tasks: [{ task: "caption" }] };
  await readProblem(
    await post("/v1/batches", body, {
      "Deadline-Ms": "1000",
      Prefer: "respond-async",
    }),
    "invalid_request",
  );
});
