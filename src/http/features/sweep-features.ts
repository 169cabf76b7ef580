// Deletes what has expired, features and answers alike: what they held at once,
// their rows a week later, so that a late reader is told `expired`.

import type { Host } from "../host.ts";
import { sql, type Statement } from "../ports/database.ts";

const WEEK_MS = 7 * 86_400_000;

/** Rows looked at in one go; keys of a delete have no limit below it. */
const PAGE = 100;

/** May run at once on several hosts, and end in the middle. */
export async function sweepFeatures(
  host: Pick<Host, "database" | "store" | "platform">,
): Promise<void> {
  await sweep(host, sql`features`, sql`blob_key = NULL`, sql`blob_key IS NOT NULL`); // prettier-ignore
  await sweep(
    host,
    sql`analyses`,
    sql`body = NULL, blob_key = NULL`,
    sql`(body IS NOT NULL OR blob_key IS NOT NULL)`,
  );
}

/**
 * @param emptied what an expired row is set to, `isFull` tells it from others.
 */
async function sweep(
  { database, store, platform }: Pick<Host, "database" | "store" | "platform">,
  table: Statement,
  emptied: Statement,
  isFull: Statement,
): Promise<void> {
  const nowMs = platform.now();
  for (;;) {
    const rows = await database.all(
      sql`SELECT id, blob_key FROM ${table}
        WHERE expires_ms <= ${nowMs} AND ${isFull} LIMIT ${PAGE}`,
    );
    if (rows.length === 0) break;
    const keys = rows.flatMap((row) =>
      typeof row["blob_key"] === "string" ? [row["blob_key"]] : [],
    );
    // First: a row that forgot its blob would leave it for ever.
    await store.delete(keys);
    const ids = JSON.stringify(rows.map((row) => row["id"]));
    await database.batch([
      sql`UPDATE ${table} SET ${emptied}
        WHERE expires_ms <= ${nowMs} AND id IN (SELECT value FROM json_each(${ids}))`,
    ]);
  }
  await database.batch([
    sql`DELETE FROM ${table} WHERE expires_ms <= ${nowMs - WEEK_MS}`,
  ]);
}
