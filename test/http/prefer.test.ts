// `Prefer` (RFC 7240) and batches: at once, or as a job.

import assert from "node:assert/strict";
import { test } from "node:test";
import { preferOf } from "../../src/http/jobs/prefer.ts";
import {
  ASKED,
  BASE64,
  count,
  readJob,
  start,
  usedImages,
} from "./job-service.ts";
import { readEnvelope, readProblem } from "./requests.ts";

test("reads the preferences it knows, and leaves the others alone", () => {
  const read = (prefer: string) =>
    preferOf(new Request("http://a.test", { headers: { Prefer: prefer } }));
  const nothing = { waitSeconds: null, isAsync: false };
  assert.deepEqual(preferOf(new Request("http://a.test")), nothing);
  assert.deepEqual(read("return=minimal"), nothing);
  assert.deepEqual(read("wait=soon"), nothing);
  assert.deepEqual(read("respond-async"), { waitSeconds: null, isAsync: true });
  assert.deepEqual(read('Respond-Async; x=1, WAIT="20", wait=3'), {
    waitSeconds: 20,
    isAsync: true,
  });
  assert.equal(read("wait=86400").waitSeconds, 60);
});

test("an analysis that is waited for comes as its envelope", async () => {
  const { host, request } = await start();
  const response = await request("POST", "/v1/analyze", ASKED, {
    Prefer: "wait=20",
  });
  assert.equal(response.headers.get("Preference-Applied"), "wait=20");
  const { results } = await readEnvelope(response);
  assert.equal(results.length, 2);
  assert.equal(await usedImages(host), 1);
});

test("an analysis that is not there in time comes as a job", async () => {
  const gate = Promise.withResolvers<undefined>();
  const { request } = await start({ onEncode: () => gate.promise });
  const response = await request("POST", "/v1/analyze", ASKED, {
    Prefer: "wait=1",
  });
  const job = await readJob(response, 202);
  assert.equal(job.status, "running");
  assert.equal(response.headers.get("Location"), `/v1/jobs/${job.id}`);
  gate.resolve(undefined);
  let status = "";
  while (status !== "completed") {
    ({ status } = await readJob(await request("GET", `/v1/jobs/${job.id}`)));
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test("a failure that is waited for comes as its problem", async () => {
  const { request } = await start();
  const broken = { ...ASKED, image: { base64: btoa("no image at all") } };
  const response = await request("POST", "/v1/analyze", broken, {
    Prefer: "wait=5",
  });
  await readProblem(response, "unsupported_media_type");
});

test("respond-async makes a job of an analysis", async () => {
  const { host, request, drain } = await start();
  const response = await request("POST", "/v1/analyze", ASKED, {
    Prefer: "respond-async",
  });
  const { id } = await readJob(response, 202);
  assert.equal(response.headers.get("Preference-Applied"), "respond-async");
  assert.equal(host.sent.length, 1);
  await drain();
  const job = await readJob(await request("GET", `/v1/jobs/${id}`));
  assert.equal(job.status, "completed");
});

test("a job that is waited for comes with its results", async () => {
  const { request } = await start();
  const response = await request("POST", "/v1/jobs", ASKED, {
    Prefer: "wait=20",
  });
  const job = await readJob(response);
  assert.equal(job.status, "completed");
  assert.equal(job.results.length, 1);
});

test("refuses a deadline beside a preference for a job", async () => {
  const { request } = await start();
  const response = await request("POST", "/v1/analyze", ASKED, {
    Prefer: "wait=1",
    "Deadline-Ms": "1000",
  });
  await readProblem(response, "invalid_request");
});

test("a job that is sent again with its key is the same job", async () => {
  const { host, request } = await start();
  const send = async (body: unknown) =>
    await request("POST", "/v1/jobs", body, { "Idempotency-Key": "one" });
  const first = await readJob(await send(ASKED), 202);
  assert.equal((await readJob(await send(ASKED), 202)).id, first.id);
  // As if the process had ended between making the job and keeping its answer.
  await host.database.batch([
    { text: "DELETE FROM idempotency_keys", values: [] },
  ]);
  assert.equal((await readJob(await send(ASKED), 202)).id, first.id);
  assert.equal(await count(host, "jobs"), 1);
  const other = { ...ASKED, metadata: {} };
  await readProblem(await send(other), "idempotency_mismatch");
});

const TASKS = [{ task: "caption" }];

test("answers a batch at once, each image for itself", async () => {
  const { host, request } = await start();
  const response = await request("POST", "/v1/batches", {
    images: [{ base64: BASE64 }, { base64: btoa("no image") }],
    tasks: TASKS,
    metadata: { order: "A-17" },
  });
  const batch = await readJob(response);
  assert.equal(batch.status, "partial");
  assert.deepEqual(
    batch.results.map(({ index, status, problem }) => [
      index,
      status,
      problem?.code,
    ]),
    [
      [0, "completed", undefined],
      [1, "failed", "unsupported_media_type"],
    ],
  );
  assert.equal(await usedImages(host), 1);
  assert.equal(await count(host, "jobs"), 0);
});

test("makes a job of more than 16 images, and of a callback", async () => {
  const { host, request } = await start();
  const many = Array.from({ length: 1000 }, (_, index) => ({
    url: `https://example.com/${index}.jpg`,
  }));
  const response = await request("POST", "/v1/batches", {
    images: many,
    tasks: TASKS,
  });
  const job = await readJob(response, 202);
  assert.equal(job.progress["queued"], 1000);
  assert.equal(host.sent.length, 1000);
  const called = await request("POST", "/v1/batches", {
    images: [{ base64: BASE64 }],
    tasks: TASKS,
    callback: { url: "https://example.com/hook" },
  });
  await readJob(called, 202);
});

test("refuses batches and callbacks that cannot be", async () => {
  const { request } = await start({ config: { images_per_month: 3 } });
  const image = { base64: BASE64 };
  const refusals: readonly (readonly [string, string, object, string])[] = [
    ["/v1/batches", "invalid_request", { images: [] }, "/images"],
    ["/v1/batches", "invalid_request", { images: [{}] }, "/images/0"],
    [
      "/v1/batches",
      "quota_exceeded",
      { images: [1, 2, 3, 4].map(() => ({ url: "https://example.com/" })) },
      "",
    ],
    [
      "/v1/batches",
      "invalid_request",
      { images: [image], colour: 1 },
      "/colour",
    ],
    ["/v1/jobs", "invalid_request", { image, callback: {} }, "/callback"],
    [
      "/v1/jobs",
      "url_forbidden",
      { image, callback: { url: "http://127.0.0.1/" } },
      "/callback/url",
    ],
    [
      "/v1/jobs",
      "not_found",
      { image, callback: { endpoint_id: "we_unknown" } },
      "/callback/endpoint_id",
    ],
  ];
  for (const [path, code, body, pointer] of refusals) {
    const response = await request("POST", path, { tasks: TASKS, ...body });
    const problem = await readProblem(response, code as "invalid_request");
    assert.equal(problem.errors?.[0]?.pointer ?? "", pointer);
  }
});

test("images of open jobs count against the month", async () => {
  const { request, drain, service, clock } = await start({
    config: { images_per_month: 2 },
  });
  const send = async () => await request("POST", "/v1/jobs", ASKED);
  const { id } = await readJob(await send(), 202);
  await readJob(await send(), 202);
  await readProblem(await send(), "quota_exceeded");
  await request("DELETE", `/v1/jobs/${id}`);
  await readJob(await send(), 202);
  await drain();
  await readProblem(await send(), "quota_exceeded");
  clock.nowMs = Date.UTC(2026, 11, 1);
  await service.sweep();
  await readJob(await send(), 202);
});
