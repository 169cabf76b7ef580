// Brings a database to the form this release needs.

import { AUTH_TABLES } from "./auth/tables.ts";
import { FEATURE_TABLES } from "./features/tables.ts";
import { HOOK_TABLES } from "./hooks/tables.ts";
import { JOB_TABLES } from "./jobs/tables.ts";
import { sql, type Database, type Statement } from "./ports/database.ts";
import { UPLOAD_TABLES, UPLOAD_TRACES } from "./uploads/tables.ts";
import { WEBHOOK_TABLES } from "./webhooks/tables.ts";

/** What each version adds to the one before; a released one never changes. */
const MIGRATIONS: readonly (readonly string[])[] = [
  [
    ...AUTH_TABLES,
    ...JOB_TABLES,
    ...WEBHOOK_TABLES,
    ...UPLOAD_TABLES,
    ...FEATURE_TABLES,
  ],
  [...UPLOAD_TRACES, ...HOOK_TABLES],
];

/**
 * Applies what is missing, each version whole or not at all. Two hosts may do
 * it at once: the later one finds it done.
 *
 * @throws Error if the database is of a newer release.
 */
export async function migrate(database: Database): Promise<void> {
  await database.batch([
    sql`CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY) STRICT`,
  ]);
  const version = await readVersion(database);
  if (version > MIGRATIONS.length) {
    throw new Error(
      `The database has version ${version}; this release knows ${MIGRATIONS.length}. Run the release that made it, or a newer one.`,
    );
  }
  for (let next = version + 1; next <= MIGRATIONS.length; next += 1) {
    const statements = MIGRATIONS[next - 1]!.map((text): Statement => ({
      text,
      values: [],
    }));
    try {
      // The insert comes first: a version is applied by one host only.
      await database.batch([
        sql`INSERT INTO schema_version (version) VALUES (${next})`,
        ...statements,
      ]);
    } catch (error) {
      if ((await readVersion(database)) < next) throw error;
    }
  }
}

async function readVersion(database: Database): Promise<number> {
  const [row] = await database.all(
    sql`SELECT coalesce(max(version), 0) AS version FROM schema_version`,
  );
  return Number(row?.["version"] ?? 0);
}
