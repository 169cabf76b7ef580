// `Idempotency-Key` over HTTP.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { HttpCase, HttpTarget } from "./http-case.ts";
import { PHOTO } from "./image-server.ts";

/** Drawn on as PNG, it has more than a megabyte. */
const LARGE_PHOTO = readFileSync(
  new URL("../../../examples/photos/street.jpg", import.meta.url),
);

const image = { base64: Buffer.from(PHOTO).toString("base64") };
const JOB = { image, tasks: [{ task: "caption" }] };

export const CASES: readonly HttpCase[] = [
  {
    name: "gives the first answer again, status and headers and all",
    async run(target) {
      const key = newKey();
      const first = await postJob(target, key);
      const text = await first.text();
      assert.equal(first.status, 202, text);
      assert.equal(first.headers.get("Idempotency-Replayed"), null);
      const again = await postJob(target, key);
      assert.equal(again.status, 202);
      assert.equal(await again.text(), text);
      assert.equal(again.headers.get("Idempotency-Replayed"), "true");
      assert.equal(
        again.headers.get("Location"),
        first.headers.get("Location"),
      );
      assert.equal(
        again.headers.get("Content-Type"),
        first.headers.get("Content-Type"),
      );
    },
  },
  {
    name: "makes one job of thirty requests at once",
    async run(target) {
      const key = newKey();
      const responses = await Promise.all(
        Array.from({ length: 30 }, () => postJob(target, key)),
      );
      const ids = new Set<string>();
      let fresh = 0;
      for (const response of responses) {
        const body = (await response.json()) as { id: string; code: string };
        if (response.status === 202) {
          ids.add(body.id);
          if (!response.headers.has("Idempotency-Replayed")) fresh += 1;
          continue;
        }
        assert.equal(response.status, 409);
        assert.equal(body.code, "idempotency_in_progress");
        assert.match(response.headers.get("Retry-After") ?? "", /^[1-9]/u);
      }
      assert.deepEqual([ids.size, fresh], [1, 1]);
    },
  },
  {
    name: "refuses the key with another body",
    async run(target) {
      const key = newKey();
      const first = await postJob(target, key);
      await first.body?.cancel();
      const other = { ...JOB, metadata: { order: "2" } };
      const response = await postJob(target, key, other);
      await problem(response, 422, "idempotency_mismatch");
    },
  },
  {
    name: "keeps the keys of tenants apart",
    async run(target) {
      const key = newKey();
      const ids: string[] = [];
      for (const bearer of [target.keys.first, target.keys.second]) {
        const response = await postJob(target, key, JOB, { bearer });
        assert.equal(response.status, 202);
        assert.equal(response.headers.get("Idempotency-Replayed"), null);
        ids.push(((await response.json()) as { id: string }).id);
      }
      assert.notEqual(ids[0], ids[1]);
    },
  },
  {
    name: "analyzes a multipart photo once, whatever its boundary",
    async run(target) {
      const key = newKey();
      const ids: unknown[] = [];
      for (let count = 0; count < 2; count += 1) {
        // Each form has a boundary of its own.
        const form = new FormData();
        form.set("image", new Blob([PHOTO]), "photo.jpg");
        form.set("request", JSON.stringify({ tasks: JOB.tasks }));
        const response = await target.fetch("/v1/analyze", {
          method: "POST",
          headers: {
            Authorization: `Bearer ${target.keys.first}`,
            "Idempotency-Key": key,
          },
          body: form,
        });
        const text = await response.text();
        assert.equal(response.status, 200, text);
        ids.push((JSON.parse(text) as { id: string }).id);
      }
      assert.equal(ids[0], ids[1]);
    },
  },
  {
    // More than a row may hold: it is kept as a blob.
    name: "gives a large answer again",
    async run(target) {
      const asked = {
        image: { base64: LARGE_PHOTO.toString("base64") },
        tasks: JOB.tasks,
        options: { render: { format: "png" } },
      };
      const headers = { "Idempotency-Key": newKey() };
      const first = await post(target, "/v1/analyze", asked, headers);
      const text = await first.text();
      assert.equal(first.status, 200, text.slice(0, 1000));
      assert.ok(text.length > 1_000_000, String(text.length));
      const again = await post(target, "/v1/analyze", asked, headers);
      assert.equal(again.headers.get("Idempotency-Replayed"), "true");
      assert.ok((await again.text()) === text);
    },
  },
  {
    name: "keeps a refusal, and gives it again",
    async run(target) {
      const key = newKey();
      const asked = { ...JOB, tasks: [{ task: "paint" }] };
      const first = await postJob(target, key, asked);
      await problem(first, 422, "unknown_task");
      const again = await postJob(target, key, asked);
      assert.equal(again.headers.get("Idempotency-Replayed"), "true");
      await problem(again, 422, "unknown_task");
    },
  },
  {
    name: "refuses keys that are none, and keys where none is kept",
    async run(target) {
      for (const key of ["a b", "k".repeat(256)]) {
        const response = await postJob(target, key);
        await problem(response, 400, "idempotency_key_invalid");
      }
      const stream = await post(target, "/v1/analyze", JOB, {
        "Idempotency-Key": newKey(),
        Accept: "text/event-stream",
      });
      await problem(stream, 422, "invalid_request");
    },
  },
];

function newKey(): string {
  return crypto.randomUUID();
}

async function postJob(
  target: HttpTarget,
  key: string,
  job: object = JOB,
  { bearer = target.keys.first }: { readonly bearer?: string } = {},
): Promise<Response> {
  return await post(target, "/v1/jobs", job, {
    Authorization: `Bearer ${bearer}`,
    "Idempotency-Key": key,
  });
}

async function post(
  target: HttpTarget,
  path: string,
  body: object,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  return await target.fetch(path, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${target.keys.first}`,
      "Content-Type": "application/json",
      ...headers,
    },
    body: JSON.stringify(body),
  });
}

async function problem(
  response: Response,
  status: number,
  code: string,
): Promise<void> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal((JSON.parse(text) as { code: string }).code, code);
}
