// A bucket event that fails until its queue gives it up, in workerd: Queues,
// their dead-letter queue and its consumer, as `wrangler.toml` has them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sql } from "../../src/http/ports/database.ts";
import { PHOTO } from "../http/bad-images.ts";
import { startWorkerdTarget, type WorkerdTarget } from "./workerd-target.ts";

let target: WorkerdTarget;

before(async () => {
  // One try more, not the ten that are deployed: they take an hour.
  target = await startWorkerdTarget(
    { FLORENCE_IMAGES_PER_MONTH: "1" },
    { maxRetries: 1 },
  );
});
after(() => target.close());

test("is shown and logged when it is dead, and taken when it is replayed", async () => {
  const key = "first/boat.jpg";
  await target.putBucket(key, PHOTO);
  const now = new Date();
  const month = Date.UTC(now.getUTCFullYear(), now.getUTCMonth());
  const setUsed = (used: number) =>
    target.write(
      sql`INSERT INTO usage_windows (principal, kind, window_start_ms, used)
        VALUES ('hook:r2', 'images', ${month}, ${used})
        ON CONFLICT DO UPDATE SET used = excluded.used`,
    );
  await setUsed(1);
  await target.sendBucketEvent?.({
    account: "3f4b7e3dcab231cbfdaa90a6a28bd548",
    action: "PutObject",
    bucket: "florence-bucket",
    object: { key, size: PHOTO.length, eTag: "1" },
    eventTime: "2024-05-24T19:36:44.379Z",
  });
  const { worker } = target;
  const said = (): string | undefined =>
    worker.logged().find((line) => line.includes('"dead_event"'));
  await worker.untilLogged(() => said() !== undefined);
  const logged = JSON.parse(said()!) as Readonly<Record<string, unknown>>;
  assert.deepEqual(
    [logged["level"], logged["tenant"], logged["code"]],
    ["error", "first", "quota_exceeded"],
  );

  const [dead, ...more] = await list();
  assert.deepEqual(more, []);
  assert.equal(dead?.id, logged["id"]);
  assert.equal(dead?.key, key);
  const replay = `/v1/dead-events/${dead.id}/replay`;
  const early = await ask("POST", replay);
  assert.equal(early.status, 429, await early.text());
  await setUsed(0);
  const taken = await ask("POST", replay);
  assert.equal(taken.status, 204, await taken.text());
  assert.deepEqual(await list(), []);
  await worker.untilLogged(() =>
    worker.logged().some((line) => line.includes('"event":"analysis"')),
  );
});

async function ask(method: string, path: string): Promise<Response> {
  return await target.fetch(path, {
    method,
    headers: { Authorization: `Bearer ${target.keys.first}` },
  });
}

async function list() {
  const response = await ask("GET", "/v1/dead-events");
  const { data } = (await response.json()) as {
    readonly data: readonly { readonly id: string; readonly key: string }[];
  };
  return data;
}
