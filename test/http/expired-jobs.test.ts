// Jobs that nobody could answer before their time was over: whoever waits for
// an answer is told that none will come.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "../../src/http/ports/database.ts";
import { PHOTO } from "./bad-images.ts";
import {
  jobBody,
  startWebhookService,
  type WebhookService,
} from "./webhooks/webhook-service.ts";

const KEEP_MS = 86_400_000;
const RECEIVER = "https://a.example/hook";

/** What was received of failed images. */
function failures({
  received,
}: WebhookService): readonly Readonly<Record<string, unknown>>[] {
  return received.map(({ body, headers }) => {
    const { type, data } = JSON.parse(body) as {
      readonly type: string;
      readonly data: Readonly<Record<string, unknown>>;
    };
    assert.equal(type, "analysis.failed");
    return { ...data, traceparent: headers["traceparent"] };
  });
}

test("tells of a job that expired before it was taken up, once", async () => {
  const started = await startWebhookService();
  const { clock, service, request, drain } = started;
  started.isLost = ({ kind }) => kind === "job_item";
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const response = await request(
    "POST",
    "/v1/jobs",
    jobBody(PHOTO, { callback: { url: RECEIVER, full: true } }),
    { traceparent },
  );
  const { id } = (await response.json()) as { readonly id: string };
  await drain();
  clock.nowMs += KEEP_MS;
  for (let sweep = 0; sweep < 3; sweep += 1) {
    await service.sweep();
    await drain();
  }
  const [failed, ...more] = failures(started);
  assert.deepEqual(more, []);
  assert.equal(failed?.["job_id"], id);
  assert.equal(failed["index"], 0);
  assert.equal(failed["status"], "failed");
  assert.match(String(failed["summary"]), /expired.*Send it again/u);
  const { code } = failed["problem"] as { readonly code: string };
  assert.equal(code, "expired");
  assert.match(String(failed["traceparent"]), /4bf92f3577b34da6/u);
  assert.equal((await request("GET", `/v1/jobs/${id}`)).status, 410);
});

test("tells of every image of a large job, registered receivers too", async () => {
  const started = await startWebhookService();
  const { clock, service, request, drain, host } = started;
  started.isLost = ({ kind }) => kind === "job_item";
  await request("POST", "/v1/webhook-endpoints", {
    url: RECEIVER,
    events: ["analysis.failed"],
    filter: { tasks: ["caption"] },
  });
  const images = Array.from({ length: 230 }, (_, index) => ({
    url: `https://photos.example/${index}.jpg`,
  }));
  const tasks = [{ task: "caption" }];
  const made = await request("POST", "/v1/batches", { images, tasks });
  assert.equal(made.status, 202, await made.clone().text());
  // One was answered in time.
  await host.database.batch([
    sql`UPDATE job_items SET state = 'completed' WHERE item_index = 7`,
  ]);
  clock.nowMs += KEEP_MS;
  await service.sweep();
  await drain();
  const indices = failures(started).map((one) => Number(one["index"]));
  assert.deepEqual(
    indices.toSorted((a, b) => a - b),
    images.map((_, index) => index).filter((index) => index !== 7),
  );
  const items = await host.database.all(sql`SELECT * FROM job_items`);
  assert.deepEqual(items, []);
});

test("says nothing of a job that was cancelled", async () => {
  const started = await startWebhookService();
  const { clock, service, request, drain } = started;
  started.isLost = ({ kind }) => kind === "job_item";
  const body = jobBody(PHOTO, { callback: { url: RECEIVER } });
  const response = await request("POST", "/v1/jobs", body);
  const { id } = (await response.json()) as { readonly id: string };
  await request("DELETE", `/v1/jobs/${id}`);
  clock.nowMs += KEEP_MS;
  await service.sweep();
  await drain();
  assert.deepEqual(started.received, []);
});
