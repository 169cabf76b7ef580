// Sends what is due. A delivery is taken by a lease, so that one attempt is at
// work at a time, and its outcome is written only by the lease's holder.

import type { Host } from "../host.ts";
import type { LaterPart } from "../later.ts";
import { sql, type Row } from "../ports/database.ts";
import type { WorkMessage } from "../ports/work-queue.ts";
import { callbackSecret, signingSecrets } from "./endpoint-secrets.ts";
import { retryDelayMs } from "./retry-schedule.ts";
import { sentBody } from "./sent-body.ts";
import {
  RECEIVER_TIMEOUT_MS,
  sendWebhook,
  type WebhookOutcome,
} from "./send-webhook.ts";

/** Longer than an attempt can take. */
const LEASE_MS = 2 * RECEIVER_TIMEOUT_MS;

/** Cloudflare Queues keep no message back for longer; the sweep does. */
const MAX_QUEUE_DELAY_MS = 12 * 3600 * 1000;

const DAY_MS = 24 * 3600 * 1000;

/** How long a delivery can be looked up: after it arrived, after it is dead. */
const KEEP_DELIVERED_MS = 7 * DAY_MS;
const KEEP_DEAD_MS = 30 * DAY_MS;

/** Rows of one step of the sweep, and steps of one sweep. */
const SWEEP_ROWS = 500;
const SWEEP_STEPS = 10;

/** Attempts of which the outcome is kept. */
const MAX_HISTORY = 50;

export interface Deliveries extends LaterPart {
  /** Makes the next attempt of a delivery if it is due and nobody is at it. */
  deliver(id: string): Promise<void>;
}

/** @param random from 0 to 1; spreads the attempts of many deliveries. */
export function createDeliveries(
  host: Host,
  random: () => number = Math.random,
): Deliveries {
  const deliver = async (id: string): Promise<void> => {
    const token = host.platform.id("lease");
    const row = await takeLease(host, id, token);
    if (row === null) return;
    const secrets = await secretsOf(host, row);
    const startedMs = host.platform.now();
    const outcome = await sendWebhook(host, {
      id,
      url: String(row["url"]),
      body: await sentBody(host, row),
      secrets,
      traceparent:
        row["traceparent"] === null ? null : String(row["traceparent"]),
    });
    const attempts = Number(row["attempts"]);
    const delayMs = outcome.isDelivered
      ? null
      : retryDelayMs(attempts, random(), outcome.retryAfterMs ?? 0);
    await writeAttempt(host, { id, token, startedMs, outcome, delayMs });
    if (delayMs !== null && delayMs <= MAX_QUEUE_DELAY_MS) {
      await hint(host, [{ kind: "delivery", id }], delayMs);
    }
  };
  return {
    kind: "delivery",
    deliver,
    async consume(message) {
      if (message.kind === "delivery") await deliver(message.id);
    },
    async sweep() {
      await hintAgain(host);
      await forgetOld(host);
    },
  };
}

/** The delivery, if it is due and free; from then on it is this attempt's. */
async function takeLease(
  { database, platform }: Host,
  id: string,
  token: string,
): Promise<Row | null> {
  const now = platform.now();
  const [taken] = await database.batch([
    sql`UPDATE deliveries SET attempts = attempts + 1, lease_token = ${token},
        lease_until_ms = ${now + LEASE_MS}
      WHERE id = ${id} AND state = 'pending' AND due_ms <= ${now}
        AND (lease_until_ms IS NULL OR lease_until_ms <= ${now})`,
  ]);
  if (taken === 0) return null;
  const [row] = await database.all(
    sql`SELECT * FROM deliveries WHERE id = ${id}`,
  );
  return row ?? null;
}

async function secretsOf(host: Host, row: Row): Promise<readonly string[]> {
  const { endpoint_id: endpointId, tenant } = row;
  if (endpointId === null || endpointId === undefined) {
    return [await callbackSecret(host, String(tenant))];
  }
  const [endpoint] = await host.database.all(
    sql`SELECT * FROM webhook_endpoints WHERE id = ${endpointId}`,
  );
  // Deleted a moment ago, and its deliveries with it: nothing is written.
  return endpoint === undefined ? [] : await signingSecrets(host, endpoint);
}

interface Attempt {
  readonly id: string;
  readonly token: string;
  readonly startedMs: number;
  readonly outcome: WebhookOutcome;
  /** Until the next one; null if there is none. */
  readonly delayMs: number | null;
}

async function writeAttempt(
  { database, platform }: Host,
  { id, token, startedMs, outcome, delayMs }: Attempt,
): Promise<void> {
  const now = platform.now();
  const { isDelivered, status, error } = outcome;
  const state =
    delayMs !== null ? "pending" : isDelivered ? "delivered" : "dead";
  const entry = JSON.stringify({
    started: new Date(startedMs).toISOString(),
    duration_ms: Math.round(now - startedMs),
    status,
    error,
  });
  const dueMs = now + (delayMs ?? 0);
  // A message that cannot wait so long is left to the sweep.
  const hintedMs = (delayMs ?? 0) <= MAX_QUEUE_DELAY_MS ? dueMs : now;
  await database.batch([
    sql`UPDATE deliveries SET state = ${state}, due_ms = ${dueMs}, hinted_ms = ${hintedMs},
        lease_token = NULL, lease_until_ms = NULL,
        last_status = ${status}, last_error = ${error},
        delivered_ms = ${isDelivered ? now : null},
        history = json_insert(
          CASE WHEN json_array_length(history) >= ${MAX_HISTORY}
            THEN json_remove(history, '$[0]') ELSE history END,
          '$[#]', json(${entry}))
      WHERE id = ${id} AND lease_token = ${token}`,
  ]);
}

/** Gives messages to the queue; what it does not take is found by the sweep. */
export async function hint(
  host: Host,
  messages: readonly WorkMessage[],
  delayMs = 0,
): Promise<void> {
  if (messages.length === 0) return;
  try {
    await host.queue.send(messages, {
      delaySeconds: Math.ceil(delayMs / 1000),
    });
  } catch (error) {
    host.onFailure?.(error, "delivery");
  }
}

/** Tells the queue of the deliveries of events that were just written. */
export async function hintEvents(
  host: Host,
  eventKeys: readonly string[],
): Promise<void> {
  const rows = await host.database.all(
    sql`SELECT id FROM deliveries WHERE state = 'pending'
      AND event_key IN (SELECT value FROM json_each(${JSON.stringify(eventKeys)}))`,
  );
  await hint(host, rows.map(toMessage));
}

/** Deliveries that are due and whose message has been out for too long. */
async function hintAgain(host: Host): Promise<void> {
  const { database, platform, config } = host;
  for (let step = 0; step < SWEEP_STEPS; step += 1) {
    const now = platform.now();
    const waited = sql`state = 'pending' AND due_ms <= ${now}
      AND hinted_ms <= ${now - config.hint_seconds * 1000}
      AND (lease_until_ms IS NULL OR lease_until_ms <= ${now})`;
    const rows = await database.all(
      sql`SELECT id FROM deliveries WHERE ${waited} ORDER BY due_ms LIMIT ${SWEEP_ROWS}`,
    );
    if (rows.length === 0) return;
    const ids = JSON.stringify(rows.map(({ id }) => id));
    await database.batch([
      sql`UPDATE deliveries SET hinted_ms = ${now}
        WHERE id IN (SELECT value FROM json_each(${ids}))`,
    ]);
    await hint(host, rows.map(toMessage));
    if (rows.length < SWEEP_ROWS) return;
  }
}

async function forgetOld({ database, platform }: Host): Promise<void> {
  const now = platform.now();
  await database.batch([
    sql`DELETE FROM deliveries WHERE state = 'delivered' AND due_ms <= ${now - KEEP_DELIVERED_MS}`,
    sql`DELETE FROM deliveries WHERE state = 'dead' AND due_ms <= ${now - KEEP_DEAD_MS}`,
  ]);
}

function toMessage({ id }: Row): WorkMessage {
  return { kind: "delivery", id: String(id) };
}
