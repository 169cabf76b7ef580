// Makes a job: its bytes go to the store, its rows into the database in one
// transaction, and hints to the queue. Rows are the outbox: a hint that is lost
// is given again by the sweep.

import type { ImageReference } from "../analyze/image-reference.ts";
import { checkQuota, withinQuota } from "../auth/usage.ts";
import { FlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import { checkAddress } from "../outbound/address-rules.ts";
import { sql, type Statement } from "../ports/database.ts";
import type { WorkMessage } from "../ports/work-queue.ts";
import type { Principal } from "../principal.ts";
import type { Callback } from "../webhooks/callback.ts";
import type { JobImage, NewJob } from "./job.ts";

/** Images of one statement: 200 addresses are 400 kB at most. */
const IMAGES_PER_INSERT = 200;

/** A job that was asked for. */
export interface CreatedJob {
  readonly id: string;
  /** False if it was made before, and the queue was told then. */
  readonly isNew: boolean;
}

/**
 * Makes a job, or finds the one of the same `dedupeKey`. The queue does not know
 * of it yet: see `hintJob`.
 *
 * @throws FlorenceError `quota_exceeded`, `url_forbidden` and `not_found` of
 *   the callback.
 */
export async function createJob(host: Host, job: NewJob): Promise<CreatedJob> {
  const { database, platform } = host;
  const { principal } = job;
  const dedupeKey =
    job.dedupeKey === undefined ? null : `${principal.tenant}:${job.dedupeKey}`;
  const known = await findByDedupeKey(host, dedupeKey);
  if (known !== null) return { id: known, isNew: false };

  if (job.callback !== undefined) {
    await checkCallback(host, principal, job.callback);
  }
  await checkQuota(host, principal, job.images.length);
  const id = platform.id("job");
  const images = await storeImages(host, id, principal, job.images);
  const [made] = await database.batch(
    jobStatements(host, { ...job, id, dedupeKey }, images),
  );
  if (made === 0) {
    // Another request was faster, or took what was left of the month.
    const other = await findByDedupeKey(host, dedupeKey);
    if (other !== null) return { id: other, isNew: false };
    await checkQuota(host, principal, job.images.length);
    throw new Error(`internal: job ${id} was not made`);
  }
  return { id, isNew: true };
}

async function findByDedupeKey(
  { database }: Host,
  dedupeKey: string | null,
): Promise<string | null> {
  if (dedupeKey === null) return null;
  const [row] = await database.all(
    sql`SELECT id FROM jobs WHERE dedupe_key = ${dedupeKey}`,
  );
  return row === undefined ? null : String(row["id"]);
}

/** Refuses a callback that could never be called. */
export async function checkCallback(
  { database, config }: Host,
  { tenant }: Principal,
  { url, endpoint_id: endpointId }: Callback,
): Promise<void> {
  if (url !== undefined) checkAddress(url, config, "/callback/url");
  if (endpointId === undefined) return;
  const [row] = await database.all(
    sql`SELECT id FROM webhook_endpoints WHERE id = ${endpointId} AND tenant = ${tenant}`,
  );
  if (row !== undefined) return;
  const detail = `there is no webhook endpoint ${JSON.stringify(endpointId.slice(0, 80))}`;
  throw new FlorenceError(
    "not_found",
    `callback.endpoint_id: ${detail}. Register it by POST /v1/webhook-endpoints, or give callback.url.`,
    { errors: [{ pointer: "/callback/endpoint_id", detail }] },
  );
}

/** Puts bytes into the store; every blob is in the database before it is there. */
async function storeImages(
  { database, store, platform, config }: Host,
  jobId: string,
  { tenant }: Principal,
  images: readonly ImageReference[],
): Promise<readonly JobImage[]> {
  const expiresMs = platform.now() + config.keep_seconds * 1000;
  const stored: JobImage[] = [];
  for (const [index, image] of images.entries()) {
    if (image.kind !== "bytes") {
      stored.push(image);
      continue;
    }
    const key = `jobs/${tenant}/${jobId}/${index}`;
    await database.batch([
      sql`INSERT INTO job_blobs (blob_key, job_id, kind, expires_ms)
        VALUES (${key}, ${jobId}, 'image', ${expiresMs})`,
    ]);
    await store.put(key, image.bytes, "application/octet-stream");
    stored.push({ kind: "blob", key });
  }
  return stored;
}

function jobStatements(
  host: Host,
  job: Omit<NewJob, "dedupeKey"> & {
    readonly id: string;
    readonly dedupeKey: string | null;
  },
  images: readonly JobImage[],
): readonly Statement[] {
  const { id, principal, request, callback, source, dedupeKey } = job;
  const nowMs = host.platform.now();
  const keepMs = host.config.keep_seconds * 1000;
  const statements = [
    sql`INSERT INTO jobs (id, tenant, principal, dedupe_key, state, request,
        callback, source, traceparent, items, created_ms, expires_ms, deleted_ms)
      SELECT ${id}, ${principal.tenant}, ${principal.id}, ${dedupeKey}, 'queued',
        ${JSON.stringify(request)},
        ${callback === undefined ? null : JSON.stringify(callback)}, ${source},
        ${job.traceparent ?? null}, ${images.length}, ${nowMs},
        ${nowMs + keepMs}, ${nowMs + 2 * keepMs}
      WHERE ${withinQuota(host, principal, images.length)}
      ON CONFLICT (dedupe_key) DO NOTHING`,
  ];
  for (let first = 0; first < images.length; first += IMAGES_PER_INSERT) {
    const some = images.slice(first, first + IMAGES_PER_INSERT);
    statements.push(sql`INSERT INTO job_items
        (job_id, item_index, image, state, due_ms, hinted_ms)
      SELECT ${id}, ${first} + key, value, 'queued', ${nowMs}, ${nowMs}
      FROM json_each(${JSON.stringify(some)})
      WHERE EXISTS (SELECT 1 FROM jobs WHERE id = ${id})`);
  }
  return statements;
}

/** Tells the queue of a job's images. */
export async function hintJob(
  host: Host,
  jobId: string,
  images: number,
): Promise<void> {
  const messages = Array.from({ length: images }, (_, index): WorkMessage => ({
    kind: "job_item",
    jobId,
    index,
  }));
  try {
    await host.queue.send(messages);
  } catch (error) {
    // The job stands; the sweep hints again.
    host.onFailure?.(error, jobId);
  }
}
