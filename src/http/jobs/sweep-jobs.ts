// What becomes of jobs without anybody asking: images that nobody took up are
// hinted at again, and what has expired is deleted.

import type { Host } from "../host.ts";
import { sql } from "../ports/database.ts";
import type { WorkMessage } from "../ports/work-queue.ts";
import { expireJobs } from "./expire-jobs.ts";

/** Hints of one sweep; what is left waits for the next. */
const MAX_HINTS = 500;

/** Blobs deleted in one sweep. */
const MAX_DELETIONS = 200;

export async function sweepJobs(host: Host): Promise<void> {
  await hintAgain(host);
  await expireJobs(host);
  await deleteBlobs(host);
}

/** Hints at images that wait too long, or whose attempt was never heard of. */
async function hintAgain({ database, queue, platform, config }: Host) {
  const nowMs = platform.now();
  const beforeMs = nowMs - config.hint_seconds * 1000;
  // Marked as they are read: two sweeps do not hint at the same.
  const rows = await database.all(
    sql`UPDATE job_items SET hinted_ms = ${nowMs}
      WHERE rowid IN (SELECT rowid FROM job_items
        WHERE hinted_ms <= ${beforeMs}
          AND (state = 'queued' AND due_ms <= ${beforeMs}
            OR state = 'running' AND lease_until_ms <= ${nowMs})
        ORDER BY due_ms LIMIT ${MAX_HINTS})
      RETURNING job_id, item_index`,
  );
  if (rows.length === 0) return;
  await queue.send(
    rows.map((row): WorkMessage => ({
      kind: "job_item",
      jobId: String(row["job_id"]),
      index: Number(row["item_index"]),
    })),
  );
}

/** First the blob, then its row: what a crash leaves is found again. */
async function deleteBlobs({ database, store, platform }: Host): Promise<void> {
  const rows = await database.all(
    sql`SELECT blob_key FROM job_blobs WHERE expires_ms <= ${platform.now()}
      LIMIT ${MAX_DELETIONS}`,
  );
  if (rows.length === 0) return;
  const keys = rows.map((row) => String(row["blob_key"]));
  await store.delete(keys);
  await database.batch([
    sql`DELETE FROM job_blobs WHERE blob_key IN
      (SELECT value FROM json_each(${JSON.stringify(keys)}))`,
  ]);
}
