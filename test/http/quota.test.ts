// How many images a key may have answered a month, by whatever door.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkQuota,
  countImages,
  usageStatements,
} from "../../src/http/auth/usage.ts";
import { sql } from "../../src/http/ports/database.ts";
import type { Principal } from "../../src/http/principal.ts";
import { FlorenceError } from "../../src/shared/errors.ts";
import { createFakeHost, type FakeHost } from "../fakes/fake-host.ts";
import { PHOTO } from "./bad-images.ts";
import { createKeyedService, type KeyedService } from "./keyed-service.ts";
import { readProblem } from "./requests.ts";

const LATE_MS = Date.UTC(2026, 11, 31, 23, 59, 59);

const PRINCIPAL: Principal = {
  tenant: "one",
  id: "key_1",
  scopes: ["analyze"],
  imagesPerMonth: 10,
};

async function usedImages(host: FakeHost): Promise<number[]> {
  const rows = await host.database.all(
    sql`SELECT used FROM usage_windows WHERE kind = 'images' ORDER BY window_start_ms`,
  );
  return rows.map(({ used }) => Number(used));
}

function caption(
  { ask }: KeyedService,
  secret: string,
  bytes: Uint8Array<ArrayBuffer> = PHOTO,
): Promise<Response> {
  return ask(secret, "/v1/analyze?tasks=caption", {
    method: "POST",
    headers: { "Content-Type": "image/jpeg" },
    body: bytes,
  });
}

test("answers as many images as the month has, then says when more fit", async () => {
  let nowMs = LATE_MS;
  const service = await createKeyedService({ now: () => nowMs });
  const { secret } = await service.makeKey({ imagesPerMonth: 2 });
  for (let count = 0; count < 2; count += 1) {
    const response = await caption(service, secret);
    assert.equal(response.status, 200, await response.text());
  }
  const refused = await caption(service, secret);
  const problem = await readProblem(refused, "quota_exceeded");
  assert.match(problem.detail, /used 2 of its 2 images.*2027-01-01/u);
  assert.equal(refused.headers.get("Retry-After"), "1");
  nowMs += 1000;
  assert.equal((await caption(service, secret)).status, 200);
  assert.deepEqual(await usedImages(service.host), [2, 1]);
});

test("answers exactly as many as there are when all ask at once", async () => {
  const service = await createKeyedService({ maxWaiting: 100 });
  const { secret } = await service.makeKey({ imagesPerMonth: 5 });
  const responses = await Promise.all(
    Array.from({ length: 20 }, () => caption(service, secret)),
  );
  const statuses = responses.map(({ status }) => status).toSorted();
  assert.deepEqual(statuses, [
    ...Array.from({ length: 5 }, () => 200),
    ...Array.from({ length: 15 }, () => 429),
  ]);
  assert.deepEqual(await usedImages(service.host), [5]);
});

test("does not count what was not answered", async () => {
  const service = await createKeyedService();
  const { secret } = await service.makeKey({ imagesPerMonth: 1 });
  const broken = await caption(service, secret, PHOTO.slice(0, 100));
  await readProblem(broken, "image_undecodable");
  assert.deepEqual(await usedImages(service.host), [0]);
  assert.equal((await caption(service, secret)).status, 200);
  assert.equal((await caption(service, secret)).status, 429);
});

test("counts a stream, a chat and an agent's call", async () => {
  const service = await createKeyedService();
  const { secret } = await service.makeKey();
  const stream = await service.ask(secret, "/v1/analyze?tasks=caption", {
    method: "POST",
    headers: { "Content-Type": "image/jpeg", Accept: "text/event-stream" },
    body: PHOTO,
  });
  assert.match(await stream.text(), /event: done/u);
  assert.deepEqual(await usedImages(service.host), [1]);
  const image = Buffer.from(PHOTO).toString("base64");
  const chat = await service.ask(secret, "/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      model: "fake",
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "caption" },
            {
              type: "image_url",
              image_url: { url: `data:image/jpeg;base64,${image}` },
            },
          ],
        },
      ],
    }),
  });
  assert.equal(chat.status, 200, await chat.text());
  assert.deepEqual(await usedImages(service.host), [2]);
  const call = await service.ask(secret, "/mcp", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: {
        name: "caption",
        arguments: { image: { base64: image, media_type: "image/jpeg" } },
      },
    }),
  });
  assert.match(await call.text(), /a green boat/u);
  assert.deepEqual(await usedImages(service.host), [3]);
});

test("takes the service's quota where the key has none", async () => {
  const service = await createKeyedService({ config: { images_per_month: 1 } });
  const { secret } = await service.makeKey();
  assert.equal((await caption(service, secret)).status, 200);
  assert.equal((await caption(service, secret)).status, 429);
  const more = await service.makeKey({ imagesPerMonth: 2 });
  assert.equal((await caption(service, more.secret)).status, 200);
  assert.equal((await caption(service, more.secret)).status, 200);
});

test("holds the images of open jobs for them", async () => {
  const host = await createFakeHost();
  const job = (id: string, state: string, items: readonly string[]) => [
    sql`INSERT INTO jobs (id, tenant, principal, state, request, source, items,
        created_ms, expires_ms, deleted_ms)
      VALUES (${id}, 'one', ${PRINCIPAL.id}, ${state}, '{}', 'api',
        ${items.length}, 0, 1, 2)`,
    ...items.map(
      (item, index) => sql`INSERT INTO job_items (job_id, item_index, image,
          state, due_ms, hinted_ms) VALUES (${id}, ${index}, '{}', ${item}, 0, 0)`,
    ),
  ];
  await host.database.batch([
    ...job("job_1", "running", ["completed", "running", "queued", "failed"]),
    ...job("job_2", "queued", ["queued"]),
    ...job("job_3", "cancelled", ["cancelled", "queued"]),
    ...usageStatements({ principalId: PRINCIPAL.id, images: 4, nowMs: 0 }),
  ]);
  // Four counted, three waiting: three of ten are left.
  await checkQuota(host, PRINCIPAL, 3);
  await assert.rejects(checkQuota(host, PRINCIPAL, 4), isQuotaExceeded);
  const answer = () => Promise.resolve("answered");
  await assert.rejects(
    countImages(host, PRINCIPAL, 4, answer),
    isQuotaExceeded,
  );
  assert.equal(await countImages(host, PRINCIPAL, 3, answer), "answered");
  await assert.rejects(checkQuota(host, PRINCIPAL, 1), isQuotaExceeded);
});

test("counts together with what its condition asks for, or not at all", async () => {
  const host = await createFakeHost();
  const usage = { principalId: PRINCIPAL.id, images: 1, nowMs: 0 };
  const isKept = (token: string) =>
    sql`EXISTS (SELECT 1 FROM job_results WHERE lease_token = ${token})`;
  await host.database.batch([
    sql`INSERT INTO job_results (job_id, item_index, lease_token, created_ms)
      VALUES ('job_1', 0, 'mine', 0)`,
    ...usageStatements({ ...usage, condition: isKept("another") }),
  ]);
  assert.deepEqual(await usedImages(host), []);
  await host.database.batch(
    usageStatements({ ...usage, condition: isKept("mine") }),
  );
  await host.database.batch(usageStatements(usage));
  assert.deepEqual(await usedImages(host), [2]);
});

function isQuotaExceeded(error: unknown): boolean {
  return error instanceof FlorenceError && error.code === "quota_exceeded";
}
