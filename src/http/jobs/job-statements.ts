// Statements that several parts of a job's life share.

import { sql, type Statement } from "../ports/database.ts";

/** One entry of a job's stream of events. */
export interface JobEvent {
  readonly event: "live" | "result" | "error" | "done";
  readonly data: Readonly<Record<string, unknown>>;
}

/** Appends events, numbered on, if `condition` holds. */
export function eventStatement(
  jobId: string,
  events: readonly JobEvent[],
  nowMs: number,
  condition: Statement,
): Statement {
  return sql`INSERT INTO job_events (job_id, seq, event, data, created_ms)
    SELECT ${jobId},
      (SELECT coalesce(max(seq), 0) FROM job_events WHERE job_id = ${jobId}) + 1 + key,
      json_extract(value, '$.event'), json_extract(value, '$.data'), ${nowMs}
    FROM json_each(${JSON.stringify(events)})
    WHERE ${condition}`;
}

/** The job has ended, in whatever way. */
function hasEnded(jobId: string): Statement {
  return sql`EXISTS (SELECT 1 FROM jobs WHERE id = ${jobId}
    AND state IN ('completed', 'partial', 'failed', 'cancelled'))`;
}

/**
 * Ends a running job whose images are all done: its state, its last event, and
 * until when its results and blobs are kept. Nothing happens to one that is not
 * finished, nor to one that has ended already.
 */
export function finishStatements(
  jobId: string,
  nowMs: number,
  keepSeconds: number,
): readonly Statement[] {
  const count = (states: Statement): Statement =>
    sql`(SELECT count(*) FROM job_items WHERE job_id = ${jobId} AND state IN (${states}))`;
  return [
    sql`UPDATE jobs SET
        state = CASE
          WHEN ${count(sql`'failed'`)} = items THEN 'failed'
          WHEN ${count(sql`'completed'`)} = items THEN 'completed'
          ELSE 'partial' END
      WHERE id = ${jobId} AND state IN ('queued', 'running')
        AND ${count(sql`'queued', 'running'`)} = 0`,
    ...endStatements(jobId, nowMs, keepSeconds),
  ];
}

/** What follows the end of a job; nothing if it goes on or was ended before. */
export function endStatements(
  jobId: string,
  nowMs: number,
  keepSeconds: number,
): readonly Statement[] {
  const keepMs = keepSeconds * 1000;
  const isNew = sql`${hasEnded(jobId)} AND NOT EXISTS
    (SELECT 1 FROM job_events WHERE job_id = ${jobId} AND event = 'done')`;
  return [
    sql`UPDATE jobs SET finished_ms = ${nowMs}, expires_ms = ${nowMs + keepMs},
        deleted_ms = ${nowMs + 2 * keepMs}
      WHERE id = ${jobId} AND ${isNew}`,
    // Pictures that came with the job are of no more use.
    sql`UPDATE job_blobs SET expires_ms = CASE kind WHEN 'image' THEN ${nowMs}
        ELSE ${nowMs + keepMs} END
      WHERE job_id = ${jobId} AND ${isNew}`,
    eventStatement(jobId, [{ event: "done", data: {} }], nowMs, isNew),
  ];
}
