// How jobs end without an answer, and how they are followed until then.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "../../src/http/ports/database.ts";
import type { WorkMessage } from "../../src/http/ports/work-queue.ts";
import { createCheckedService } from "./checked-service.ts";
import { PHOTO } from "./bad-images.ts";
import {
  ASKED,
  BASE64,
  count,
  readJob,
  start,
  usedImages,
} from "./job-service.ts";
import { readProblem } from "./requests.ts";

const KEEP_MS = 86_400_000;

test("a job that is cancelled gets no result, and no usage", async () => {
  const begun = Promise.withResolvers<undefined>();
  const gate = Promise.withResolvers<undefined>();
  const { host, service, request, drain } = await start({
    onEncode: async () => {
      begun.resolve(undefined);
      await gate.promise;
    },
  });
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  const working = drain();
  await begun.promise;
  const cancelled = await readJob(await request("DELETE", `/v1/jobs/${id}`));
  assert.equal(cancelled.status, "cancelled");
  assert.equal(cancelled.progress["cancelled"], 1);
  gate.resolve(undefined);
  await working;
  await service.consume({ kind: "job_item", jobId: id, index: 0 });
  assert.equal(await count(host, "job_results"), 0);
  assert.equal(await usedImages(host), 0);
  const again = await readJob(await request("DELETE", `/v1/jobs/${id}`));
  assert.equal(again.status, "cancelled");
});

test("a job that has ended cannot be cancelled", async () => {
  const { request, drain } = await start();
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  await drain();
  const response = await request("DELETE", `/v1/jobs/${id}`);
  const { detail } = await readProblem(response, "job_not_cancellable");
  assert.match(detail, /completed/u);
});

test("a job expires, stays known as expired, and is forgotten", async () => {
  const { host, service, request, drain, clock } = await start();
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  clock.nowMs += KEEP_MS / 2;
  await drain();
  // Kept from its end, not from its beginning.
  clock.nowMs += KEEP_MS - 1;
  await service.sweep();
  await readJob(await request("GET", `/v1/jobs/${id}`));
  clock.nowMs += 1;
  for (const path of [`/v1/jobs/${id}`, `/v1/jobs/${id}/events`]) {
    await readProblem(await request("GET", path), "expired");
  }
  await service.sweep();
  await readProblem(await request("GET", `/v1/jobs/${id}`), "expired");
  await readProblem(await request("DELETE", `/v1/jobs/${id}`), "expired");
  for (const table of ["job_items", "job_results", "job_events"]) {
    assert.equal(await count(host, table), 0, table);
  }
  clock.nowMs += KEEP_MS;
  await service.sweep();
  await readProblem(await request("GET", `/v1/jobs/${id}`), "not_found");
  assert.equal(await count(host, "jobs"), 0);
});

test("a job that nobody could answer in time expires, too", async () => {
  const { service, request, clock } = await start();
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  clock.nowMs += KEEP_MS;
  await service.sweep();
  await service.consume({ kind: "job_item", jobId: id, index: 0 });
  await readProblem(await request("GET", `/v1/jobs/${id}`), "expired");
});

test("the pictures of a job are deleted once it has ended", async () => {
  const { host, service, request, drain } = await start();
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  const key = `jobs/local/${id}/0`;
  assert.deepEqual((await host.store.get(key))?.bytes, new Uint8Array(PHOTO));
  await drain();
  await service.sweep();
  assert.equal(await host.store.get(key), null);
  assert.equal(await count(host, "job_blobs"), 0);
});

test("a result too large for a row is kept in the store, then deleted", async () => {
  const { host, request, service, clock } = await start();
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  const [engine] = host.engines;
  const large = createCheckedService({
    ...host,
    engines: [
      {
        ...engine,
        analyze: async (...given) => {
          const answer = await engine.analyze(...given);
          const warnings = ["x".repeat(600_000)];
          return { ...answer, envelope: { ...answer.envelope, warnings } };
        },
      },
    ],
  });
  await large.consume({ kind: "job_item", jobId: id, index: 0 });
  const [row] = await host.database.all(
    sql`SELECT body, blob_key FROM job_results WHERE job_id = ${id}`,
  );
  assert.equal(row?.["body"], null);
  const job = await readJob(await request("GET", `/v1/jobs/${id}`));
  assert.equal(job.results[0]?.status, "completed");
  clock.nowMs += KEEP_MS;
  await service.sweep();
  assert.equal(await host.store.get(String(row["blob_key"])), null);
});

interface SentEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

function parseEvents(text: string): readonly SentEvent[] {
  return text
    .split("\n\n")
    .filter((block) => block.startsWith("id:"))
    .map((block) => {
      const [id, event, data] = block
        .split("\n")
        .map((line) => line.slice(line.indexOf(":") + 2));
      return {
        id: id!,
        event: event!,
        data: JSON.parse(data!) as SentEvent["data"],
      };
    });
}

/** Of a caption of a few words and one object. */
const EVENTS = [
  ...["started", "vision_done", "token", "token", "token", "object"],
  ...["result", "result", "done"],
];

test("tells what happened to a job, and goes on after Last-Event-ID", async () => {
  const { request, drain } = await start();
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  await drain();
  const response = await request("GET", `/v1/jobs/${id}/events`);
  assert.equal(response.headers.get("Content-Type"), "text/event-stream");
  const events = parseEvents(await response.text());
  assert.deepEqual(
    events.map(({ event }) => event),
    EVENTS,
  );
  const [result] = events.filter(({ event }) => event === "result");
  assert.equal(result!.data["task"], "caption");
  const said = events
    .filter(({ event }) => event === "token")
    .map(({ data }) => data["delta"]);
  assert.equal(said.join(""), result!.data["text"]);
  for (const { event, data } of events.slice(0, -1)) {
    assert.equal(data["index"], 0, event);
  }
  assert.equal(events.at(-1)!.data["status"], "completed");

  // From wherever the stream was cut, within a row of events and after it.
  for (const [at, { id: last }] of events.entries()) {
    const rest = await request("GET", `/v1/jobs/${id}/events`, undefined, {
      "Last-Event-ID": last,
    });
    assert.deepEqual(parseEvents(await rest.text()), events.slice(at + 1));
  }
});

test("follows a job that is still at work, to its end", async () => {
  const { request, drain } = await start();
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  const response = await request("GET", `/v1/jobs/${id}/events`);
  const reader = response
    .body!.pipeThrough(new TextDecoderStream())
    .getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    // The stream is open, and nothing has happened yet.
    if (text === "") await drain();
    text += value;
  }
  assert.deepEqual(
    parseEvents(text).map(({ event }) => event),
    EVENTS,
  );
});

test("tells of an image that failed, and of a cancelled job's end", async () => {
  const { request, drain } = await start();
  const broken = { ...ASKED, image: { base64: btoa("no image at all") } };
  const failed = await readJob(await request("POST", "/v1/jobs", broken), 202);
  await drain();
  const events = await request("GET", `/v1/jobs/${failed.id}/events`);
  const [error, done] = parseEvents(await events.text());
  assert.equal(error?.event, "error");
  assert.equal(error.data["code"], "unsupported_media_type");
  assert.equal(done?.data["status"], "failed");

  const other = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  await request("DELETE", `/v1/jobs/${other.id}`);
  const ended = await request("GET", `/v1/jobs/${other.id}/events`);
  assert.deepEqual(
    parseEvents(await ended.text()).map(({ event }) => event),
    ["done"],
  );
});

test("a job of several images ends with the last of them", async () => {
  const { host, service, request } = await start();
  const images = [
    { base64: BASE64 },
    { base64: btoa("no image") },
    { base64: BASE64 },
  ];
  const response = await request(
    "POST",
    "/v1/batches",
    { images, tasks: [{ task: "caption" }] },
    { Prefer: "respond-async" },
  );
  const { id } = await readJob(response, 202);
  const messages: WorkMessage[] = host.sent.splice(0);
  assert.equal(messages.length, 3);
  for (const message of messages.reverse()) {
    const before = await readJob(await request("GET", `/v1/jobs/${id}`));
    assert.notEqual(before.status, "partial");
    await service.consume(message);
  }
  const job = await readJob(await request("GET", `/v1/jobs/${id}`));
  assert.equal(job.status, "partial");
  assert.deepEqual(
    job.results.map(({ index, status }) => [index, status]),
    [
      [0, "completed"],
      [1, "failed"],
      [2, "completed"],
    ],
  );
  assert.equal(await usedImages(host), 2);
  const page = await readJob(await request("GET", `/v1/jobs/${id}?limit=2`));
  assert.equal(page.next_after, 1);
  const next = await readJob(await request("GET", `/v1/jobs/${id}?after=1`));
  assert.deepEqual(
    next.results.map(({ index }) => index),
    [2],
  );
});
