// Many images are queued, their answers sent to a receiver, every message comes
// twice and out of order, and the host is killed with -9 again and again. In the
// end nothing is lost, stuck or counted twice.

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PHOTO } from "../http/bad-images.ts";
import {
  createKillableHost,
  type HostName,
  type KillableHost,
} from "./killable-host.ts";

export interface KillTestOptions {
  readonly host: HostName;
  readonly images: number;
  readonly kills: number;
  readonly seed: number;
  /** Images of one job. */
  readonly jobImages: number;
  /**
   * Whether the first kill may cut off a request that makes a job: its key is
   * free again 15 seconds later, in workerd two minutes.
   */
  readonly whileCreating: boolean;
}

/** What was found after the last kill. */
export interface KillReport {
  readonly host: HostName;
  readonly images: number;
  readonly kills: number;
  /** Images with exactly one result. */
  readonly results: number;
  /** Results beyond one for an image, in rows and as given by the API. */
  readonly duplicates: number;
  /** Images whose delivery was received at least once. */
  readonly delivered: number;
  /** Requests that the receiver got, and how many webhook-ids they had. */
  readonly deliveries: number;
  readonly deliveryIds: number;
  /** Rows that wait for something or hold a lease: items, deliveries, jobs. */
  readonly stuck: number;
  readonly usage: number;
  /** Jobs that a repeated creation gave, and those that there are. */
  readonly repeatedAs: number;
  readonly jobs: number;
  /** Attempts beyond one for an image: work that a kill undid. */
  readonly workAgain: number;
  readonly seconds: number;
}

const TIMEOUT_MS = 1_800_000;

export async function runKillTest(
  options: KillTestOptions,
): Promise<KillReport> {
  const startedMs = Date.now();
  const folder = mkdtempSync(join(tmpdir(), "florence-kill-"));
  const receiver = await startReceiver();
  const host = await createKillableHost(options.host, join(folder, "host"), {
    secret: "a secret of the kill test, long enough",
    open_mode: true,
    address_exemptions: [new URL(receiver.origin).host],
    rate_per_minute: 1_000_000,
    attempt_seconds: 1,
    hint_seconds: 1,
  });
  try {
    await host.start();
    const abort = AbortSignal.timeout(TIMEOUT_MS);
    const creating = createJobs(host, receiver, options, abort);
    if (!options.whileCreating) await creating;
    const killing = killAgainAndAgain(host, receiver, options, abort);
    const ids = await creating;
    await allEnded(host, receiver, ids, options, killing, abort);
    const again = await createJobs(host, receiver, options, abort);
    const given = await readResults(host, ids);
    await host.kill();
    return {
      ...options,
      ...readTruth(host.databaseFile()),
      delivered: receiver.images.size,
      deliveries: receiver.requests(),
      deliveryIds: receiver.ids.size,
      results: new Set(given).size,
      duplicates: given.length - new Set(given).size,
      repeatedAs: new Set([...ids, ...again]).size,
      seconds: Math.round((Date.now() - startedMs) / 1000),
    };
  } finally {
    await host.kill();
    receiver.close();
    rmSync(folder, { recursive: true });
  }
}

interface Receiver {
  readonly origin: string;
  /** `job:index` of what was received. */
  readonly images: ReadonlySet<string>;
  /** `webhook-id`s that were received. */
  readonly ids: ReadonlySet<string>;
  readonly requests: () => number;
  readonly close: () => void;
}

async function startReceiver(): Promise<Receiver> {
  const images = new Set<string>();
  const ids = new Set<string>();
  let requests = 0;
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (text: string) => (body += text));
    request.on("end", () => {
      const { data } = JSON.parse(body) as {
        readonly data: { readonly job_id: string; readonly index: number };
      };
      requests += 1;
      images.add(`${data.job_id}:${data.index}`);
      ids.add(String(request.headers["webhook-id"]));
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    images,
    ids,
    requests: () => requests,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/**
 * Kills at random moments: each when so many results and deliveries are there,
 * and a little later. The first comes at once.
 */
async function killAgainAndAgain(
  host: KillableHost,
  receiver: Receiver,
  { images, kills, seed }: KillTestOptions,
  abort: AbortSignal,
): Promise<void> {
  const random = seeded(seed);
  const moments = Array.from({ length: kills }, () => 2 * random() * images)
    .map((moment) => moment * 0.95)
    .sort((one, other) => one - other)
    .with(0, 0);
  for (const moment of moments) {
    while (countResults(host) + receiver.images.size < moment) {
      await pause(20, abort);
    }
    await pause(random() * 200, abort);
    await host.kill();
    await host.start();
  }
}

function countResults(host: KillableHost): number {
  return query(host.databaseFile(), "SELECT count(*) FROM job_results");
}

/** Creates all jobs, each request sent until it is answered. */
async function createJobs(
  host: KillableHost,
  receiver: Receiver,
  { images, jobImages }: KillTestOptions,
  abort: AbortSignal,
): Promise<readonly string[]> {
  const base64 = Buffer.from(PHOTO).toString("base64");
  const ids: string[] = [];
  for (let first = 0; first < images; first += jobImages) {
    const count = Math.min(jobImages, images - first);
    const body = JSON.stringify({
      images: Array.from({ length: count }, () => ({ base64 })),
      tasks: [{ task: "caption" }],
      metadata: { first },
      callback: { url: receiver.origin },
    });
    const response = await untilAnswered(abort, () =>
      fetch(`${host.origin}/v1/batches`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "Idempotency-Key": `images-from-${first}`,
        },
        body,
      }),
    );
    if (response.status !== 202) throw new Error(await response.text());
    ids.push(((await response.json()) as { readonly id: string }).id);
  }
  return ids;
}

/** Sends until there is an answer that another try would not change. */
async function untilAnswered(
  abort: AbortSignal,
  send: () => Promise<Response>,
): Promise<Response> {
  for (;;) {
    try {
      const response = await send();
      const text = await response.text();
      if (response.status < 500 && response.status !== 409) {
        return new Response(text, { status: response.status });
      }
    } catch {
      // Killed in the middle, or not up again.
    }
    await pause(100, abort);
  }
}

async function allEnded(
  host: KillableHost,
  receiver: Receiver,
  ids: readonly string[],
  { images }: KillTestOptions,
  killing: Promise<void>,
  abort: AbortSignal,
): Promise<void> {
  const over = killing.then(() => true);
  for (;;) {
    const isOver = await Promise.race([over, pause(500, abort)]);
    await pause(100, abort);
    await host.sweep().catch(() => undefined); // killed in the middle
    if (isOver !== true || receiver.images.size < images) continue;
    const statuses = await Promise.all(
      ids.map(async (id) => {
        const response = await fetch(`${host.origin}/v1/jobs/${id}?limit=1`);
        return ((await response.json()) as { readonly status: string }).status;
      }),
    );
    if (!statuses.every((status) => status === "completed")) continue;
    if (readStuck(host.databaseFile()) === 0) return;
  }
}

/** `job:index` of every result, as the API gives them. */
async function readResults(
  host: KillableHost,
  ids: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const id of ids) {
    let after: number | undefined;
    do {
      const query = after === undefined ? "" : `&after=${after}`;
      const response = await fetch(
        `${host.origin}/v1/jobs/${id}?limit=100${query}`,
      );
      const page = (await response.json()) as {
        readonly results: readonly {
          readonly index: number;
          readonly analysis?: object;
        }[];
        readonly next_after?: number;
      };
      for (const { index, analysis } of page.results) {
        if (analysis !== undefined) found.push(`${id}:${index}`);
      }
      after = page.next_after;
    } while (after !== undefined);
  }
  return found;
}

function readStuck(file: string): number {
  return query(
    file,
    `SELECT (SELECT count(*) FROM job_items WHERE state IN ('queued', 'running') OR lease_token IS NOT NULL)
      + (SELECT count(*) FROM jobs WHERE state IN ('queued', 'running'))
      + (SELECT count(*) FROM deliveries WHERE state <> 'delivered')`,
  );
}

function readTruth(file: string) {
  return {
    stuck: readStuck(file),
    usage: query(
      file,
      `SELECT coalesce(sum(used), 0) FROM usage_windows WHERE kind = 'images'`,
    ),
    jobs: query(file, `SELECT count(*) FROM jobs`),
    workAgain: query(file, `SELECT sum(attempts - 1) FROM job_items`),
  };
}

function query(file: string, text: string): number {
  const database = new DatabaseSync(file, { timeout: 5000 });
  try {
    return Number(Object.values(database.prepare(text).get() ?? {})[0]);
  } finally {
    database.close();
  }
}

async function pause(ms: number, abort: AbortSignal): Promise<void> {
  abort.throwIfAborted();
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Numbers from 0 to 1, the same for a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
