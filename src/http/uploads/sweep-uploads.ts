// What the sweep does for uploads: jobs that were not made because something
// broke in between, and files whose time is over.

import { isFlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import { sql, type Row } from "../ports/database.ts";

/** Rows of one step; steps of one sweep. */
const ROWS = 100;
const STEPS = 20;

/** @param start makes the job of a row. */
export async function sweepUploads(
  host: Host,
  start: (row: Row) => Promise<unknown>,
): Promise<void> {
  await startForgotten(host, start);
  await deleteExpired(host);
}

async function startForgotten(
  { database, platform, config }: Host,
  start: (row: Row) => Promise<unknown>,
): Promise<void> {
  const now = platform.now();
  const rows = await database.all(
    sql`SELECT * FROM uploads
      WHERE state = 'stored' AND request IS NOT NULL AND job_id IS NULL
        AND expires_ms > ${now}
        AND expires_ms <= ${now + (config.keep_seconds - config.hint_seconds) * 1000}
      ORDER BY expires_ms LIMIT ${ROWS}`,
  );
  for (const row of rows) {
    try {
      await start(row);
    } catch (error) {
      // No images left this month: the next sweep asks again, until it expires.
      if (!isFlorenceError(error)) throw error;
    }
  }
}

/** Files first: a row that is left says so until it is tried again. */
async function deleteExpired({
  database,
  store,
  platform,
}: Host): Promise<void> {
  const now = platform.now();
  for (let step = 0; step < STEPS; step += 1) {
    const rows = await database.all(
      sql`SELECT blob_key FROM upload_blobs WHERE expires_ms <= ${now} LIMIT ${ROWS}`,
    );
    if (rows.length === 0) break;
    const keys = rows.map((row) => String(row["blob_key"]));
    await store.delete(keys);
    await database.batch([
      sql`DELETE FROM upload_blobs
        WHERE blob_key IN (SELECT value FROM json_each(${JSON.stringify(keys)}))`,
    ]);
  }
  await database.batch([
    sql`UPDATE uploads SET state = 'expired', blob_key = NULL
      WHERE state <> 'expired' AND expires_ms <= ${now}`,
    sql`DELETE FROM uploads WHERE state = 'expired' AND deleted_ms <= ${now}`,
  ]);
}
