// Jobs whose time is over: images that nobody answered are told of as failed,
// then everything the job holds is deleted, and later the job itself.

import { FlorenceError } from "../../shared/errors.ts";
import type { AnalyzeRequest } from "../../shared/schema/analysis.ts";
import { toProblem } from "../../shared/schema/problem.ts";
import type { Host } from "../host.ts";
import { sql, type Row } from "../ports/database.ts";
import type { Callback } from "../webhooks/callback.ts";
import { hintEvents } from "../webhooks/deliveries.ts";
import { deliveriesOfMany } from "../webhooks/event-statements.ts";
import { ownEvent, sharedEvent, type EventJob } from "./analysis-event.ts";

/** Jobs of one sweep that are given up, and that are deleted. */
const MAX_GIVEN_UP = 50;
const MAX_DELETIONS = 200;

/** Images told of in one transaction, and such transactions in one sweep. */
const IMAGES = 100;
const MAX_STEPS = 60;

/** What the sweep does for jobs that have expired. */
export async function expireJobs(host: Host): Promise<void> {
  const rows = await host.database.all(
    sql`SELECT * FROM jobs WHERE state IN ('queued', 'running')
      AND expires_ms <= ${host.platform.now()} LIMIT ${MAX_GIVEN_UP}`,
  );
  let steps = 0;
  for (const row of rows) {
    if (steps < MAX_STEPS) steps += await giveUp(host, row, MAX_STEPS - steps);
  }
  await deleteExpired(host);
}

/**
 * Tells of each image that was not answered; the next sweep goes on.
 *
 * @returns how many steps it took.
 */
async function giveUp(host: Host, row: Row, maxSteps: number): Promise<number> {
  const { database, platform } = host;
  const job = eventJobOf(row);
  const { jobId } = job;
  // An attempt that is still at work finds its lease gone, and writes nothing.
  await database.batch([
    sql`UPDATE job_items SET state = 'expired', lease_token = NULL,
        lease_until_ms = NULL
      WHERE job_id = ${jobId} AND state IN ('queued', 'running')`,
  ]);
  const shared = sharedEvent(job, "analysis.failed");
  for (let step = 0; step < maxSteps; step += 1) {
    const items = await database.all(
      sql`SELECT item_index FROM job_items
        WHERE job_id = ${jobId} AND state = 'expired' LIMIT ${IMAGES}`,
    );
    if (items.length === 0) return step;
    const indices = items.map((item) => Number(item["item_index"]));
    const events = indices.map((index) =>
      ownEvent(host, jobId, index, { problem: expired(jobId, index) }),
    );
    // What a crash leaves is told of by the next sweep.
    await database.batch([
      ...deliveriesOfMany(shared, events, platform.now()),
      sql`DELETE FROM job_items WHERE job_id = ${jobId} AND item_index IN
        (SELECT value FROM json_each(${JSON.stringify(indices)}))`,
    ]);
    await hintEvents(
      host,
      events.map(({ key }) => key),
    );
  }
  return maxSteps;
}

/** The columns hold what `createJob` wrote. */
function eventJobOf(row: Row): EventJob {
  const { callback, traceparent } = row;
  return {
    jobId: String(row["id"]),
    tenant: String(row["tenant"]),
    principalId: String(row["principal"]),
    request: JSON.parse(String(row["request"])) as AnalyzeRequest,
    callback:
      typeof callback === "string" ? (JSON.parse(callback) as Callback) : null,
    source: String(row["source"]),
    traceparent: typeof traceparent === "string" ? traceparent : null,
  };
}

function expired(jobId: string, index: number) {
  return toProblem(
    new FlorenceError(
      "expired",
      `Image ${index} was not answered before job ${jobId} expired. Send it again, in fewer images at a time or to a service with more engines.`,
    ),
  );
}

async function deleteExpired({ database, platform }: Host): Promise<void> {
  const nowMs = platform.now();
  const rows = await database.all(
    sql`SELECT id FROM jobs WHERE state <> 'expired' AND expires_ms <= ${nowMs}
        AND NOT EXISTS (SELECT 1 FROM job_items WHERE job_id = jobs.id
          AND state IN ('queued', 'running', 'expired'))
      LIMIT ${MAX_DELETIONS}`,
  );
  const ids = JSON.stringify(rows.map(({ id }) => id));
  const isExpired = sql`(SELECT value FROM json_each(${ids}))`;
  await database.batch([
    sql`UPDATE jobs SET state = 'expired', request = '{"metadata":{}}',
        callback = NULL WHERE id IN ${isExpired}`,
    sql`DELETE FROM job_items WHERE job_id IN ${isExpired}`,
    sql`DELETE FROM job_results WHERE job_id IN ${isExpired}`,
    sql`DELETE FROM job_events WHERE job_id IN ${isExpired}`,
    sql`UPDATE job_blobs SET expires_ms = ${nowMs} WHERE job_id IN ${isExpired}`,
    sql`DELETE FROM jobs WHERE state = 'expired' AND deleted_ms <= ${nowMs}`,
  ]);
}
