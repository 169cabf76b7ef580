// How a server bears many callers: each asks for a caption and objects of one
// photo after another, over the model in the box. Throughput, how long callers
// wait, and whether memory stays flat.
//
//   node bench/server/load.ts                       64 callers, 2 minutes, Node
//   node bench/server/load.ts --host workerd --callers 16
//   node bench/server/load.ts --origin http://127.0.0.1:8080 --key fl_…
//
// Loopback only. Ends with 1 if a status other than 200, 429 or 503 was seen,
// one of the latter without Retry-After, or memory that grew.

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { startNodeTarget } from "../../test/server/node-target.ts";
import { startWorkerdTarget } from "../../test/workerd/workerd-target.ts";
import { printMachine } from "../report.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    callers: { type: "string", default: "64" },
    host: { type: "string", default: "node" },
    origin: { type: "string" },
    key: { type: "string" },
    /** Passed on to `florence serve`. */
    flag: { type: "string", multiple: true, default: [] },
  },
});

/** Every picture is seen anew: the photos come again and again. */
const REQUEST = JSON.stringify({
  tasks: [{ task: "caption" }, { task: "detect" }],
  options: { cache: "off" },
});

/** How much more memory the last part may take than the first, on average. */
const MOST_GROWTH = 1.25;

interface Target {
  readonly origin: string;
  readonly key: string;
  memoryBytes(): Promise<number | null>;
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
    const memoryBytes = () => Promise.resolve(null);
    return { origin, key, memoryBytes, close: () => Promise.resolve() };
  }
  if (values.host === "workerd") {
    const target = await startWorkerdTarget();
    return {
      origin: target.origin,
      key: target.keys.first,
      memoryBytes: () =>
        Promise.resolve(target.worker.memory()?.residentBytes ?? null),
      close: () => target.close(),
    };
  }
  const target = await startNodeTarget({ flags: values.flag });
  return {
    origin: target.origin,
    key: target.keys.first,
    memoryBytes: () => target.server.memoryBytes(),
    close: () => target.close(),
  };
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
  answers: Answer[],
): Promise<void> {
  for (let turn = first; performance.now() < untilMs; turn += 1) {
    const answer = await ask(target, photos[turn % photos.length]!);
    answers.push(answer);
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

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}

const seconds = Number(values.seconds);
const callers = Number(values.callers);
const target = await openTarget();
const photos = readPhotos();
const answers: Answer[] = [];
const memory: number[] = [];
let sampling: NodeJS.Timeout | undefined;
try {
  // The first answer waits for the model.
  await ask(target, photos[0]!);
  const startMs = performance.now();
  sampling = setInterval(() => {
    void target.memoryBytes().then((bytes) => {
      if (bytes !== null) memory.push(bytes);
    });
  }, 500);
  const untilMs = startMs + seconds * 1000;
  await Promise.all(
    Array.from({ length: callers }, (_, caller) =>
      call(target, photos, caller, untilMs, answers),
    ),
  );
  report((performance.now() - startMs) / 1000);
} finally {
  clearInterval(sampling);
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
    `${callers} callers for ${seconds} s, ${values.origin ?? values.host}; caption and detect, no kept features`,
  );
  const rows: [string, string][] = [
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
  // Of two minutes the first and the last; of less, the halves.
  const part = Math.min(120, Math.floor(memory.length / 2));
  const first = mean(memory.slice(0, part)) / 1e6;
  const last = mean(memory.slice(memory.length - part)) / 1e6;
  if (part > 0) {
    rows.push(
      ["memory, first part", `${first.toFixed(0)} MB on average`],
      ["memory, last part", `${last.toFixed(0)} MB on average`],
      ["memory, at most", `${(Math.max(...memory) / 1e6).toFixed(0)} MB`],
    );
  }
  for (const [name, value] of rows) console.log(`${name.padEnd(20)}${value}`);

  const faults = answers.filter(
    ({ status, hasRetryAfter }) =>
      status !== 200 && !((status === 429 || status === 503) && hasRetryAfter),
  ).length;
  if (faults > 0) console.log(`FAULT: ${faults} answers that may not be`);
  const grew = part > 0 && last > first * MOST_GROWTH;
  if (grew) console.log("FAULT: memory grew");
  if (good.length === 0) console.log("FAULT: nothing was answered");
  process.exitCode = faults > 0 || grew || good.length === 0 ? 1 : 0;
}
