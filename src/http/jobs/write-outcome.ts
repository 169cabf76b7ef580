// Writes what became of one image: its result, its usage, its events, its
// deliveries and the state of its job, in one transaction that happens once or
// not at all, because all of it depends on the lease.

import type { FlorenceError } from "../../shared/errors.ts";
import type { Envelope } from "../../shared/schema/analysis.ts";
import { toProblem } from "../../shared/schema/problem.ts";
import { usageStatements } from "../auth/usage.ts";
import type { Host } from "../host.ts";
import { sql } from "../ports/database.ts";
import { hintEvents } from "../webhooks/deliveries.ts";
import { deliveryStatements } from "../webhooks/event-statements.ts";
import {
  eventType,
  ownEvent,
  sharedEvent,
  type ImageAnswer,
} from "./analysis-event.ts";
import {
  eventStatement,
  finishStatements,
  type JobEvent,
} from "./job-statements.ts";
import { isHeld, type LeasedItem } from "./lease.ts";

/** A larger result goes to the store: a row holds 2 MB at most. */
const MAX_ROW_BYTES = 500_000;

/** What became of one image. */
export type Outcome =
  { readonly analysis: Envelope } | { readonly error: FlorenceError };

/**
 * Writes an outcome if the lease is still ours, and hints at its deliveries.
 *
 * @param told events that come before it.
 * @returns whether it was written.
 */
export async function writeOutcome(
  host: Host,
  item: LeasedItem,
  outcome: Outcome,
  told: readonly JobEvent[] = [],
): Promise<boolean> {
  const { database, platform, config } = host;
  const { jobId, index, token } = item;
  const nowMs = platform.now();
  const isOurs = isHeld(item);
  const analysis = "analysis" in outcome ? outcome.analysis : null;
  const answer: ImageAnswer =
    "error" in outcome ? { problem: toProblem(outcome.error) } : outcome;
  const body = JSON.stringify(Object.values(answer)[0]);
  const blobKey = await storeIfLarge(host, item, body);
  const event = {
    ...sharedEvent(item, eventType(answer)),
    ...ownEvent(host, jobId, index, answer),
  };
  const [written] = await database.batch([
    sql`INSERT INTO job_results
        (job_id, item_index, lease_token, analysis_id, body, blob_key, created_ms)
      SELECT ${jobId}, ${index}, ${token}, ${analysis?.id ?? null},
        ${blobKey === null ? body : null}, ${blobKey}, ${nowMs}
      WHERE ${isOurs}`,
    ...(analysis === null
      ? []
      : usageStatements({
          principalId: item.principalId,
          images: 1,
          nowMs,
          condition: isOurs,
        })),
    eventStatement(
      jobId,
      [...told, ...jobEvents(index, analysis)],
      nowMs,
      isOurs,
    ),
    ...deliveryStatements(event, nowMs, isOurs),
    sql`UPDATE job_items SET state = ${analysis?.status ?? "failed"},
        lease_token = NULL, lease_until_ms = NULL
      WHERE job_id = ${jobId} AND item_index = ${index} AND ${isOurs}`,
    ...finishStatements(jobId, nowMs, config.keep_seconds),
  ]);
  if (written === 0) return false;
  await hintEvents(host, [event.key]);
  return true;
}

async function storeIfLarge(
  { database, store, platform, config }: Host,
  { jobId, index, token, tenant }: LeasedItem,
  body: string,
): Promise<string | null> {
  const bytes = new TextEncoder().encode(body);
  if (bytes.length <= MAX_ROW_BYTES) return null;
  // Each attempt has its own: a late one replaces nothing.
  const key = `jobs/${tenant}/${jobId}/${index}.${token}.json`;
  const expiresMs = platform.now() + config.keep_seconds * 1000;
  await database.batch([
    sql`INSERT INTO job_blobs (blob_key, job_id, kind, expires_ms)
      VALUES (${key}, ${jobId}, 'result', ${expiresMs})`,
  ]);
  await store.put(key, bytes, "application/json");
  return key;
}

/** A result for each task, only pointed at: it stands in the envelope. */
function jobEvents(index: number, analysis: Envelope | null): JobEvent[] {
  if (analysis === null) return [{ event: "error", data: { index } }];
  return analysis.results.map((_, result) => ({
    event: "result",
    data: { index, result },
  }));
}
