import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { SCOPES } from "../../src/http/principal.ts";
import {
  CreatedKeySchema,
  KeyListSchema,
  KeySchema,
} from "../../src/http/auth/key-document.ts";
import { sql } from "../../src/http/ports/database.ts";
import { ADMIN_KEY, createKeyedService, postJson } from "./keyed-service.ts";
import { readProblem } from "./requests.ts";

const created = async (response: Response) => {
  const text = await response.text();
  assert.equal(response.status, 201, text);
  const document: unknown = JSON.parse(text);
  const key = v.parse(v.strictObject(CreatedKeySchema.entries), document);
  assert.match(key.key, /^fk_[A-Za-z0-9]+_[\w-]{43}$/u);
  return key;
};

test("makes a key, shows it once, and keeps only its hash", async () => {
  const { ask, host } = await createKeyedService();
  const response = await ask(
    ADMIN_KEY,
    "/v1/keys",
    postJson({
      name: " shop ",
      tenant: "shop",
      scopes: ["analyze", "jobs"],
      rate_per_minute: 7,
      images_per_month: 9,
      expires_at: "2030-01-01T00:00:00+02:00",
    }),
  );
  assert.equal(response.headers.get("Cache-Control"), "no-store");
  const key = await created(response);
  assert.deepEqual(
    { ...key, id: "", key: "" },
    {
      id: "",
      object: "api_key",
      name: "shop",
      tenant: "shop",
      scopes: ["analyze", "jobs"],
      rate_per_minute: 7,
      images_per_month: 9,
      created: "1970-01-01T00:00:00.000Z",
      expires_at: "2029-12-31T22:00:00.000Z",
      revoked_at: null,
      key: "",
    },
  );
  const tasks = await ask(key.key, "/v1/tasks");
  assert.equal(tasks.status, 200);

  const read = await ask(ADMIN_KEY, `/v1/keys/${key.id}`);
  const list = await ask(ADMIN_KEY, "/v1/keys");
  const secretPart = key.key.split("_").slice(2).join("_");
  const rows = await host.database.all(sql`SELECT * FROM api_keys`);
  for (const text of [
    await read.text(),
    await list.text(),
    JSON.stringify(rows),
  ]) {
    assert.ok(text.includes(key.id));
    assert.ok(!text.includes(secretPart), text);
  }
});

test("revokes a key at once, and again without harm", async () => {
  const { ask, makeKey } = await createKeyedService();
  const { key, secret } = await makeKey();
  assert.equal((await ask(secret, "/v1/tasks")).status, 200);
  for (const path of [`/v1/keys/${key.id}`, `/v1/keys/${key.id}`]) {
    const response = await ask(ADMIN_KEY, path, { method: "DELETE" });
    assert.equal(response.status, 204);
    assert.equal(await response.text(), "");
  }
  const problem = await readProblem(
    await ask(secret, "/v1/tasks"),
    "unauthenticated",
  );
  assert.match(problem.detail, /was revoked/u);
  const read = await ask(ADMIN_KEY, `/v1/keys/${key.id}`);
  const { revoked_at: revokedAt } = v.parse(KeySchema, await read.json());
  assert.equal(revokedAt, "1970-01-01T00:00:00.000Z");
});

test("takes a key until it expires", async () => {
  let nowMs = 0;
  const { ask, makeKey } = await createKeyedService({ now: () => nowMs });
  const { secret } = await makeKey({ expiresMs: 1000 });
  nowMs = 999;
  assert.equal((await ask(secret, "/v1/tasks")).status, 200);
  nowMs = 1000;
  const problem = await readProblem(
    await ask(secret, "/v1/tasks"),
    "unauthenticated",
  );
  assert.match(problem.detail, /expired on 1970-01-01T00:00:01/u);
});

test("lists keys page by page, in the order they were made", async () => {
  let nowMs = 0;
  const { ask, makeKey } = await createKeyedService({ now: () => nowMs });
  const made: string[] = [];
  for (let count = 0; count < 5; count += 1) {
    // Two of each moment: ids decide among them.
    nowMs = Math.floor(count / 2);
    made.push((await makeKey()).key.id);
  }
  const seen: string[] = [];
  let path = "/v1/keys?limit=2";
  for (;;) {
    const response = await ask(ADMIN_KEY, path);
    const page = v.parse(KeyListSchema, await response.json());
    assert.ok(page.data.length <= 2);
    seen.push(...page.data.map(({ id }) => id));
    if (!page.has_more) break;
    path = `/v1/keys?limit=2&after=${page.data.at(-1)!.id}`;
  }
  assert.deepEqual(seen, made);
  for (const limit of ["0", "101", "x", "-1", ""]) {
    const refused = await ask(ADMIN_KEY, `/v1/keys?limit=${limit}`);
    await readProblem(refused, "invalid_request");
  }
  await readProblem(
    await ask(ADMIN_KEY, "/v1/keys?after=nothing"),
    "not_found",
  );
});

test("lets a tenant's admin see and make keys of that tenant only", async () => {
  const { ask, makeKey } = await createKeyedService();
  const { secret: admin } = await makeKey({ scopes: SCOPES });
  const other = await makeKey({ tenant: "two" });
  const own = await created(
    await ask(admin, "/v1/keys", postJson({ scopes: ["analyze"] })),
  );
  assert.equal(own.tenant, "one");
  const refused = await ask(
    admin,
    "/v1/keys",
    postJson({ scopes: ["analyze"], tenant: "two" }),
  );
  const problem = await readProblem(refused, "invalid_request");
  assert.equal(problem.errors?.[0]?.pointer, "/tenant");
  for (const method of ["GET", "DELETE"]) {
    const hidden = await ask(admin, `/v1/keys/${other.key.id}`, { method });
    await readProblem(hidden, "not_found");
  }
  const after = await ask(admin, `/v1/keys?after=${other.key.id}`);
  await readProblem(after, "not_found");
  const response = await ask(admin, "/v1/keys");
  const { data } = v.parse(KeyListSchema, await response.json());
  assert.ok(data.length >= 2);
  assert.ok(data.every(({ tenant }) => tenant === "one"));
  // The other tenant's key still works.
  assert.equal((await ask(other.secret, "/v1/tasks")).status, 200);
});

test("keeps everybody without the scope admin away", async () => {
  const { ask, makeKey } = await createKeyedService();
  const { key, secret } = await makeKey();
  for (const [method, path] of [
    ["GET", "/v1/keys"],
    ["POST", "/v1/keys"],
    ["GET", `/v1/keys/${key.id}`],
    ["DELETE", `/v1/keys/${key.id}`],
  ] as const) {
    const problem = await readProblem(
      await ask(secret, path, { method }),
      "forbidden",
    );
    assert.match(problem.detail, /needs the scope admin/u);
  }
});

test("says what is wrong with a new key", async () => {
  const { ask, host } = await createKeyedService();
  const cases: readonly (readonly [unknown, string, RegExp])[] = [
    [{}, "/scopes", /required/u],
    [{ scopes: [] }, "/scopes", /at least one of analyze/u],
    [{ scopes: ["everything"] }, "/scopes/0", /analyze/u],
    [{ scopes: ["jobs", "jobs"] }, "/scopes", /each scope once/u],
    [{ scopes: ["jobs"], name: " " }, "/name", /1 to 100/u],
    [{ scopes: ["jobs"], name: "n".repeat(101) }, "/name", /1 to 100/u],
    [{ scopes: ["jobs"], tenant: "a/b" }, "/tenant", /letters, digits/u],
    [{ scopes: ["jobs"], tennant: "a" }, "/tennant", /perhaps tenant/u],
    [{ scopes: ["jobs"], rate_per_minute: 0 }, "/rate_per_minute", /from 1/u],
    [
      { scopes: ["jobs"], images_per_month: 1.5 },
      "/images_per_month",
      /whole number/u,
    ],
    [{ scopes: ["jobs"], expires_at: "soon" }, "/expires_at", /a time such/u],
    [
      { scopes: ["jobs"], expires_at: "1969-12-31T23:59:59Z" },
      "/expires_at",
      /future/u,
    ],
    [[], "", /./u],
  ];
  for (const [body, pointer, detail] of cases) {
    const problem = await readProblem(
      await ask(ADMIN_KEY, "/v1/keys", postJson(body)),
      "invalid_request",
    );
    assert.equal(problem.errors?.[0]?.pointer, pointer, JSON.stringify(body));
    assert.match(problem.errors[0].detail, detail);
  }
  const text = { method: "POST", headers: { "Content-Type": "text/plain" } };
  await readProblem(
    await ask(ADMIN_KEY, "/v1/keys", { ...text, body: "{}" }),
    "unsupported_media_type",
  );
  await readProblem(
    await ask(ADMIN_KEY, "/v1/keys", { ...postJson(0), body: "{" }),
    "invalid_json",
  );
  await readProblem(
    await ask(ADMIN_KEY, "/v1/keys", postJson({ name: "n".repeat(20_000) })),
    "body_too_large",
  );
  assert.deepEqual(await host.database.all(sql`SELECT * FROM api_keys`), []);
});

test("keeps no answer that has a secret", async () => {
  const { ask, host } = await createKeyedService();
  const response = await ask(
    ADMIN_KEY,
    "/v1/keys",
    postJson({ scopes: ["jobs"] }, { "Idempotency-Key": "k" }),
  );
  const problem = await readProblem(response, "idempotency_key_invalid");
  assert.match(problem.detail, /Leave the header out/u);
  assert.deepEqual(await host.database.all(sql`SELECT * FROM api_keys`), []);
});
