import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkMessage } from "../../src/http/ports/work-queue.ts";
import { createCheckedService } from "./checked-service.ts";
import { FlorenceError } from "../../src/shared/errors.ts";
import { createFakeHost } from "../fakes/fake-host.ts";
import { PHOTO } from "./bad-images.ts";
import { ASKED, count, readJob, start, usedImages } from "./job-service.ts";
import { partsOf } from "./requests.ts";

test("takes a job, answers it by the queue, and gives its result", async () => {
  const { host, request, drain } = await start();
  const response = await request("POST", "/v1/jobs", ASKED);
  const job = await readJob(response, 202);
  assert.equal(job.status, "queued");
  assert.equal(response.headers.get("Location"), `/v1/jobs/${job.id}`);
  assert.deepEqual(host.sent, [{ kind: "job_item", jobId: job.id, index: 0 }]);

  await drain();
  const done = await readJob(await request("GET", `/v1/jobs/${job.id}`));
  assert.equal(done.status, "completed");
  assert.equal(done.progress["completed"], 1);
  const [result] = done.results;
  assert.equal(result?.status, "completed");
  assert.deepEqual(result.analysis?.metadata, { order: "A-17" });
  assert.deepEqual(
    result.analysis.results.map(({ task }) => task),
    ["caption", "detect"],
  );
  assert.equal(await usedImages(host), 1);
});

test("takes multipart and raw images as analyze does", async () => {
  const { service, drain, request } = await start();
  const parts = await service.app.request("/v1/jobs", {
    method: "POST",
    body: partsOf({ tasks: [{ task: "caption" }] }),
  });
  const raw = await service.app.request("/v1/jobs?tasks=caption", {
    method: "POST",
    headers: { "Content-Type": "image/jpeg" },
    body: PHOTO,
  });
  const ids = [(await readJob(parts, 202)).id, (await readJob(raw, 202)).id];
  await drain();
  for (const id of ids) {
    const job = await readJob(await request("GET", `/v1/jobs/${id}`));
    assert.equal(job.status, "completed");
  }
});

test("a message that comes twice, or for nothing, changes nothing", async () => {
  const { host, service, request } = await start();
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  const message: WorkMessage = { kind: "job_item", jobId: id, index: 0 };
  await Promise.all([1, 2, 3].map(() => service.consume(message)));
  await service.consume(message);
  await service.consume({ ...message, index: 7 });
  await service.consume({ ...message, jobId: "job_unknown" });
  assert.equal(await count(host, "job_results"), 1);
  assert.equal(await usedImages(host), 1);
});

test("an attempt that comes too late writes nothing", async () => {
  const gate = Promise.withResolvers<undefined>();
  let encodes = 0;
  const { host, service, request, clock } = await start({
    onEncode: async () => {
      encodes += 1;
      if (encodes === 1) await gate.promise;
    },
    // The second attempt must not wait for the first one's turn.
    config: { attempt_seconds: 10 },
  });
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  const message: WorkMessage = { kind: "job_item", jobId: id, index: 0 };
  const late = service.consume(message);
  clock.nowMs += 20_000; // the lease has run out
  const second = createCheckedService({
    ...host,
    engines: (await createFakeHost()).engines,
  });
  await second.consume(message);
  gate.resolve(undefined);
  await late;
  assert.equal(encodes, 1);
  assert.equal(await count(host, "job_results"), 1);
  assert.equal(await usedImages(host), 1);
  const job = await readJob(await request("GET", `/v1/jobs/${id}`));
  assert.equal(job.status, "completed");
});

test("a lost message is sent again by the sweep", async () => {
  const { host, service, request, clock, drain } = await start();
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  host.sent.length = 0;
  await service.sweep();
  assert.deepEqual(host.sent, [], "it has not waited long enough");
  clock.nowMs += 61_000;
  await service.sweep();
  await service.sweep();
  assert.equal(host.sent.length, 1, "hinted once, not by every sweep");
  await drain();
  const job = await readJob(await request("GET", `/v1/jobs/${id}`));
  assert.equal(job.status, "completed");
});

test("tries again later what cannot be answered now", async () => {
  let failures = 2;
  const { host, service, request, clock, drain } = await start({
    onEncode: () => {
      if (failures === 0) return Promise.resolve();
      failures -= 1;
      return Promise.reject(
        new FlorenceError("engine_unavailable", "Not here.", {
          retryable: true,
        }),
      );
    },
  });
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  const message: WorkMessage = { kind: "job_item", jobId: id, index: 0 };
  await service.consume(message);
  await service.consume(message); // not due yet
  assert.equal(failures, 1);
  for (let round = 0; round < 2; round += 1) {
    clock.nowMs += 120_000;
    await service.sweep();
    await drain();
  }
  const job = await readJob(await request("GET", `/v1/jobs/${id}`));
  assert.equal(job.status, "completed");
  assert.equal(await usedImages(host), 1);
});

test("a bug of ours is tried three times, then told as a problem", async () => {
  let encodes = 0;
  const { service, request, clock, host } = await start({
    onEncode: () => {
      encodes += 1;
      return Promise.reject(new Error("internal: a secret"));
    },
  });
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  for (let round = 0; round < 6; round += 1) {
    await service.consume({ kind: "job_item", jobId: id, index: 0 });
    clock.nowMs += 600_000;
  }
  assert.equal(encodes, 3);
  const response = await request("GET", `/v1/jobs/${id}`);
  assert.ok(!(await response.clone().text()).includes("a secret"));
  const job = await readJob(response);
  assert.equal(job.status, "failed");
  assert.equal(job.results[0]?.problem?.code, "internal");
  assert.equal(await usedImages(host), 0);
});

test("an image that ends the process again and again is given up", async () => {
  const { host, service, request, clock } = await start();
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  const over = Promise.withResolvers<never>();
  const dies = createCheckedService({
    ...host,
    engines: [{ ...host.engines[0], analyze: () => over.promise }],
  });
  const message: WorkMessage = { kind: "job_item", jobId: id, index: 0 };
  for (let crash = 0; crash < 5; crash += 1) {
    void dies.consume(message);
    // Its lease is taken once the loop has turned a few times.
    await new Promise((resolve) => setImmediate(resolve));
    clock.nowMs += 200_000;
  }
  await service.consume(message);
  const job = await readJob(await request("GET", `/v1/jobs/${id}`));
  assert.equal(job.status, "failed");
  assert.equal(job.results[0]?.problem?.code, "internal");
  over.reject(new Error("the test is over"));
});
