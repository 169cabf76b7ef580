// Who is let in: headers in every wrong form, scopes, open mode, the admin key.

import assert from "node:assert/strict";
import { test } from "node:test";
import { equalHashes } from "../../src/http/auth/hashes.ts";
import { parseServiceConfig } from "../../src/http/config.ts";
import type { Database } from "../../src/http/ports/database.ts";
import { SCOPES } from "../../src/http/principal.ts";
import { createCheckedService } from "./checked-service.ts";
import { FlorenceError } from "../../src/shared/errors.ts";
import { createFakeHost } from "../fakes/fake-host.ts";
import { ADMIN_KEY, createKeyedService } from "./keyed-service.ts";
import { readProblem } from "./requests.ts";

const SECRET = "A".repeat(43);

/** Values of `Authorization` that are no key, beside a good one's variations. */
function malformed(good: string): readonly string[] {
  const [, id, secret] = /^fk_(\w+?)_(.{43})$/u.exec(good)!;
  const swapped = secret!.startsWith("A") ? "B" : "A";
  return [
    ...["", " ", "Bearer", "Bearer ", "bearer", "Bearer:", "Bearer\t", "="],
    ...["null", "undefined", "[object Object]", "Bearer null", "Bearer {}"],
    // Other schemes, and none.
    ...[good, `Basic ${good}`, `Token ${good}`, `ApiKey ${good}`],
    ...[`Digest username="${id!}"`, `Negotiate ${good}`, `Bear ${good}`],
    ...[`Bearers ${good}`, `BearerX ${good}`, `Bearer-${good}`],
    ...[`Bearer${good}`, `Bearer=${good}`, `Bearer:${good}`, `${good} Bearer`],
    `Basic ${btoa(`user:${good}`)}`,
    // More or less than one token.
    ...[`Bearer ${good} ${good}`, `Bearer ${good},${good}`],
    ...[`Bearer ${good}, Bearer ${good}`, `Bearer ${good};a=b`],
    ...[`Bearer "${good}"`, `Bearer '${good}'`, `Bearer <${good}>`],
    ...[`Bearer ${good} extra`, `Bearer\t${good}`, `Bearer  "${good}`],
    ...[`Bearer ${good}\u00e9`, `Bearer \u00ff${good}`, `Bearer ${good}%00`],
    ...[`Bearer ${good}%20`, `Bearer ${good}&x=1`, `Bearer ?key=${good}`],
    ...[`Bearer ${encodeURIComponent(`${good}/`)}`, `Bearer @${good}`],
    // Too short, too long, other alphabets.
    ...[`Bearer ${good.slice(0, -1)}`, `Bearer ${good}A`, `Bearer ${good}=`],
    ...[`Bearer ${good}==`, `Bearer ${good}_`, `Bearer -${good}`],
    ...[`Bearer ${good.slice(1)}`, `Bearer ${good.slice(3)}`, "Bearer fk_"],
    ...[`Bearer fk_${id!}`, `Bearer fk_${id!}_`, `Bearer fk__${secret!}`],
    ...[`Bearer ${good.toUpperCase()}`, `Bearer FK${good.slice(2)}`],
    ...[`Bearer sk${good.slice(2)}`, `Bearer f${good}`, `Bearer fk-${good}`],
    ...[`Bearer fk_${id!}.${secret!}`, `Bearer fk_${id!}-${secret!}`],
    ...[`Bearer fk_${id!}__${secret!}`, `Bearer key_${id!}`],
    `Bearer ${good.repeat(2)}`,
    `Bearer ${"A".repeat(8_000)}`,
    `Bearer ${"A".repeat(8_186)}`,
    `Bearer ${"A".repeat(12_000)}`,
    // The right form, but not the key.
    ...[`Bearer fk_${id!}_${SECRET}`, `Bearer fk_999_${secret!}`],
    `Bearer fk_${id!}_${swapped}${secret!.slice(1)}`,
    `Bearer fk_${id!}_${secret!.slice(0, -1)}${secret!.endsWith("A") ? "B" : "A"}`,
    `Bearer fk_${id!}_${secret!.split("").reverse().join("")}`,
    `Bearer fk_key${id!}_${secret!}`,
    `Bearer fk_0${id!}_${secret!}`,
    `Bearer fk_${id!}0_${secret!}`,
    `Bearer fk_${"9".repeat(64)}_${secret!}`,
    `Bearer fk_${"9".repeat(65)}_${secret!}`,
    // What a database or a template might take for something else.
    ...["Bearer ' OR 1=1 --", "Bearer %' OR '1'='1", "Bearer $ne", "Bearer *"],
    ...["Bearer ${jndi:ldap://x}", "Bearer {{7*7}}", "Bearer ../../etc/passwd"],
    ...["Bearer fk_%_%", `Bearer fk_%_${SECRET}`, `Bearer fk_*_${SECRET}`],
    `Bearer fk_' OR '1'='1_${SECRET}`,
    `Bearer fk_1;DROP TABLE api_keys_${SECRET}`,
    // The admin key, nearly.
    ...[`Bearer ${ADMIN_KEY.slice(0, -1)}`, `Bearer ${ADMIN_KEY}0`],
    ...[`Bearer ${ADMIN_KEY.toUpperCase()}`, `Basic ${ADMIN_KEY}`, ADMIN_KEY],
    // Tokens, where no issuer is configured.
    `Bearer ${btoa('{"alg":"none"}').replaceAll("=", "")}.e30.`,
    "Bearer a.b.c",
    "Bearer ..",
    "Bearer .",
    "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.AAAA",
  ];
}

test("refuses a hundred malformed headers without a write", async () => {
  const { host, makeKey } = await createKeyedService();
  const { secret } = await makeKey();
  const writes: string[] = [];
  const database: Database = {
    all: (statement) => {
      if (!/^\s*SELECT/u.test(statement.text)) writes.push(statement.text);
      return host.database.all(statement);
    },
    batch: (statements) => {
      writes.push(...statements.map(({ text }) => text));
      return host.database.batch(statements);
    },
  };
  const { app } = createCheckedService({ ...host, database });
  const values = malformed(secret);
  assert.ok(new Set(values).size >= 100, String(values.length));
  for (const value of [null, ...values]) {
    const headers: Record<string, string> =
      value === null ? {} : { Authorization: value };
    const response = await app.request("/v1/tasks", { headers });
    assert.equal(response.status, 401, value ?? "none");
    assert.equal(response.headers.get("WWW-Authenticate"), "Bearer");
    const { detail } = await readProblem(response, "unauthenticated");
    assert.ok(!detail.includes(secret), detail);
  }
  assert.deepEqual(writes, []);

  const good = await app.request("/v1/tasks", {
    headers: { Authorization: `bearer   ${secret}` },
  });
  assert.equal(good.status, 200);
  assert.equal(writes.length, 1);
});

test("refuses before it reads a body", async () => {
  const { ask } = await createKeyedService();
  let pulled = 0;
  const body = new ReadableStream(
    {
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1000));
      },
    },
    { highWaterMark: 0 },
  );
  // Node's fetch wants `duplex` for a stream; its types do not know it.
  const init = { method: "POST", body, duplex: "half" };
  const response = await ask(null, "/v1/analyze?tasks=caption", init);
  assert.equal(response.status, 401);
  assert.equal(pulled, 0);
});

test("names the scope that is missing, for each operation", async () => {
  const { ask, makeKey, service } = await createKeyedService();
  const keys = new Map<string, string>();
  for (const scope of SCOPES) {
    const scopes = SCOPES.filter((one) => one !== scope);
    keys.set(scope, (await makeKey({ scopes })).secret);
  }
  let refused = 0;
  for (const { method, path, access } of service.operations) {
    const secret = keys.get(access);
    if (secret === undefined) continue;
    const response = await ask(secret, path.replaceAll(/\{\w+\}/gu, "x"), {
      method,
    });
    // Some operations have their own form of problem.
    const text = await response.text();
    assert.equal(response.status, 403, `${method} ${path}: ${text}`);
    assert.match(text, new RegExp(`needs the scope ${access};`, "u"));
    assert.ok(response.headers.has("RateLimit"));
    refused += 1;
  }
  assert.ok(refused > 5, String(refused));
});

test("asks nobody for a public operation", async () => {
  const { ask } = await createKeyedService();
  const live = await ask("nonsense", "/v1/health/live");
  assert.equal(live.status, 200);
  assert.ok(!live.headers.has("RateLimit"));
});

test("lets the admin key make keys, and do nothing else", async () => {
  const { ask } = await createKeyedService();
  assert.equal((await ask(ADMIN_KEY, "/v1/keys")).status, 200);
  await readProblem(await ask(ADMIN_KEY, "/v1/tasks"), "forbidden");
});

test("has no admin where no admin key is set", async () => {
  const host = await createFakeHost({ config: { open_mode: false } });
  const { app } = createCheckedService(host);
  for (const token of ["undefined", "", ADMIN_KEY]) {
    const headers = { Authorization: `Bearer ${token}` };
    const response = await app.request("/v1/keys", { headers });
    await readProblem(response, "unauthenticated");
  }
});

test("lets everybody in in open mode, but no bad key", async () => {
  const { ask, makeKey } = await createKeyedService({
    config: { open_mode: true },
  });
  const open = await ask(null, "/v1/tasks");
  assert.equal(open.status, 200);
  assert.ok(!open.headers.has("RateLimit"));
  const { secret } = await makeKey({ scopes: ["jobs"] });
  const bad = await ask(`${secret}A`, "/v1/tasks");
  const { detail } = await readProblem(bad, "unauthenticated");
  assert.match(detail, /service is open/u);
  // A key that is given is the key that counts.
  await readProblem(await ask(secret, "/v1/tasks"), "forbidden");
});

test("compares hashes to their last character", () => {
  const hash = "0123456789abcdef".repeat(4);
  assert.ok(equalHashes(hash, hash));
  for (let at = 0; at < hash.length; at += 1) {
    const other = `${hash.slice(0, at)}g${hash.slice(at + 1)}`;
    assert.ok(!equalHashes(hash, other));
  }
  assert.ok(!equalHashes(hash, hash.slice(1)));
  assert.ok(!equalHashes(hash.slice(1), hash));
  assert.ok(!equalHashes("", hash));
});

test("refuses a configuration that would let strangers in", () => {
  const good = {
    public_url: "https://florence.example.com",
    secret: "s".repeat(32),
  };
  assert.equal(parseServiceConfig(good).open_mode, false);
  for (const local of [
    "http://localhost:8080",
    "http://127.0.0.1",
    "http://127.8.9.1:1",
    "http://[::1]:8080",
  ]) {
    const config = { ...good, public_url: local, open_mode: true };
    assert.equal(parseServiceConfig(config).open_mode, true);
  }
  const jwt = { issuer: "https://issuer.test", audience: "florence" };
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ open_mode: true }, /FLORENCE_OPEN_MODE: lets everybody in.*PUBLIC_URL/u],
    [
      { open_mode: true, public_url: "http://127.0.0.1.example.com" },
      /lets everybody in/u,
    ],
    [
      { open_mode: true, public_url: "http://localhost.example.com" },
      /lets everybody in/u,
    ],
    [{ open_mode: true, public_url: "http://0.0.0.0" }, /lets everybody in/u],
    [{ admin_key: "short" }, /FLORENCE_ADMIN_KEY: at least 32 characters/u],
    [{ admin_key: "a b".repeat(20) }, /letters, digits/u],
    [{ secret: "short" }, /FLORENCE_SECRET: at least 32/u],
    [{ secret: 12345678901 }, /FLORENCE_SECRET: must be text/u],
    [{ public_url: "florence" }, /FLORENCE_PUBLIC_URL: no address/u],
    [{ rate_per_minute: 0 }, /FLORENCE_RATE_PER_MINUTE/u],
    [
      { jwt: { ...jwt, jwks_url: "http://issuer.test/keys" } },
      /FLORENCE_JWT\.jwks_url: must begin with https/u,
    ],
    [{ jwt: { ...jwt, jwks_url: "keys" } }, /FLORENCE_JWT\.jwks_url: no addr/u],
    [{ jwt: { issuer: "" } }, /FLORENCE_JWT/u],
    [{ admin: "x" }, /FLORENCE_ADMIN: unknown field/u],
  ];
  for (const [change, message] of cases) {
    assert.throws(
      () =>
        parseServiceConfig(
          { ...good, ...change },
          (field) => `FLORENCE_${field.toUpperCase()}`,
        ),
      (error) =>
        error instanceof FlorenceError &&
        error.code === "invalid_request" &&
        message.test(error.message) &&
        !/s{8}|12345678901|a ba b/u.test(error.message),
      JSON.stringify(change),
    );
  }
});
