// Taking up one image of a job: one holder at a time, told by a random token.
// Only the holder may write; who is late finds the token gone.

import type { AnalyzeRequest } from "../../shared/schema/analysis.ts";
import type { Host } from "../host.ts";
import { sql, type Statement } from "../ports/database.ts";
import type { Callback } from "../webhooks/callback.ts";
import type { EventJob } from "./analysis-event.ts";
import type { JobImage } from "./job.ts";

/** From the end of an attempt until another may begin. */
const MARGIN_MS = 5000;

/** An image of a job, ours until `untilMs`. */
export interface LeasedItem extends EventJob {
  readonly index: number;
  readonly token: string;
  readonly image: JobImage;
  /** How many the job has. */
  readonly images: number;
  readonly request: AnalyzeRequest;
  readonly attempts: number;
  readonly failures: number;
  readonly crashes: number;
  readonly expiresMs: number;
}

/** Holds as long as the lease is ours: whatever is written depends on it. */
export function isHeld({
  jobId,
  index,
  token,
}: Pick<LeasedItem, "jobId" | "index" | "token">): Statement {
  return sql`EXISTS (SELECT 1 FROM job_items WHERE job_id = ${jobId}
    AND item_index = ${index} AND lease_token = ${token} AND state = 'running')`;
}

/**
 * Takes an image up, if it is due and nobody is at it. Its job is running then.
 *
 * @returns null if there is nothing to do.
 */
export async function takeLease(
  { database, platform, config }: Host,
  jobId: string,
  index: number,
): Promise<LeasedItem | null> {
  const nowMs = platform.now();
  const token = platform.id("lease");
  const untilMs = nowMs + config.attempt_seconds * 1000 + MARGIN_MS;
  const isOurs = isHeld({ jobId, index, token });
  const [taken] = await database.batch([
    sql`UPDATE job_items SET
        state = 'running', lease_token = ${token}, lease_until_ms = ${untilMs},
        attempts = attempts + 1, crashes = crashes + (state = 'running')
      WHERE job_id = ${jobId} AND item_index = ${index}
        AND (state = 'queued' AND due_ms <= ${nowMs}
          OR state = 'running' AND lease_until_ms <= ${nowMs})
        AND EXISTS (SELECT 1 FROM jobs WHERE id = ${jobId}
          AND state IN ('queued', 'running') AND expires_ms > ${nowMs})`,
    sql`UPDATE jobs SET state = 'running', started_ms = ${nowMs}
      WHERE id = ${jobId} AND state = 'queued' AND ${isOurs}`,
  ]);
  if (taken === 0) return null;
  const [row] = await database.all(
    sql`SELECT jobs.*, image, attempts, failures, crashes
      FROM job_items JOIN jobs ON jobs.id = job_items.job_id
      WHERE job_id = ${jobId} AND item_index = ${index} AND lease_token = ${token}`,
  );
  if (row === undefined) return null; // cancelled in between
  const { callback } = row;
  return {
    jobId,
    index,
    token,
    tenant: String(row["tenant"]),
    principalId: String(row["principal"]),
    // Written by `createJob`.
    image: JSON.parse(String(row["image"])) as JobImage,
    images: Number(row["items"]),
    request: JSON.parse(String(row["request"])) as AnalyzeRequest,
    callback:
      typeof callback === "string" ? (JSON.parse(callback) as Callback) : null,
    source: String(row["source"]),
    traceparent:
      row["traceparent"] === null ? null : String(row["traceparent"]),
    attempts: Number(row["attempts"]),
    failures: Number(row["failures"]),
    crashes: Number(row["crashes"]),
    expiresMs: Number(row["expires_ms"]),
  };
}

/**
 * Gives an image back, to be taken up again at `dueMs`.
 *
 * @returns false if the lease was not ours any more.
 */
export async function returnLease(
  { database }: Host,
  item: LeasedItem,
  dueMs: number,
  isFailure: boolean,
): Promise<boolean> {
  const [returned] = await database.batch([
    sql`UPDATE job_items SET state = 'queued', lease_token = NULL,
        lease_until_ms = NULL, due_ms = ${dueMs}, hinted_ms = ${dueMs},
        failures = failures + ${isFailure ? 1 : 0}
      WHERE job_id = ${item.jobId} AND item_index = ${item.index}
        AND ${isHeld(item)}`,
  ]);
  return returned !== 0;
}
