// Keys, scopes and rate limits over HTTP.

import assert from "node:assert/strict";
import type { HttpCase, HttpTarget } from "./http-case.ts";

const MINUTE_MS = 60_000;

export const CASES: readonly HttpCase[] = [
  {
    name: "refuses whoever has no key, and says how to send one",
    async run(target) {
      const response = await target.fetch("/v1/tasks");
      assert.equal(response.headers.get("WWW-Authenticate"), "Bearer");
      const detail = await problem(response, 401, "unauthenticated");
      assert.match(detail, /Authorization: Bearer/u);
    },
  },
  {
    name: "refuses every key that is not exactly one",
    async run(target) {
      const { first, second } = target.keys;
      const secretOf = (key: string): string => key.slice(-43);
      const headOf = (key: string): string => key.slice(0, -43);
      for (const token of [
        first.slice(0, -1),
        `${first}A`,
        headOf(first) + secretOf(second),
        headOf(first) + "A".repeat(43),
        `fk_nobody_${secretOf(first)}`,
        target.keys.admin.slice(0, -1),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
      ]) {
        const response = await as(target, token, "/v1/tasks");
        const detail = await problem(response, 401, "unauthenticated");
        assert.ok(!detail.includes(token));
      }
      assert.equal((await as(target, first, "/v1/tasks")).status, 200);
    },
  },
  {
    name: "names the scope that a key lacks",
    async run(target) {
      const { key } = await makeKey(target, { scopes: ["jobs"] });
      const response = await as(target, key, "/v1/tasks");
      const detail = await problem(response, 403, "forbidden");
      assert.match(detail, /needs the scope analyze; this key has jobs/u);
    },
  },
  {
    name: "revokes a key from one request to the next",
    async run(target) {
      const { id, key } = await makeKey(target, { scopes: ["analyze"] });
      assert.equal((await as(target, key, "/v1/tasks")).status, 200);
      const { admin } = target.keys;
      const revoked = await as(target, admin, `/v1/keys/${id}`, {
        method: "DELETE",
      });
      assert.equal(revoked.status, 204);
      const detail = await problem(
        await as(target, key, "/v1/tasks"),
        401,
        "unauthenticated",
      );
      assert.match(detail, /was revoked/u);
    },
  },
  {
    name: "shows a key once",
    async run(target) {
      const { id, key } = await makeKey(target, { scopes: ["analyze"] });
      const { admin } = target.keys;
      const read = await as(target, admin, `/v1/keys/${id}`);
      const text = await read.text();
      assert.equal(read.status, 200, text);
      assert.ok(!text.includes(key.slice(-43)));
    },
  },
  {
    name: "says on every answer where the key stands",
    async run(target) {
      const { key } = await makeKey(target, {
        scopes: ["analyze"],
        rate_per_minute: 1000,
      });
      for (const [path, status] of [
        ["/v1/tasks", 200],
        ["/v1/keys", 403],
        ["/v1/analyses/an_none", 404],
      ] as const) {
        const response = await as(target, key, path);
        await response.body?.cancel();
        assert.equal(response.status, status);
        const { headers } = response;
        assert.match(
          headers.get("RateLimit") ?? "",
          /^"default";r=\d+;t=\d+$/u,
        );
        assert.equal(headers.get("RateLimit-Policy"), '"default";q=1000;w=60');
      }
    },
  },
  {
    name: "lets exactly as many through at once as the limit says",
    async run(target) {
      for (;;) {
        const { key } = await makeKey(target, {
          scopes: ["analyze"],
          rate_per_minute: 50,
        });
        const minute = Math.floor(Date.now() / MINUTE_MS);
        const responses = await Promise.all(
          Array.from({ length: 200 }, () => as(target, key, "/v1/engines")),
        );
        for (const { body } of responses) await body?.cancel();
        // A new minute has new places: those requests say nothing.
        if (Math.floor(Date.now() / MINUTE_MS) !== minute) continue;
        const passed = responses.filter(({ status }) => status === 200);
        const refused = responses.filter(({ status }) => status === 429);
        assert.deepEqual([passed.length, refused.length], [50, 150]);
        for (const { headers } of refused) {
          assert.match(headers.get("Retry-After") ?? "", /^[1-9]\d*$/u);
          assert.match(headers.get("RateLimit") ?? "", /^"default";r=0;t=/u);
        }
        return;
      }
    },
  },
];

async function as(
  target: HttpTarget,
  token: string,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${token}`);
  return await target.fetch(path, { ...init, headers });
}

async function makeKey(
  target: HttpTarget,
  grant: object,
): Promise<{ readonly id: string; readonly key: string }> {
  const response = await as(target, target.keys.admin, "/v1/keys", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(grant),
  });
  const text = await response.text();
  assert.equal(response.status, 201, text);
  return JSON.parse(text) as { id: string; key: string };
}

async function problem(
  response: Response,
  status: number,
  code: string,
): Promise<string> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  assert.equal(
    response.headers.get("Content-Type"),
    "application/problem+json",
  );
  const said = JSON.parse(text) as { code: string; detail: string };
  assert.equal(said.code, code);
  return said.detail;
}
