import assert from "node:assert/strict";
import { mkdtempSync, statSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createAdaptorServer } from "@hono/node-server";
import { findApiKey } from "../../src/http/auth/api-keys.ts";
import type { KeyDocument } from "../../src/http/auth/key-document.ts";
import type { Service } from "../../src/http/service.ts";
import { NODE_PLATFORM } from "../../src/node/platform.ts";
import { databaseFile } from "../../src/server/data-folder.ts";
import { openSqliteDatabase } from "../../src/server/sqlite-database.ts";
import { ADMIN_KEY, createKeyedService } from "../http/keyed-service.ts";
import { runFlorence, type Ran } from "./run-florence.ts";

const { service, ask } = await createKeyedService({ now: () => Date.now() });
const { origin: ORIGIN, close } = await serve(service);
after(close);

/** The service on a port of this machine. */
async function serve({ app }: Service): Promise<{
  readonly origin: string;
  readonly close: () => void;
}> {
  const server = createAdaptorServer({
    fetch: (request) => app.fetch(request),
    overrideGlobalObjects: false,
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, close: () => server.close() };
}

function keys(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  return runFlorence(["keys", ...args], { env });
}

function scratch(): string {
  return join(mkdtempSync(join(tmpdir(), "florence-keys-")), "data");
}

async function keyIn(folder: string, secret: string) {
  const database = openSqliteDatabase(databaseFile(folder));
  try {
    return await findApiKey({ database, platform: NODE_PLATFORM }, secret);
  } finally {
    database.close();
  }
}

test("makes a key in a data folder, and the folder for its owner only", async () => {
  const folder = scratch();
  const { code, stdout, stderr } = await keys(["create", "--data", folder]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^fk_[0-9a-f]{32}_[\w-]{43}\n$/u);
  assert.match(stderr, /^Made key_[0-9a-f]{32} of tenant default: analyze/u);
  assert.ok(!stderr.includes(stdout.trim().slice(-43)));
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  const key = await keyIn(folder, stdout.trim());
  assert.deepEqual(key?.scopes, ["analyze", "jobs", "uploads", "webhooks"]);
  assert.equal(key.expiresMs, null);
});

test("passes on every flag, here and over HTTP", async () => {
  const flags = [
    ...["create", "--name", "shop", "--tenant", "acme", "--json"],
    ...["--scope", "analyze, jobs", "-s", "admin", "-s", "jobs"],
    ...["--rate", "7", "--images", "9", "--expires", "2100-01-01T00:00:00Z"],
  ];
  const folder = scratch();
  const admin = { FLORENCE_ADMIN_KEY: ADMIN_KEY };
  for (const ran of [
    await keys([...flags, "--data", folder]),
    await keys([...flags, "--url", ORIGIN], admin),
    await keys([...flags, "--url", `${ORIGIN}/`], admin),
  ]) {
    assert.equal(ran.code, 0, ran.stderr);
    const made = JSON.parse(ran.stdout) as Record<string, unknown>;
    assert.deepEqual(
      [made["name"], made["tenant"], made["scopes"], made["expires_at"]],
      [
        "shop",
        "acme",
        ["analyze", "jobs", "admin"],
        "2100-01-01T00:00:00.000Z",
      ],
    );
    assert.deepEqual(
      [made["rate_per_minute"], made["images_per_month"]],
      [7, 9],
    );
    assert.match(String(made["key"]), /^fk_/u);
  }
});

test("makes, lists and revokes a key of a running service", async () => {
  const env = { FLORENCE_ADMIN_KEY: ADMIN_KEY };
  const made = await keys(["create", "--url", ORIGIN, "--name", "remote"], env);
  assert.equal(made.code, 0, made.stderr);
  const secret = made.stdout.trim();
  assert.equal((await ask(secret, "/v1/tasks")).status, 200);
  const id = /key_\d+/u.exec(made.stderr)![0];
  const listed = await keys(["list", "--url", ORIGIN, "--json"], env);
  const documents = JSON.parse(listed.stdout) as KeyDocument[];
  const own = documents.find((one) => one.id === id);
  assert.equal(own?.name, "remote");
  assert.ok(!listed.stdout.includes(secret.slice(-43)));
  const revoked = await keys(["revoke", id, "--url", ORIGIN], env);
  assert.equal(revoked.code, 0, revoked.stderr);
  assert.equal((await ask(secret, "/v1/tasks")).status, 401);
});

test("lists more keys than fit in one answer", async () => {
  const many = await createKeyedService();
  for (let count = 0; count < 203; count += 1) await many.makeKey();
  const own = await serve(many.service);
  try {
    const { stdout } = await keys(["list", "--url", own.origin], {
      FLORENCE_ADMIN_KEY: ADMIN_KEY,
    });
    assert.equal(stdout.trimEnd().split("\n").length, 204);
  } finally {
    own.close();
  }
});

test("shows in a list what has ended, and no control characters", async () => {
  const folder = scratch();
  const data = ["--data", folder];
  const first = await keys(["create", ...data, "--name", "one\u001b[31m"]);
  const id = /key_\w+/u.exec(first.stderr)![0];
  await keys(["create", ...data, "--expires", "90d", "--tenant", "acme"]);
  await keys(["revoke", id, ...data]);
  const { stdout } = await keys(["list", ...data]);
  const [head, revoked, valid] = stdout.split("\n");
  assert.match(head!, /^ID +TENANT +NAME +SCOPES +STATE$/u);
  assert.match(revoked!, /one\?\[31m .* revoked \d{4}-\d\d-\d\d$/u);
  assert.match(valid!, /acme +unnamed .* valid until \d{4}-\d\d-\d\d$/u);
  assert.ok(!stdout.includes("\u001b"));
  const empty = await keys(["list", "--data", join(folder, "other")]);
  assert.equal(empty.code, 3);
  assert.match(empty.stderr, /Name the service's data folder with --data/u);
});

test("takes the data folder from the environment", async () => {
  const folder = scratch();
  const made = await keys(["create"], { FLORENCE_DATA: folder });
  assert.equal(made.code, 0, made.stderr);
  assert.notEqual(await keyIn(folder, made.stdout.trim()), null);
});

test("says what is wrong with the command", async () => {
  const folder = scratch();
  const admin = { FLORENCE_ADMIN_KEY: ADMIN_KEY };
  const cases: readonly (readonly [
    readonly string[],
    number,
    RegExp,
    Readonly<Record<string, string>>?,
  ])[] = [
    [[], 2, /Say what to do: create, list or revoke/u],
    [["delete"], 2, /"delete" is none of them/u],
    [["revoke"], 2, /Name the keys to revoke/u],
    [["create", "shop"], 2, /"shop" is none/u],
    [["list", "--name", "x"], 2, /--name is for keys create only/u],
    [["list", "--data", folder, "--url", ORIGIN], 2, /two places/u],
    [["create", "--scope", "analyse"], 2, /Did you mean analyze/u],
    [["create", "--expires", "soon"], 2, /"soon" is neither/u],
    [["create", "--rate", "0"], 2, /--rate wants a whole number/u],
    [["create", "--data", folder, "--tenant", "a/b"], 2, /tenant/u],
    [["create", "--data", folder, "--expires", "2020-01-01"], 2, /future/u],
    [["create", "--url", "florence"], 2, /--url wants an http address/u],
    [["create", "--url", ORIGIN], 2, /FLORENCE_ADMIN_KEY has no key/u],
    [
      ["create", "--url", ORIGIN],
      4,
      /none of this service's/u,
      { FLORENCE_ADMIN_KEY: "wrong" },
    ],
    [["create", "--url", ORIGIN, "--tenant", "a/b"], 2, /tenant/u, admin],
    [["revoke", "key_none", "--url", ORIGIN], 3, /no key key_none/u, admin],
    [["list", "--url", "http://127.0.0.1:9"], 4, /could not be asked/u, admin],
  ];
  for (const [args, code, message, env] of cases) {
    const ran = await keys(args, env);
    assert.equal(ran.code, code, `${args.join(" ")}: ${ran.stderr}`);
    assert.match(ran.stderr, message);
    assert.ok(!ran.stderr.includes(ADMIN_KEY));
    assert.equal(ran.stdout, "");
  }
  await keys(["create", "--data", folder]);
  const revoked = await keys(["revoke", "key_none", "--data", folder]);
  assert.equal(revoked.code, 3);
});
