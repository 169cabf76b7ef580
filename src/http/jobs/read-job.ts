// A job as its owner sees it, read from its rows.

import { FlorenceError } from "../../shared/errors.ts";
import type { Envelope } from "../../shared/schema/analysis.ts";
import type { Problem } from "../../shared/schema/problem.ts";
import type { Host } from "../host.ts";
import { sql, type Row } from "../ports/database.ts";
import type { Principal } from "../principal.ts";
import type {
  Job,
  JobResult,
  JobState,
  JobWithResults,
  Progress,
} from "./job.ts";

/**
 * The job of an id.
 *
 * @throws FlorenceError `not_found`, also where it belongs to another tenant;
 *   `expired` for as long again as its results were kept.
 */
export async function readJob(
  { database, platform, config }: Host,
  id: string,
  { tenant }: Pick<Principal, "tenant">,
): Promise<Job> {
  const [row] = await database.all(
    sql`SELECT jobs.*,
        (SELECT json_group_object(state, images) FROM
          (SELECT state, count(*) AS images FROM job_items WHERE job_id = jobs.id
            GROUP BY state)) AS progress
      FROM jobs WHERE id = ${id} AND tenant = ${tenant}`,
  );
  const nowMs = platform.now();
  if (row === undefined || Number(row["deleted_ms"]) <= nowMs) {
    throw new FlorenceError(
      "not_found",
      `There is no job "${id.slice(0, 80)}" of yours. Take the id that POST /v1/jobs answered with.`,
    );
  }
  if (row["state"] === "expired" || Number(row["expires_ms"]) <= nowMs) {
    throw new FlorenceError(
      "expired",
      `The results of job ${id} were kept until ${iso(row["expires_ms"])} and are deleted. Send the images again.`,
    );
  }
  return jobOf(row, config.public_url);
}

function jobOf(row: Row, publicUrl: string): Job {
  const counts = JSON.parse(String(row["progress"])) as Partial<Progress>;
  const id = String(row["id"]);
  const { metadata } = JSON.parse(String(row["request"])) as {
    readonly metadata: Record<string, unknown>;
  };
  return {
    id,
    object: "job",
    // Written from the same list.
    status: String(row["state"]) as JobState,
    created: iso(row["created_ms"]),
    ...(row["started_ms"] !== null && { started: iso(row["started_ms"]) }),
    ...(row["finished_ms"] !== null && { finished: iso(row["finished_ms"]) }),
    expires: iso(row["expires_ms"]),
    images: Number(row["items"]),
    progress: {
      queued: 0,
      running: 0,
      completed: 0,
      partial: 0,
      failed: 0,
      cancelled: 0,
      ...counts,
    },
    metadata,
    url: `${publicUrl}/v1/jobs/${id}`,
  };
}

function iso(ms: unknown): string {
  return new Date(Number(ms)).toISOString();
}

/** Results of one page. */
export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 100;

/**
 * A job and a page of its results.
 *
 * @throws FlorenceError as `readJob`.
 */
export async function readJobPage(
  host: Host,
  id: string,
  principal: Principal,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<JobWithResults> {
  const job = await readJob(host, id, principal);
  // One more tells whether there is another page.
  const found = await readResults(host, id, { after, limit: limit + 1 });
  const results = found.slice(0, limit);
  const last = results.at(-1);
  return {
    ...job,
    results,
    ...(found.length > limit &&
      last !== undefined && { next_after: last.index }),
  };
}

/** Results of a job that is known to be the caller's, in order. */
export async function readResults(
  host: Host,
  jobId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<JobResult[]> {
  const rows = await host.database.all(
    sql`SELECT item_index, analysis_id, body, blob_key FROM job_results
      WHERE job_id = ${jobId} AND item_index > ${after}
      ORDER BY item_index LIMIT ${limit}`,
  );
  const results: JobResult[] = [];
  for (const row of rows) results.push(await resultOf(host, row));
  return results;
}

async function resultOf({ store }: Host, row: Row): Promise<JobResult> {
  const index = Number(row["item_index"]);
  const text = await bodyOf(store, row);
  if (row["analysis_id"] === null) {
    return { index, status: "failed", problem: JSON.parse(text) as Problem };
  }
  const analysis = JSON.parse(text) as Envelope;
  return { index, status: analysis.status, analysis };
}

async function bodyOf(store: Host["store"], row: Row): Promise<string> {
  const { body, blob_key: blobKey } = row;
  if (typeof body === "string") return body;
  const blob = await store.get(String(blobKey));
  if (blob !== null) return new TextDecoder().decode(blob.bytes);
  throw new FlorenceError(
    "expired",
    "A result of this job was deleted a moment ago. Send the images again.",
  );
}
