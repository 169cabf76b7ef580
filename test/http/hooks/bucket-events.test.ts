import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "../../../src/http/ports/database.ts";
import { PHOTO, PHOTO_PNG } from "../bad-images.ts";
import { readProblem } from "../requests.ts";
import {
  startWebhookService,
  type WebhookService,
} from "../webhooks/webhook-service.ts";

/** The documented body: developers.cloudflare.com/r2/buckets/event-notifications */
function r2Event(
  action: string,
  object: object,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    account: "3f4b7e3dcab231cbfdaa90a6a28bd548",
    action,
    bucket: "my-bucket",
    object,
    eventTime: "2024-05-24T19:36:44.379Z",
    ...more,
  };
}

const ETAG = { eTag: "c846ff7a18f28c2e262116d6e8719ef0" };

async function start(): Promise<WebhookService> {
  const started = await startWebhookService({
    config: { bucket_tasks: { local: [{ task: "caption" }] } },
  });
  await started.host.bucket.put("local/boat.jpg", PHOTO, "image/jpeg");
  await started.host.bucket.put("other/boat.jpg", PHOTO, "image/jpeg");
  return started;
}

async function uploadsOf({ host }: WebhookService) {
  return await host.database.all(
    sql`SELECT tenant, source, source_key, state, job_id FROM uploads ORDER BY created_ms`,
  );
}

test("makes one upload and one job of each way a picture comes", async () => {
  const started = await start();
  const size = PHOTO.length;
  const object = { key: "local/boat.jpg", size, ...ETAG };
  const put = r2Event("PutObject", object);
  await started.service.bucketEvents(put);
  await started.service.bucketEvents(put);
  await started.service.bucketEvents(
    r2Event(
      "CopyObject",
      { ...object, eTag: "2" },
      { copySource: { bucket: "my-bucket", object: "local/first.jpg" } },
    ),
  );
  await started.service.bucketEvents(
    r2Event("CompleteMultipartUpload", { ...object, eTag: "3-1" }),
  );
  await started.drain();
  const rows = await uploadsOf(started);
  assert.equal(rows.length, 3);
  for (const row of rows) {
    assert.equal(row["source"], "r2");
    assert.equal(row["source_key"], "local/boat.jpg");
    assert.equal(row["state"], "stored");
    assert.match(String(row["job_id"]), /^job_/u);
  }
  const traces = await started.host.database.all(
    sql`SELECT DISTINCT traceparent FROM jobs`,
  );
  assert.equal(traces.length, 3, "each has a trace of its own");
});

test("tells endpoints of it, with an address the picture can be read at", async () => {
  const started = await start();
  await started.request("POST", "/v1/webhook-endpoints", {
    url: "https://a.example/hook",
    events: ["image.uploaded"],
    filter: { sources: ["r2"] },
  });
  const object = { key: "local/boat.jpg", size: PHOTO.length, ...ETAG };
  await started.service.bucketEvents(r2Event("PutObject", object));
  await started.drain();
  const { data } = JSON.parse(started.received[0]!.body) as {
    readonly data: Readonly<Record<string, unknown>>;
  };
  assert.equal(data["key"], "local/boat.jpg");
  const url = new URL(String(data["image_url"]));
  const file = await started.request("GET", url.pathname + url.search);
  assert.deepEqual(new Uint8Array(await file.arrayBuffer()), PHOTO);
});

test("does not take a file for the one that it replaced", async () => {
  const started = await start();
  const { host, service, request } = started;
  const object = { key: "local/boat.jpg", size: PHOTO.length, ...ETAG };
  await service.bucketEvents(r2Event("PutObject", object));
  const [row] = await host.database.all(sql`SELECT id FROM uploads`);
  await host.bucket.put("local/boat.jpg", PHOTO_PNG, "image/png");
  const analysis = await request("POST", "/v1/analyze", {
    image: { upload_id: row!["id"] },
    tasks: [{ task: "caption" }],
  });
  await readProblem(analysis, "expired");
});

test("leaves alone deletions, other files and keys of nobody", async () => {
  const started = await start();
  const { service, host } = started;
  await host.bucket.put("local/a.txt", new TextEncoder().encode("text"), "");
  const size = PHOTO.length;
  for (const event of [
    r2Event("DeleteObject", { key: "local/boat.jpg" }),
    r2Event("LifecycleDeletion", { key: "local/boat.jpg" }),
    r2Event("PutObject", { key: "boat.jpg", size, ...ETAG }),
    r2Event("PutObject", { key: "no tenant/boat.jpg", size, ...ETAG }),
    r2Event("PutObject", { key: "local/../other/boat.jpg", size, ...ETAG }),
    r2Event("PutObject", { key: "local/boat.jpg", size: 1e9, ...ETAG }),
  ]) {
    await service.bucketEvents(event);
  }
  assert.deepEqual(await uploadsOf(started), []);
  for (const key of ["local/a.txt", "local/gone.jpg"]) {
    await service.bucketEvents(r2Event("PutObject", { key, size, ...ETAG }));
  }
  const states = (await uploadsOf(started)).map(({ state }) => state);
  assert.deepEqual(states, ["waiting", "waiting"]);
  await assert.rejects(service.bucketEvents({ kind: "nothing known" }));
});

test("asks nothing of the pictures of a tenant without tasks", async () => {
  const started = await start();
  const object = { key: "other/boat.jpg", size: PHOTO.length, ...ETAG };
  await started.service.bucketEvents(r2Event("PutObject", object));
  const [row] = await uploadsOf(started);
  assert.equal(row!["tenant"], "other");
  assert.equal(row!["job_id"], null);
});
