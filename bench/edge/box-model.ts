// How fast is the model in the box inside workerd, and what does it hold?
//
// Command:  node bench/edge/box-model.ts [PHOTO]
// Expected: half a minute; a table. Goal: a caption in under 1.5 s.

import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { measureScript } from "../../test/workerd/script-size.ts";
import { startEdgeWorker } from "../../test/workerd/edge-worker.ts";
import {
  startWorker,
  type WorkerProcess,
} from "../../test/workerd/worker-process.ts";

const ROUNDS = 7;
const GOAL_MS = 1500;
const MIB = 2 ** 20;

const photoPath =
  process.argv[2] ??
  fileURLToPath(new URL("../../examples/photos/street.jpg", import.meta.url));
const photo = new Uint8Array(readFileSync(photoPath));

const script = await measureScript();
const emptyBytes = await measureEmptyWorker();

const worker = await startEdgeWorker();
const coldMs = await timeTasks(worker, "caption");
const times: Record<string, number[]> = { caption: [], "caption,detect": [] };
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [tasks, own] of Object.entries(times)) {
    own.push((await timeTasks(worker, tasks)).totalMs);
  }
}
const cpuStartMs = worker.cpuMs();
for (let round = 0; round < ROUNDS; round += 1) {
  await timeTasks(worker, "caption");
}
const cpuEndMs = worker.cpuMs();
const parts = (await timeTasks(worker, "caption")).parts;
const heapBytes = await readHeap(worker);
const memory = worker.memory();
await worker.close();

const rows: readonly (readonly [string, string])[] = [
  ["script, raw", mebibytes(script.bytes)],
  ["script, gzip", mebibytes(script.gzipBytes)],
  ["first caption, model loaded within", milliseconds(coldMs.totalMs)],
  ...Object.entries(times).map(
    ([tasks, own]) =>
      [`${tasks}, median of ${ROUNDS}`, milliseconds(median(own))] as const,
  ),
  ["caption, processor time", cpuTime()],
  ["caption, by part", parts],
  ["wasm heap", mebibytes(heapBytes)],
  ["empty Worker, process", mebibytes(emptyBytes)],
  ["process over an empty Worker", over(memory?.residentBytes)],
  ["the same at its peak", over(memory?.peakResidentBytes)],
];
console.log(`workerd on ${cpus()[0]?.model ?? "?"}, Node ${process.version}`);
console.log(`photo: ${photoPath}, ${photo.length} bytes\n`);
for (const [name, value] of rows) console.log(`${name.padEnd(38)} ${value}`);
const captionMs = median(times["caption"]!);
console.log(
  `\ngoal ${GOAL_MS} ms: ${captionMs <= GOAL_MS ? "held" : "missed"}, ratio ${(captionMs / GOAL_MS).toFixed(2)}`,
);

/** Resident memory of a Worker that does nothing. */
async function measureEmptyWorker(): Promise<number> {
  const empty = await startWorker({
    config: {
      name: "empty",
      main: fileURLToPath(new URL("empty-worker.js", import.meta.url)),
      compatibility_date: "2026-10-01",
    },
  });
  await (await empty.fetch("/")).text();
  const memoryOfEmpty = empty.memory();
  await empty.close();
  return memoryOfEmpty?.residentBytes ?? Number.NaN;
}

async function timeTasks(
  to: WorkerProcess,
  tasks: string,
): Promise<{ readonly totalMs: number; readonly parts: string }> {
  const start = performance.now();
  const response = await to.fetch(`/v1/analyze?tasks=${tasks}`, {
    method: "POST",
    headers: { "Content-Type": "image/jpeg" },
    body: photo,
  });
  const body = await response.text();
  if (response.status !== 200) throw new Error(body);
  return {
    totalMs: performance.now() - start,
    parts: response.headers.get("Server-Timing") ?? "",
  };
}

async function readHeap(of: WorkerProcess): Promise<number> {
  const response = await of.fetch("/v1/engines");
  const { data } = (await response.json()) as {
    data: { memory: { heap_bytes: number } }[];
  };
  return data[0]!.memory.heap_bytes;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function milliseconds(value: number): string {
  return `${Math.round(value)} ms`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

/** What a caption costs on a machine with nothing else to do. */
function cpuTime(): string {
  return cpuStartMs === null || cpuEndMs === null
    ? "unknown here"
    : milliseconds((cpuEndMs - cpuStartMs) / ROUNDS);
}

function over(bytes: number | undefined): string {
  return bytes === undefined ? "unknown here" : mebibytes(bytes - emptyBytes);
}
