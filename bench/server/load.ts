// How a server bears many callers: each asks for a caption and objects of one
// photo after another, over the model in the box. Throughput, how long callers
// wait, and whether memory stays flat.
//
//   node bench/server/load.ts                       64 callers, 2 minutes, Node
//   node bench/server/load.ts --host workerd --callers 16
//   node bench/server/load.ts --cache use           passes are kept until they fill
//   node bench/server/load.ts --origin http://127.0.0.1:8080 --key fl_…
//
// Memory is looked at every 15 seconds. A process that has just started takes
// memory until each of its parts has done all that it does, so that the first
// reading that counts is that at the end of the warm-up.
//
// Loopback only. Ends with 1 if a status other than 200, 429 or 503 was seen,
// one of the latter without Retry-After, or memory that grew after the warm-up.

import { readdirSync, readFileSync } from "node:fs";
import { loadavg } from "node:os";
import process from "node:process";
import { parseArgs } from "node:util";
import { median, printMachine } from "../report.ts";
import {
  printReadings,
  readNodeMemory,
  readWorkerdMemory,
  type MemoryReading,
} from "./memory.ts";
import { startNodeTarget } from "../../test/server/node-target.ts";
import { startWorkerdTarget } from "../../test/workerd/workerd-target.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    /** Seconds before those, under the same load. */
    "warm-up": { type: "string", default: "60" },
    cache: { type: "string", default: "off" },
    callers: { type: "string", default: "64" },
    host: { type: "string", default: "node" },
    origin: { type: "string" },
    key: { type: "string" },
    /** Passed on to `florence serve`. */
    flag: { type: "string", multiple: true, default: [] },
  },
});

/** With the cache off every picture is seen anew: they come again and again. */
const REQUEST = JSON.stringify({
  tasks: [{ task: "caption" }, { task: "detect" }],
  options: { cache: values.cache },
});

const EVERY_SECONDS = 15;

/** The part whose growth counts. */
const JUDGED = "resident";

/** How much more memory the last third of the readings may show than the first. */
const MOST_GROWTH = 1.05;

interface Target {
  readonly origin: string;
  readonly key: string;
  /** Null where it is another's process. */
  readMemory(): Promise<MemoryReading | null>;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number | "no answer";
  readonly hasRetryAfter: boolean;
  readonly ms: number;
}

async function openTarget(): Promise<Target> {
  const { origin, key = "" } = values;
  if (origin !== undefined) {
    const { hostname } = new URL(origin);
    if (!/^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])$/u.test(hostname)) {
      throw new Error(
        `${origin} is another machine; this load is for one's own.`,
      );
    }
    const readMemory = () => Promise.resolve(null);
    return { origin, key, readMemory, close: () => Promise.resolve() };
  }
  if (values.host === "workerd") {
    // Local workerd sets its isolates no limit of memory, so that V8 leaves what
    // requests dropped for long; here it collects all at each collection
    // (bench/server/uncollected.ts).
    process.env["MINIFLARE_WORKERD_V8_FLAGS"] ??= "--gc-global";
    const target = await startWorkerdTarget();
    return {
      origin: target.origin,
      key: target.keys.first,
      readMemory: () =>
        readWorkerdMemory(
          withKey(target.origin, target.keys.first),
          target.worker.memory()?.residentBytes ?? null,
        ),
      close: () => target.close(),
    };
  }
  const target = await startNodeTarget({
    flags: values.flag,
    // As the Dockerfile has it.
    env: { MALLOC_ARENA_MAX: "2" },
  });
  return {
    origin: target.origin,
    key: target.keys.first,
    readMemory: async () =>
      await readNodeMemory(
        withKey(target.origin, target.keys.admin),
        await target.server.memoryBytes(),
      ),
    close: () => target.close(),
  };
}

function withKey(
  origin: string,
  key: string,
): (path: string) => Promise<Response> {
  const headers = { Authorization: `Bearer ${key}` };
  return (path) => fetch(origin + path, { headers });
}

/** Photos of different sizes and both common formats. */
function readPhotos(): readonly Blob[] {
  const read = (folder: string, type: string): Blob[] => {
    const url = new URL(`../../${folder}/`, import.meta.url);
    const names = readdirSync(url).filter((name) => name.endsWith(type));
    return names.slice(0, 12).map(
      (name) =>
        new Blob([readFileSync(new URL(name, url))], {
          type: type === ".jpg" ? "image/jpeg" : "image/webp",
        }),
    );
  };
  return [
    ...read("examples/photos", ".jpg"),
    ...read("test/data/photos", ".webp"),
  ];
}

async function ask(target: Target, photo: Blob): Promise<Answer> {
  const startMs = performance.now();
  try {
    const body = new FormData();
    body.set("image", photo);
    body.set("request", REQUEST);
    const response = await fetch(`${target.origin}/v1/analyze`, {
      method: "POST",
      headers: { Authorization: `Bearer ${target.key}` },
      body,
    });
    await response.arrayBuffer();
    return {
      status: response.status,
      hasRetryAfter: response.headers.has("Retry-After"),
      ms: performance.now() - startMs,
    };
  } catch {
    const ms = performance.now() - startMs;
    return { status: "no answer", hasRetryAfter: false, ms };
  }
}

/** One caller: the next photo as soon as the last is answered. */
async function call(
  target: Target,
  photos: readonly Blob[],
  first: number,
  untilMs: number,
  countedFromMs: number,
  answers: Answer[],
): Promise<void> {
  for (let turn = first; performance.now() < untilMs; turn += 1) {
    const answer = await ask(target, photos[turn % photos.length]!);
    if (performance.now() >= countedFromMs) answers.push(answer);
    // A caller that is told to come back does so a second later.
    if (answer.status !== 200) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

function percentile(sorted: readonly number[], share: number): number {
  return (
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ??
    Number.NaN
  );
}

const seconds = Number(values.seconds);
const warmUpSeconds = Number(values["warm-up"]);
const callers = Number(values.callers);
const target = await openTarget();
const photos = readPhotos();
const answers: Answer[] = [];
const readings: { atSeconds: number; memory: MemoryReading }[] = [];
let reading: NodeJS.Timeout | undefined;
try {
  // The first answer waits for the model.
  await ask(target, photos[0]!);
  const startMs = performance.now();
  const read = async (): Promise<void> => {
    const atSeconds = (performance.now() - startMs) / 1000;
    const memory = await target.readMemory();
    if (memory !== null) readings.push({ atSeconds, memory });
  };
  await read();
  reading = setInterval(() => void read(), EVERY_SECONDS * 1000);
  const countedFromMs = startMs + warmUpSeconds * 1000;
  const untilMs = countedFromMs + seconds * 1000;
  await Promise.all(
    Array.from({ length: callers }, (_, caller) =>
      call(target, photos, caller, untilMs, countedFromMs, answers),
    ),
  );
  await read();
  report((performance.now() - countedFromMs) / 1000);
} finally {
  clearInterval(reading);
  await target.close();
}

function report(tookSeconds: number): void {
  const statuses = Map.groupBy(answers, ({ status }) => String(status));
  const good = answers
    .filter(({ status }) => status === 200)
    .map(({ ms }) => ms)
    .sort((a, b) => a - b);
  printMachine();
  console.log(
    `${callers} callers for ${seconds} s after ${warmUpSeconds} s of warm-up, ${values.origin ?? values.host}; caption and detect, cache ${values.cache}`,
  );
  const rows: (readonly [string, string])[] = [
    [
      "load average",
      loadavg()
        .map((one) => one.toFixed(1))
        .join(", "),
    ],
    ...(values.host === "workerd"
      ? [["V8 flags", process.env["MINIFLARE_WORKERD_V8_FLAGS"] ?? ""] as const]
      : []),
    ["answers", `${answers.length} in ${tookSeconds.toFixed(1)} s`],
    ...[...statuses].map(([status, all]): [string, string] => [
      `  ${status}`,
      String(all.length),
    ]),
    ["throughput", `${(good.length / tookSeconds).toFixed(2)} images/s`],
    ["p50", `${percentile(good, 0.5).toFixed(0)} ms`],
    ["p95", `${percentile(good, 0.95).toFixed(0)} ms`],
    ["p99", `${percentile(good, 0.99).toFixed(0)} ms`],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(20)}${value}`);

  const faults = answers.filter(
    ({ status, hasRetryAfter }) =>
      status !== 200 && !((status === 429 || status === 503) && hasRetryAfter),
  ).length;
  if (faults > 0) console.log(`FAULT: ${faults} answers that may not be`);
  const grew = reportMemory();
  if (good.length === 0) console.log("FAULT: nothing was answered");
  process.exitCode = faults > 0 || grew || good.length === 0 ? 1 : 0;
}

/** Whether the last third of the readings after the warm-up shows more. */
function reportMemory(): boolean {
  if (readings.length === 0) return false;
  printReadings(readings);
  const bytes = readings
    .filter(({ atSeconds }) => atSeconds >= warmUpSeconds)
    .map(({ memory }) => memory[JUDGED]!);
  const third = Math.max(1, Math.floor(bytes.length / 3));
  const first = median(bytes.slice(0, third));
  const last = median(bytes.slice(-third));
  console.log(
    `${JUDGED} after the warm-up: ${(first / 1e6).toFixed(0)} MB in the first third, ${(last / 1e6).toFixed(0)} in the last (medians)`,
  );
  const grew = last > first * MOST_GROWTH;
  if (grew) console.log("FAULT: memory grew");
  return grew;
}
