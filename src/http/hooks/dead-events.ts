// Messages of a bucket that failed until their queue gave them up: they are
// kept, shown to their tenant, and taken again when asked.

import * as v from "valibot";
import { FlorenceError, isFlorenceError } from "../../shared/errors.ts";
import {
  ProblemSchema,
  toProblem,
  type Problem,
} from "../../shared/schema/problem.ts";
import type { Host } from "../host.ts";
import { sql, type Row } from "../ports/database.ts";
import type { Principal } from "../principal.ts";
import { bucketEventOf } from "./bucket-events.ts";

/** How long one can be looked up and replayed, as a dead delivery can. */
const KEEP_MS = 30 * 24 * 3600 * 1000;

/** Events of one answer. */
export const MAX_DEAD_EVENTS = 100;

export const DeadEventSchema = v.object({
  object: v.literal("dead_event"),
  id: v.string(),
  /** Of the picture in the bucket. */
  key: v.nullable(v.string()),
  /** Why it failed the last time. */
  problem: ProblemSchema,
  died: v.string(),
});

export const DeadEventListSchema = v.object({
  object: v.literal("list"),
  data: v.array(DeadEventSchema),
  has_more: v.boolean(),
});

/** Takes one message of bucket events. */
type Take = (body: unknown) => Promise<void>;

/**
 * Takes a message from the queue of the dead: once more, and where that fails,
 * too, keeps it and tells of it.
 */
export async function buryEvent(
  host: Host,
  take: Take,
  body: unknown,
): Promise<void> {
  try {
    await take(body);
  } catch (error) {
    await keepEvent(host, body, error);
  }
}

async function keepEvent(
  host: Host,
  body: unknown,
  error: unknown,
): Promise<void> {
  const { database, platform, telemetry } = host;
  const id = platform.id("dead");
  if (!isFlorenceError(error)) host.onFailure?.(error, id);
  const event = bucketEventOf(body);
  const tenant = event?.tenant ?? "";
  const problem = problemOf(error, id);
  const text = JSON.stringify(body);
  const digest = await platform.sha256(new TextEncoder().encode(text));
  const [kept] = await database.batch([
    sql`INSERT INTO dead_events (id, tenant, source_key, body, problem,
        body_sha256, died_ms)
      VALUES (${id}, ${tenant}, ${event?.key ?? null}, ${text},
        ${JSON.stringify(problem)}, ${digest}, ${platform.now()})
      ON CONFLICT (body_sha256) DO NOTHING`,
  ]);
  if (kept === 1) telemetry?.deadEvent?.({ id, tenant, code: problem.code });
}

/** A tenant's dead events, the newest first. */
export async function listDeadEvents(
  { database }: Host,
  { tenant }: Principal,
): Promise<v.InferOutput<typeof DeadEventListSchema>> {
  const rows = await database.all(
    sql`SELECT * FROM dead_events WHERE tenant = ${tenant}
      ORDER BY died_ms DESC, id DESC LIMIT ${MAX_DEAD_EVENTS + 1}`,
  );
  return {
    object: "list",
    data: rows.slice(0, MAX_DEAD_EVENTS).map(deadEventDocument),
    has_more: rows.length > MAX_DEAD_EVENTS,
  };
}

/**
 * Takes a dead event again; it is dead no longer if that goes well.
 *
 * @throws FlorenceError `not_found`; what the event fails with this time.
 */
export async function replayDeadEvent(
  host: Host,
  take: Take,
  { tenant }: Principal,
  id: string,
): Promise<void> {
  const { database } = host;
  const [row] = await database.all(
    sql`SELECT body FROM dead_events WHERE id = ${id} AND tenant = ${tenant}`,
  );
  if (row === undefined) {
    throw new FlorenceError(
      "not_found",
      `There is no dead event ${JSON.stringify(id.slice(0, 80))}. GET /v1/dead-events lists them; they are kept for 30 days.`,
    );
  }
  try {
    await take(JSON.parse(String(row["body"])));
  } catch (error) {
    const problem = JSON.stringify(problemOf(error, id));
    await database.batch([
      sql`UPDATE dead_events SET problem = ${problem} WHERE id = ${id}`,
    ]);
    throw error;
  }
  await database.batch([sql`DELETE FROM dead_events WHERE id = ${id}`]);
}

/** Deletes what nobody asked for in time. */
export async function sweepDeadEvents({
  database,
  platform,
}: Host): Promise<void> {
  await database.batch([
    sql`DELETE FROM dead_events WHERE died_ms <= ${platform.now() - KEEP_MS}`,
  ]);
}

/** A bug of ours stays inside, as in any answer. */
function problemOf(error: unknown, id: string): Problem {
  return toProblem(
    isFlorenceError(error)
      ? error
      : new FlorenceError(
          "internal",
          `The event could not be taken. Replay it; if it fails again, report ${id}.`,
        ),
  );
}

function deadEventDocument(row: Row): v.InferOutput<typeof DeadEventSchema> {
  const { source_key: key } = row;
  return {
    object: "dead_event",
    id: String(row["id"]),
    key: typeof key === "string" ? key : null,
    // Written by `keepEvent`.
    problem: JSON.parse(String(row["problem"])) as Problem,
    died: new Date(Number(row["died_ms"])).toISOString(),
  };
}
