import assert from "node:assert/strict";
import { test } from "node:test";
import { sweepAuth } from "../../src/http/auth/sweep-auth.ts";
import { sql } from "../../src/http/ports/database.ts";
import { createKeyedService } from "./keyed-service.ts";
import { readProblem } from "./requests.ts";

test("lets exactly as many through at once as the limit says", async () => {
  const { ask, makeKey } = await createKeyedService();
  const { secret } = await makeKey({ ratePerMinute: 50 });
  const responses = await Promise.all(
    Array.from({ length: 200 }, () => ask(secret, "/v1/tasks")),
  );
  const statuses = responses.map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 200).length, 50);
  assert.equal(statuses.filter((status) => status === 429).length, 150);
  const left = responses
    .filter(({ status }) => status === 200)
    .map(({ headers }) => headers.get("RateLimit"));
  // Every place is given once.
  assert.equal(new Set(left).size, 50);
});

test("says where a key stands, and when it may go on", async () => {
  let nowMs = 12_345;
  const { ask, makeKey } = await createKeyedService({ now: () => nowMs });
  const { secret } = await makeKey({ ratePerMinute: 2 });
  const headersOf = async () => {
    const { status, headers } = await ask(secret, "/v1/tasks");
    return [
      status,
      headers.get("RateLimit"),
      headers.get("RateLimit-Policy"),
      headers.get("Retry-After"),
    ];
  };
  const policy = '"default";q=2;w=60';
  assert.deepEqual(await headersOf(), [
    200,
    '"default";r=1;t=48',
    policy,
    null,
  ]);
  assert.deepEqual(await headersOf(), [
    200,
    '"default";r=0;t=48',
    policy,
    null,
  ]);
  nowMs = 59_999;
  assert.deepEqual(await headersOf(), [429, '"default";r=0;t=1', policy, "1"]);
  const problem = await readProblem(
    await ask(secret, "/v1/tasks"),
    "rate_limited",
  );
  assert.match(problem.detail, /2 requests a minute.*in 1 s/u);
  assert.ok(problem.retryable);
  nowMs = 60_000;
  assert.deepEqual(await headersOf(), [
    200,
    '"default";r=1;t=60',
    policy,
    null,
  ]);
});

test("gives each key its own places, and the service's limit", async () => {
  const { ask, makeKey } = await createKeyedService({
    config: { rate_per_minute: 1 },
  });
  const [one, two] = [await makeKey(), await makeKey()];
  assert.equal((await ask(one.secret, "/v1/tasks")).status, 200);
  assert.equal((await ask(one.secret, "/v1/tasks")).status, 429);
  assert.equal((await ask(two.secret, "/v1/tasks")).status, 200);
});

test("has its headers on refusals of every kind", async () => {
  const { ask, makeKey } = await createKeyedService();
  const { secret } = await makeKey();
  for (const [path, method, status] of [
    ["/v1/keys", "GET", 403],
    ["/v1/analyze", "POST", 422],
  ] as const) {
    const response = await ask(secret, path, { method });
    assert.equal(response.status, status, await response.text());
    assert.match(response.headers.get("RateLimit") ?? "", /^"default";r=\d+/u);
    assert.ok(response.headers.has("RateLimit-Policy"));
  }
});

test("forgets minutes that are over, and keeps months", async () => {
  let nowMs = 0;
  const { ask, host, makeKey } = await createKeyedService({
    now: () => nowMs,
  });
  const { key, secret } = await makeKey();
  await ask(secret, "/v1/tasks");
  await host.database.batch([
    sql`INSERT INTO usage_windows VALUES (${key.id}, 'images', 0, 5)`,
  ]);
  const kinds = async () =>
    (await host.database.all(sql`SELECT kind FROM usage_windows`)).map(
      ({ kind }) => kind,
    );
  nowMs = 3_600_000;
  await sweepAuth(host);
  assert.deepEqual((await kinds()).toSorted(), ["images", "requests"]);
  nowMs = 3_600_001;
  await sweepAuth(host);
  assert.deepEqual(await kinds(), ["images"]);
  nowMs = 401 * 86_400_000;
  await sweepAuth(host);
  assert.deepEqual(await kinds(), []);
});
