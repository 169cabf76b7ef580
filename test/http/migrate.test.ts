import assert from "node:assert/strict";
import { test } from "node:test";
import { AUTH_TABLES } from "../../src/http/auth/tables.ts";
import { FEATURE_TABLES } from "../../src/http/features/tables.ts";
import { JOB_TABLES } from "../../src/http/jobs/tables.ts";
import { migrate } from "../../src/http/migrate.ts";
import { sql } from "../../src/http/ports/database.ts";
import { UPLOAD_TABLES } from "../../src/http/uploads/tables.ts";
import { WEBHOOK_TABLES } from "../../src/http/webhooks/tables.ts";
import { openSqliteDatabase } from "../../src/server/sqlite-database.ts";

test("brings a database of the first version on, and keeps what is in it", async () => {
  const database = openSqliteDatabase(":memory:");
  const first = [
    ...AUTH_TABLES,
    ...JOB_TABLES,
    ...WEBHOOK_TABLES,
    ...UPLOAD_TABLES,
    ...FEATURE_TABLES,
  ];
  await database.batch([
    sql`CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT`,
    sql`INSERT INTO schema_version (version) VALUES (1)`,
    ...first.map((text) => ({ text, values: [] })),
    sql`INSERT INTO uploads (id, tenant, principal, source, state, metadata,
        created_ms, expires_ms, deleted_ms)
      VALUES ('up_1', 'one', 'key_1', 'upload', 'waiting', '{}', 0, 1, 2)`,
  ]);
  await migrate(database);
  await migrate(database);
  const [row] = await database.all(sql`SELECT id, traceparent FROM uploads`);
  assert.deepEqual({ ...row }, { id: "up_1", traceparent: null });
  assert.deepEqual(await database.all(sql`SELECT * FROM dead_events`), []);
});

test("refuses a database of a newer release", async () => {
  const database = openSqliteDatabase(":memory:");
  await migrate(database);
  await database.batch([
    sql`INSERT INTO schema_version (version) VALUES (1000)`,
  ]);
  await assert.rejects(migrate(database), /version 1000.*newer/u);
});
