// Cancels a job: what is not finished will not be, and nothing is written after.

import { FlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import { sql } from "../ports/database.ts";
import type { Principal } from "../principal.ts";
import type { Job } from "./job.ts";
import { endStatements } from "./job-statements.ts";
import { readJob } from "./read-job.ts";

/**
 * Cancels a job; one that is cancelled already stays so. Results that are there
 * are kept.
 *
 * @throws FlorenceError `job_not_cancellable` if it has ended, `not_found`,
 *   `expired`.
 */
export async function cancelJob(
  host: Host,
  id: string,
  principal: Principal,
): Promise<Job> {
  const { database, platform, config } = host;
  await readJob(host, id, principal);
  const nowMs = platform.now();
  await database.batch([
    sql`UPDATE jobs SET state = 'cancelled'
      WHERE id = ${id} AND state IN ('queued', 'running')`,
    // Without its lease no attempt can write.
    sql`UPDATE job_items SET state = 'cancelled', lease_token = NULL,
        lease_until_ms = NULL
      WHERE job_id = ${id} AND state IN ('queued', 'running')
        AND EXISTS (SELECT 1 FROM jobs WHERE id = ${id} AND state = 'cancelled')`,
    ...endStatements(id, nowMs, config.keep_seconds),
  ]);
  const job = await readJob(host, id, principal);
  if (job.status === "cancelled") return job;
  throw new FlorenceError(
    "job_not_cancellable",
    `Job ${id} has ended already: it is ${job.status}. Its results are at ${job.url}.`,
  );
}
