// Events of a bucket that failed until their queue gave them up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "../../../src/http/ports/database.ts";
import type { DeadEventRecord } from "../../../src/http/observability/telemetry.ts";
import { createService } from "../../../src/http/service.ts";
import { PHOTO } from "../bad-images.ts";
import { createKeyedService } from "../keyed-service.ts";
import { readProblem } from "../requests.ts";

const DAY_MS = 24 * 3600_000;

const EVENT = {
  account: "3f4b7e3dcab231cbfdaa90a6a28bd548",
  action: "PutObject",
  bucket: "my-bucket",
  object: { key: "one/boat.jpg", size: PHOTO.length, eTag: "1" },
  eventTime: "2024-05-24T19:36:44.379Z",
};

interface DeadEvent {
  readonly id: string;
  readonly key: string | null;
  readonly problem: { readonly code: string; readonly detail: string };
}

/** A service whose bucket's tenant has used all images of its month. */
async function start() {
  const clock = { nowMs: Date.UTC(2026, 10, 25) };
  const told: DeadEventRecord[] = [];
  const failures: unknown[] = [];
  const keyed = await createKeyedService({
    now: () => clock.nowMs,
    config: {
      bucket_tasks: { one: [{ task: "caption" }] },
      images_per_month: 1,
    },
  });
  const { host, makeKey } = keyed;
  await host.bucket.put("one/boat.jpg", PHOTO, "image/jpeg");
  const setUsed = (used: number) =>
    host.database.batch([
      sql`INSERT INTO usage_windows (principal, kind, window_start_ms, used)
        VALUES ('hook:r2', 'images', ${Date.UTC(2026, 10)}, ${used})
        ON CONFLICT DO UPDATE SET used = excluded.used`,
    ]);
  await setUsed(1);
  const service = createService({
    ...host,
    telemetry: { deadEvent: (record) => told.push(record) },
    onFailure: (error) => failures.push(error),
  });
  const bearers = {
    one: (await makeKey()).secret,
    two: (await makeKey({ tenant: "two" })).secret,
  };
  const ask = async (
    tenant: keyof typeof bearers,
    path: string,
    method = "GET",
  ): Promise<Response> =>
    await service.app.request(path, {
      method,
      headers: { Authorization: `Bearer ${bearers[tenant]}` },
    });
  const list = async (tenant: keyof typeof bearers) => {
    const response = await ask(tenant, "/v1/dead-events");
    return ((await response.json()) as { data: readonly DeadEvent[] }).data;
  };
  return { clock, host, service, told, failures, setUsed, ask, list };
}

test("are kept once, told of, and shown to their tenant with the reason", async () => {
  const { service, told, list } = await start();
  await assert.rejects(service.bucketEvents(EVENT));
  await service.buryBucketEvent(EVENT);
  await service.buryBucketEvent(EVENT);
  const [dead, ...more] = await list("one");
  assert.deepEqual(more, []);
  assert.equal(dead?.key, "one/boat.jpg");
  assert.equal(dead.problem.code, "quota_exceeded");
  assert.deepEqual(told, [
    { id: dead.id, tenant: "one", code: "quota_exceeded" },
  ]);
  assert.deepEqual(await list("two"), []);
});

test("are taken when they are replayed in better times", async () => {
  const { service, host, setUsed, ask, list } = await start();
  await service.buryBucketEvent(EVENT);
  const [dead] = await list("one");
  const path = `/v1/dead-events/${dead!.id}/replay`;
  await readProblem(await ask("two", path, "POST"), "not_found");
  await readProblem(await ask("one", path, "POST"), "quota_exceeded");
  assert.equal((await list("one")).length, 1);
  await setUsed(0);
  assert.equal((await ask("one", path, "POST")).status, 204);
  assert.deepEqual(await list("one"), []);
  await readProblem(await ask("one", path, "POST"), "not_found");
  const [upload] = await host.database.all(sql`SELECT job_id FROM uploads`);
  assert.match(String(upload?.["job_id"]), /^job_/u);
});

test("are nothing where the last try went well", async () => {
  const { service, setUsed, told, list } = await start();
  await setUsed(0);
  await service.buryBucketEvent(EVENT);
  assert.deepEqual([await list("one"), told], [[], []]);
});

test("that are no events are logged, and kept for nobody", async () => {
  const { service, host, told, failures, list } = await start();
  await service.buryBucketEvent({ unheard: "of" });
  assert.equal(told[0]?.tenant, "");
  assert.equal(told[0].code, "internal");
  assert.match(String(failures[0]), /no event of an R2 bucket/u);
  assert.deepEqual(await list("one"), []);
  const [row] = await host.database.all(sql`SELECT body FROM dead_events`);
  assert.equal(row?.["body"], '{"unheard":"of"}');
});

test("are forgotten after thirty days", async () => {
  const { service, clock, list } = await start();
  await service.buryBucketEvent(EVENT);
  clock.nowMs += 30 * DAY_MS - 1;
  await service.sweep();
  assert.equal((await list("one")).length, 1);
  clock.nowMs += 1;
  await service.sweep();
  assert.deepEqual(await list("one"), []);
});
