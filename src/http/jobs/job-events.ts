// `GET /v1/jobs/{id}/events`: what happened to a job, from its rows, and what
// happens while it goes on.

import type { Envelope } from "../../shared/schema/analysis.ts";
import type { Problem } from "../../shared/schema/problem.ts";
import type { Host } from "../host.ts";
import { sql } from "../ports/database.ts";
import type { Principal } from "../principal.ts";
import { readJob, readResults } from "./read-job.ts";

/** Events read at once. */
const PAGE = 50;

/** From one look at the database to the next: at first, and at most. */
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 2000;

/** Silence after which a comment keeps the connection open. */
const HEARTBEAT_MS = 15_000;

/** A stream ends after so many looks; a client goes on with `Last-Event-ID`. */
const MAX_LOOKS = 400;

/**
 * The events after `lastSeq`, then those that come, until the job ends.
 *
 * @param id of a job that is the caller's.
 */
export function jobEventStream(
  host: Host,
  id: string,
  principal: Principal,
  lastSeq: number,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const events = followEvents(host, id, principal, lastSeq);
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
  lastSeq: number,
): AsyncGenerator<string, void, undefined> {
  // Headers are sent with the first bytes.
  yield `: job ${id}\n\n`;
  let seq = lastSeq;
  let pauseMs = FIRST_PAUSE_MS;
  let silentMs = 0;
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    const page = await readEvents(host, id, principal, seq);
    for (const { text, isLast, seq: own } of page) {
      yield text;
      if (isLast) return;
      seq = own;
    }
    if (page.length > 0) {
      silentMs = 0;
      pauseMs = FIRST_PAUSE_MS;
      continue;
    }
    // Nothing after the last event; or expired meanwhile.
    if (look === 0 && (await hasEnded(host, id, seq))) return;
    await pause(pauseMs);
    silentMs += pauseMs;
    pauseMs = Math.min(pauseMs * 1.5, MAX_PAUSE_MS);
    if (silentMs >= HEARTBEAT_MS) {
      silentMs = 0;
      yield ": waiting\n\n";
    }
  }
}

interface ReadEvent {
  readonly seq: number;
  readonly text: string;
  readonly isLast: boolean;
}

async function readEvents(
  host: Host,
  id: string,
  principal: Principal,
  afterSeq: number,
): Promise<readonly ReadEvent[]> {
  const rows = await host.database.all(
    sql`SELECT seq, event, data FROM job_events
      WHERE job_id = ${id} AND seq > ${afterSeq} ORDER BY seq LIMIT ${PAGE}`,
  );
  const read: ReadEvent[] = [];
  const answers = new Map<number, Envelope | Problem>();
  for (const row of rows) {
    const seq = Number(row["seq"]);
    const event = String(row["event"]);
    const pointer = JSON.parse(String(row["data"])) as EventPointer;
    const data =
      event === "done"
        ? await readJob(host, id, principal)
        : event === "started"
          ? pointer
          : await expand(host, id, pointer, answers);
    read.push({
      seq,
      text: `id: ${seq}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
      isLast: event === "done",
    });
  }
  return read;
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

/** The seq of `Last-Event-ID`; 0, the beginning, for anything else. */
export function lastSeqOf(request: Request): number {
  const header = request.headers.get("Last-Event-ID") ?? "";
  return /^\d{1,9}$/u.test(header) ? Number(header) : 0;
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
