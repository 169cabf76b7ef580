// From something that happened to one delivery for each who wants to hear of
// it, as statements: whoever writes what happened writes these with it, in one
// transaction, so that neither stands without the other.

import { sql, type Statement } from "../ports/database.ts";
import type { Callback } from "./callback.ts";

/** Everything an endpoint may be told of. */
export const EVENT_TYPES = [
  "image.uploaded",
  "analysis.completed",
  "analysis.failed",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** Largest body that carries a result, in bytes. */
export const MAX_FULL_BYTES = 20_000;

/** What events that differ only in what they are of have in common. */
export interface SharedEvent {
  readonly type: EventType;
  readonly tenant: string;
  /** `api`, `upload`, `r2` or a hook's name. */
  readonly source: string;
  /** Spellings of the tasks that were asked, e.g. `caption:detailed`. */
  readonly tasks: readonly string[];
  /** W3C Trace Context of what caused it; goes with each delivery. */
  readonly traceparent?: string | null;
  /** The job's own receiver, and the key on whose behalf it was named. */
  readonly callback?: {
    readonly principal: string;
    readonly to: Callback;
  } | null;
}

/** What an event has of its own. */
export interface OwnEvent {
  /**
   * Names what happened, once and for ever: `job_1:0:analysis.completed`. A
   * receiver gets one delivery for a key, however often it is written.
   */
  readonly key: string;
  /** The body's `data`. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Joins `data` for receivers that want it whole, if the body stays small. */
  readonly full?: Readonly<Record<string, unknown>>;
}

/** Something that happened. */
export interface WebhookEvent extends SharedEvent, OwnEvent {}

/**
 * Statements that insert the deliveries of an event: one for each endpoint of
 * the tenant whose events and filter match, one for the callback if it is
 * another receiver.
 *
 * @param now milliseconds; also the body's `timestamp`.
 * @param condition nothing is inserted unless it holds: an expression over
 *   other tables, e.g. that this attempt's result is the one that was kept.
 */
export function deliveryStatements(
  event: WebhookEvent,
  now: number,
  condition: Statement = sql`1`,
): readonly Statement[] {
  return deliveriesOfMany(event, [event], now, condition);
}

/** The same for several events at once, in as few statements. */
export function deliveriesOfMany(
  shared: SharedEvent,
  events: readonly OwnEvent[],
  now: number,
  condition: Statement = sql`1`,
): readonly Statement[] {
  const written = JSON.stringify(
    events.map((event) => writtenEvent(shared.type, event, now)),
  );
  const registered = toEndpoints(shared, written, now, condition);
  const { callback } = shared;
  if (callback === undefined || callback === null) return [registered];
  const wanted: readonly string[] = callback.to.events;
  return wanted.includes(shared.type)
    ? [toCallback(shared, callback, written, now, condition), registered]
    : [registered];
}

/** An event as the statements read it. */
interface WrittenEvent {
  readonly key: string;
  readonly thin: string;
  /** Thin, too, where the whole would be too large. */
  readonly full: string;
}

function writtenEvent(
  type: EventType,
  { key, data, full }: OwnEvent,
  now: number,
): WrittenEvent {
  const timestamp = new Date(now).toISOString();
  const thin = JSON.stringify({ type, timestamp, data });
  const whole = JSON.stringify({ type, timestamp, data: { ...data, ...full } });
  const isSmall = new TextEncoder().encode(whole).length <= MAX_FULL_BYTES;
  return { key, thin, full: isSmall ? whole : thin };
}

/** The columns every delivery begins with; ids are made by the database. */
const INSERT = sql`INSERT OR IGNORE INTO deliveries
  (id, tenant, endpoint_id, url, event_type, event_key, traceparent, body, state, due_ms, hinted_ms, created_ms)`;

const NEW_ID = sql`'msg_' || lower(hex(randomblob(16)))`;

/** Of the event at hand; it stands among the tables as `event`. */
const KEY = sql`json_extract(event.value, '$.key')`;
const THIN = sql`json_extract(event.value, '$.thin')`;
const FULL = sql`json_extract(event.value, '$.full')`;

function toEndpoints(
  shared: SharedEvent,
  written: string,
  now: number,
  condition: Statement,
): Statement {
  const { tenant, type, source } = shared;
  const tasks = JSON.stringify(shared.tasks);
  const trace = shared.traceparent ?? null;
  return sql`${INSERT}
    SELECT ${NEW_ID}, e.tenant, e.id, e.url, ${type}, ${KEY}, ${trace},
      CASE e.is_full WHEN 1 THEN ${FULL} ELSE ${THIN} END,
      'pending', ${now}, ${now}, ${now}
    FROM webhook_endpoints AS e, json_each(${written}) AS event
    WHERE e.tenant = ${tenant}
      AND EXISTS (SELECT 1 FROM json_each(e.events) WHERE value = ${type})
      AND (e.sources IS NULL
        OR EXISTS (SELECT 1 FROM json_each(e.sources) WHERE value = ${source}))
      AND (e.tasks IS NULL
        OR EXISTS (SELECT 1 FROM json_each(e.tasks) AS wanted
          JOIN json_each(${tasks}) AS asked ON wanted.value = asked.value))
      AND (${condition})`;
}

/**
 * An address that the same key has registered is that endpoint: it hears once,
 * signed with its own secret.
 */
function toCallback(
  shared: SharedEvent,
  { principal, to }: NonNullable<SharedEvent["callback"]>,
  written: string,
  now: number,
  condition: Statement,
): Statement {
  const { tenant, type } = shared;
  const body = to.full ? FULL : THIN;
  const trace = shared.traceparent ?? null;
  if (to.endpoint_id !== undefined) {
    return sql`${INSERT}
      SELECT ${NEW_ID}, e.tenant, e.id, e.url, ${type}, ${KEY}, ${trace}, ${body},
        'pending', ${now}, ${now}, ${now}
      FROM webhook_endpoints AS e, json_each(${written}) AS event
      WHERE e.tenant = ${tenant} AND e.id = ${to.endpoint_id} AND (${condition})`;
  }
  const url = to.url ?? "";
  return sql`${INSERT}
    SELECT ${NEW_ID}, ${tenant},
      (SELECT id FROM webhook_endpoints
        WHERE tenant = ${tenant} AND principal = ${principal} AND url = ${url}),
      ${url}, ${type}, ${KEY}, ${trace}, ${body}, 'pending', ${now}, ${now}, ${now}
    FROM json_each(${written}) AS event
    WHERE (${condition})`;
}
