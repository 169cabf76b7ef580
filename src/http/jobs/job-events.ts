// `GET /v1/jobs/{id}/events`: what happened to a job, from its rows, and what
// happens while it goes on.

import type { Envelope } from "../../shared/schema/analysis.ts";
import type { Problem } from "../../shared/schema/problem.ts";
import type { Host } from "../host.ts";
import { sql } from "../ports/database.ts";
import type { Principal } from "../principal.ts";
import { eventBlock } from "../streaming/event-stream.ts";
import type { LiveEntry } from "./live-events.ts";
import { readJob, readResults } from "./read-job.ts";

/** Rows read at once. */
const PAGE = 50;

/** From one look at the database to the next: at first, and at most. */
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 2000;

/** Silence after which a comment keeps the connection open. */
const HEARTBEAT_MS = 15_000;

/** A stream ends after so many looks; a client goes on with `Last-Event-ID`. */
const MAX_LOOKS = 400;

/**
 * How far a client has read. A row is one event, whose id is the row's number,
 * or several, whose ids are `12.0`, `12.1` and so on.
 */
export interface Position {
  readonly seq: number;
  /** The last event of that row; null for all of them. */
  readonly at: number | null;
}

/**
 * The events after a position, then those that come, until the job ends.
 *
 * @param id of a job that is the caller's.
 */
export function jobEventStream(
  host: Host,
  id: string,
  principal: Principal,
  last: Position,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const events = followEvents(host, id, principal, last);
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await events.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await events.return();
    },
  });
}

async function* followEvents(
  host: Host,
  id: string,
  principal: Principal,
  last: Position,
): AsyncGenerator<string, void, undefined> {
  // Headers are sent with the first bytes.
  yield `: job ${id}\n\n`;
  let position = last;
  let pauseMs = FIRST_PAUSE_MS;
  let silentMs = 0;
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    const page = await readEvents(host, id, principal, position);
    for (const { text, isLast, seq } of page) {
      yield text;
      if (isLast) return;
      position = { seq, at: null };
    }
    if (page.length > 0) {
      silentMs = 0;
      pauseMs = FIRST_PAUSE_MS;
      continue;
    }
    // Nothing after the last event; or expired meanwhile.
    if (look === 0 && (await hasEnded(host, id, position.seq))) return;
    await pause(pauseMs);
    silentMs += pauseMs;
    pauseMs = Math.min(pauseMs * 1.5, MAX_PAUSE_MS);
    if (silentMs >= HEARTBEAT_MS) {
      silentMs = 0;
      yield ": waiting\n\n";
    }
  }
}

/** A row's events. */
interface ReadEvents {
  readonly seq: number;
  /** Whole blocks. */
  readonly text: string;
  readonly isLast: boolean;
}

async function readEvents(
  host: Host,
  id: string,
  principal: Principal,
  after: Position,
): Promise<readonly ReadEvents[]> {
  const from = after.at === null ? after.seq + 1 : after.seq;
  const rows = await host.database.all(
    sql`SELECT seq, event, data FROM job_events
      WHERE job_id = ${id} AND seq >= ${from} ORDER BY seq LIMIT ${PAGE}`,
  );
  const read: ReadEvents[] = [];
  const answers = new Map<number, Envelope | Problem>();
  for (const row of rows) {
    const seq = Number(row["seq"]);
    const event = String(row["event"]);
    const text = String(row["data"]);
    const at = seq === after.seq ? (after.at ?? -1) : -1;
    read.push({
      seq,
      text:
        event === "live"
          ? liveBlocks(seq, at, JSON.parse(text) as LivePointer)
          : eventBlock(
              event === "done"
                ? await readJob(host, id, principal)
                : await expand(host, id, JSON.parse(text) as EventPointer, answers), // prettier-ignore
              { id: seq, event },
            ),
      isLast: event === "done",
    });
  }
  return read;
}

/** What was told of an image on the way. */
interface LivePointer {
  readonly index: number;
  readonly events: readonly LiveEntry[];
}

/** The events of a row after the one that was read last. */
function liveBlocks(
  seq: number,
  readAt: number,
  { index, events }: LivePointer,
): string {
  return events
    .map(([event, data], at) =>
      at <= readAt
        ? ""
        : eventBlock({ index, ...data }, { id: `${seq}.${at}`, event }),
    )
    .join("");
}

/** What an event points at: an image, and one of its results. */
interface EventPointer {
  readonly index: number;
  readonly result?: number;
}

/** The event's data: the result or the problem it points at. */
async function expand(
  host: Host,
  id: string,
  { index, result }: EventPointer,
  answers: Map<number, Envelope | Problem>,
): Promise<object> {
  if (!answers.has(index)) {
    const [found] = await readResults(host, id, {
      after: index - 1,
      limit: 1,
    });
    const answer = found?.analysis ?? found?.problem;
    if (found?.index !== index || answer === undefined) return { index };
    answers.set(index, answer);
  }
  const answer = answers.get(index)!;
  if (!("results" in answer)) return { index, ...answer };
  return result === undefined
    ? { index }
    : { index, ...answer.results[result] };
}

async function hasEnded(
  { database }: Host,
  id: string,
  seq: number,
): Promise<boolean> {
  const [row] = await database.all(
    sql`SELECT 1 AS found FROM job_events
      WHERE job_id = ${id} AND event = 'done' AND seq <= ${seq}`,
  );
  return row !== undefined;
}

/** Where `Last-Event-ID` says that a client is; the beginning for anything else. */
export function lastPositionOf(request: Request): Position {
  const header = request.headers.get("Last-Event-ID") ?? "";
  const found = /^(\d{1,9})(?:\.(\d{1,6}))?$/u.exec(header);
  const [, seq = "0", at] = found ?? [];
  return { seq: Number(seq), at: at === undefined ? null : Number(at) };
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
