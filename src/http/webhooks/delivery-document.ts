// A delivery as its sender's tenant sees it, and the lists of them.

import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import { sql, type Row } from "../ports/database.ts";
import type { Principal } from "../principal.ts";

export const DELIVERY_STATES = ["pending", "delivered", "dead"] as const;

export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** Deliveries of one answer. */
export const MAX_PAGE = 100;

const OptionalText = v.nullable(v.string());

export const DeliverySchema = v.object({
  object: v.literal("delivery"),
  /** The `webhook-id` that its receiver got. */
  id: v.string(),
  endpoint_id: OptionalText,
  url: v.string(),
  event: v.string(),
  status: v.picklist(DELIVERY_STATES),
  attempts: v.number(),
  /** Of the attempts so far, the latest last. */
  history: v.array(
    v.object({
      started: v.string(),
      duration_ms: v.number(),
      status: v.nullable(v.number()),
      error: OptionalText,
    }),
  ),
  created: v.string(),
  delivered: OptionalText,
  next_attempt: OptionalText,
});

export type DeliveryDocument = v.InferOutput<typeof DeliverySchema>;

export const DeliveryListSchema = v.object({
  object: v.literal("list"),
  data: v.array(DeliverySchema),
  has_more: v.boolean(),
});

export interface DeliveryQuery {
  readonly endpointId: string;
  readonly status: DeliveryState | null;
  /** Id of the last delivery of the page before. */
  readonly after: string | null;
  readonly limit: number;
}

/** An endpoint's deliveries, the newest first. */
export async function listDeliveries(
  { database }: Host,
  { tenant }: Principal,
  { endpointId, status, after, limit }: DeliveryQuery,
): Promise<v.InferOutput<typeof DeliveryListSchema>> {
  const isWanted = status === null ? sql`1` : sql`state = ${status}`;
  const isLater =
    after === null
      ? sql`1`
      : sql`(created_ms, id) < (SELECT created_ms, id FROM deliveries WHERE id = ${after} AND tenant = ${tenant})`;
  const rows = await database.all(
    sql`SELECT * FROM deliveries
      WHERE tenant = ${tenant} AND endpoint_id = ${endpointId} AND ${isWanted} AND ${isLater}
      ORDER BY created_ms DESC, id DESC LIMIT ${limit + 1}`,
  );
  return {
    object: "list",
    data: rows.slice(0, limit).map(deliveryDocument),
    has_more: rows.length > limit,
  };
}

/**
 * Sends a delivery again, from the beginning of its schedule; one that is still
 * to be sent is made due.
 *
 * @throws FlorenceError `not_found`
 */
export async function replayDelivery(
  { database, platform }: Host,
  { tenant }: Principal,
  id: string,
): Promise<DeliveryDocument> {
  const now = platform.now();
  const [replayed] = await database.batch([
    sql`UPDATE deliveries SET state = 'pending', attempts = 0, due_ms = ${now},
        hinted_ms = ${now}, delivered_ms = NULL
      WHERE id = ${id} AND tenant = ${tenant}`,
  ]);
  const [row] = await database.all(
    sql`SELECT * FROM deliveries WHERE id = ${id} AND tenant = ${tenant}`,
  );
  if (replayed === 0 || row === undefined) {
    throw new FlorenceError(
      "not_found",
      `There is no delivery ${JSON.stringify(id.slice(0, 80))}. GET /v1/webhook-endpoints/{id}/deliveries lists an endpoint's; they are kept for 7 days, dead ones for 30.`,
    );
  }
  return deliveryDocument(row);
}

function deliveryDocument(row: Row): DeliveryDocument {
  const date = (column: string): string | null => {
    const ms = row[column];
    return typeof ms === "number" ? new Date(ms).toISOString() : null;
  };
  const { endpoint_id: endpointId } = row;
  // Written by us alone.
  const status = String(row["state"]) as DeliveryState;
  return {
    object: "delivery",
    id: String(row["id"]),
    endpoint_id: typeof endpointId === "string" ? endpointId : null,
    url: String(row["url"]),
    event: String(row["event_type"]),
    status,
    attempts: Number(row["attempts"]),
    history: JSON.parse(String(row["history"])) as DeliveryDocument["history"],
    created: date("created_ms") ?? "",
    delivered: date("delivered_ms"),
    next_attempt: status === "pending" ? date("due_ms") : null,
  };
}
