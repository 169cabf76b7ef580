// How many images a key has had answered in a month, and whether more fit. An
// image counts once, with its answer; images of open jobs are held for them.

import { FlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import { sql, type Statement } from "../ports/database.ts";
import type { Principal } from "../principal.ts";

/** What these functions need of a host. */
type UsageHost = Pick<Host, "database" | "platform" | "config">;

export interface Usage {
  /** `Principal.id` of whoever asked. */
  readonly principalId: string;
  readonly images: number;
  readonly nowMs: number;
  /**
   * A condition of SQL: counted only where it holds when the statement runs,
   * such as ``sql`EXISTS (SELECT 1 FROM job_results WHERE lease_token = ${token})` ``.
   */
  readonly condition?: Statement;
}

/**
 * Statements that add answered images to the key's month, for the transaction
 * that writes the answer.
 */
export function usageStatements(usage: Usage): readonly Statement[] {
  const { principalId, images, nowMs, condition = sql`TRUE` } = usage;
  return [
    sql`INSERT INTO usage_windows (principal, kind, window_start_ms, used)
      SELECT ${principalId}, 'images', ${monthStartMs(nowMs)}, ${images}
      WHERE ${condition}
      ON CONFLICT (principal, kind, window_start_ms)
      DO UPDATE SET used = used + excluded.used`,
  ];
}

/**
 * A condition of SQL that holds while `images` more fit in the month: for a
 * statement that must not be beaten by another request. Always true for a key
 * without a limit.
 */
export function withinQuota(
  host: UsageHost,
  principal: Principal,
  images: number,
): Statement {
  const limit = imagesPerMonth(host, principal);
  if (limit === null) return sql`TRUE`;
  const monthMs = monthStartMs(host.platform.now());
  return sql`${usedImages(principal, monthMs)} + ${images} <= ${limit}`;
}

/**
 * Refuses what does not fit in the month; counts nothing. Images of jobs that
 * are not finished are taken as used.
 *
 * @throws FlorenceError `quota_exceeded`
 */
export async function checkQuota(
  host: UsageHost,
  principal: Principal,
  images: number,
): Promise<void> {
  const limit = imagesPerMonth(host, principal);
  if (limit === null) return;
  const used = await readUsedImages(host, principal);
  if (used + images > limit) throw quotaExceeded(host, images, used, limit);
}

/**
 * Counts images, answers them, and takes the count back if that fails.
 *
 * @param answer makes the answer; not called if the images do not fit.
 * @throws FlorenceError `quota_exceeded`
 */
export async function countImages<T>(
  host: UsageHost,
  principal: Principal,
  images: number,
  answer: () => Promise<T>,
): Promise<T> {
  const usage = {
    principalId: principal.id,
    images,
    nowMs: host.platform.now(),
    condition: withinQuota(host, principal, images),
  };
  const [counted] = await host.database.batch(usageStatements(usage));
  if (counted === 0) {
    const limit = imagesPerMonth(host, principal) ?? 0;
    const used = await readUsedImages(host, principal);
    throw quotaExceeded(host, images, used, limit);
  }
  try {
    return await answer();
  } catch (error) {
    const { principalId, nowMs } = usage;
    await host.database.batch(
      usageStatements({ principalId, images: -images, nowMs }),
    );
    throw error;
  }
}

/** Seconds until the next month begins (UTC), at least 1. */
export function secondsToNextMonth(nowMs: number): number {
  const now = new Date(nowMs);
  const next = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1);
  return Math.max(1, Math.ceil((next - nowMs) / 1000));
}

/** Null where nothing limits the key. */
function imagesPerMonth(
  { config }: UsageHost,
  principal: Principal,
): number | null {
  return principal.imagesPerMonth ?? config.images_per_month ?? null;
}

function monthStartMs(nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth());
}

/** Answered in the month, and waiting in open jobs: an expression of SQL. */
function usedImages({ id }: Principal, monthMs: number): Statement {
  return sql`(
    coalesce((SELECT used FROM usage_windows WHERE principal = ${id}
      AND kind = 'images' AND window_start_ms = ${monthMs}), 0)
    + (SELECT count(*) FROM jobs JOIN job_items ON job_items.job_id = jobs.id
      WHERE jobs.principal = ${id} AND jobs.state IN ('queued', 'running')
      AND job_items.state IN ('queued', 'running'))
  )`;
}

async function readUsedImages(
  { database, platform }: UsageHost,
  principal: Principal,
): Promise<number> {
  const monthMs = monthStartMs(platform.now());
  const [row] = await database.all(
    sql`SELECT ${usedImages(principal, monthMs)} AS used`,
  );
  return Number(row?.["used"] ?? 0);
}

function quotaExceeded(
  { platform }: UsageHost,
  images: number,
  used: number,
  limit: number,
): FlorenceError {
  const nowMs = platform.now();
  const retryAfterSeconds = secondsToNextMonth(nowMs);
  const next = new Date(nowMs + retryAfterSeconds * 1000);
  const asked = images === 1 ? "1 more does" : `${images} more do`;
  return new FlorenceError(
    "quota_exceeded",
    `This key has used ${used} of its ${limit} images this month, those of waiting jobs included; ${asked} not fit. Send fewer, wait until ${next.toISOString().slice(0, 10)}, or ask for a higher images_per_month.`,
    { retryAfterSeconds },
  );
}
