// How much memory does each Worker of a whole Florence-2 take, at each step?
//
// Command:  node bench/edge/memory.ts BUNDLE [--sizes 384,768] [--budget 110MB]
//           [--only phased] [--requests 3] [--cache off]
// Expected: some minutes; a table. BUNDLE is one for the kernels (`florence
//           convert --precision edge`); `bench/edge/make-base.ts` makes one of
//           base size with random weights. Ends with exit code 1 if an isolate
//           is over the budget.
//
// Each Worker runs in a workerd process of its own, its files come from this
// process. Counted by isolate: the kernels' memory, JavaScript's heap and its
// other buffers (inspector), with all that waits for the collector. The phased
// Worker is looked at while it answers, some times each size: the most counts. Each
// picture is another, and its pass is kept as callers have it by default. The
// process over one with an empty Worker holds compiled code and what the allocator
// does not give back, too.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { main } from "../../src/cli/main.ts";
import {
  type EdgeWorker,
  fileService,
  startEdgeWorker,
} from "../../test/workerd/edge-worker.ts";
import { serveFolder } from "../../test/workerd/file-server.ts";
import type { HeapUsage } from "../../test/workerd/heap-usage.ts";
import {
  type LoneWorker,
  startApart,
} from "../../test/workerd/resident-workers.ts";
import {
  startWorker,
  type WorkerProcess,
} from "../../test/workerd/worker-process.ts";
import { printMachine } from "../report.ts";

const PHOTO = readFileSync(
  new URL("../../examples/photos/street.jpg", import.meta.url),
);
/** Between two looks at a Worker that answers. */
const LOOK_MS = 300;
const PHASED = fileURLToPath(
  new URL("../../workers/phased/wrangler.toml", import.meta.url),
);

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sizes: { type: "string", default: "384,768" },
    budget: { type: "string", default: "110MB" },
    only: { type: "string" },
    requests: { type: "string", default: "3" },
    cache: { type: "string", default: "use" },
  },
});
const [bundle] = positionals;
if (bundle === undefined) throw new Error("Name a bundle for the kernels.");
const sizes = flags.sizes.split(",").map(Number);
const budgetMb = Number.parseFloat(flags.budget);
const over: string[] = [];
/** Pictures asked for so far: each is another, so that each is seen. */
let pictures = 0;

printMachine();
const emptyBytes = await measureEmpty();
console.log(
  `${bundle}, caption of 30 tokens; an empty Worker's process ${megabytes(emptyBytes)} MB`,
);
console.log("");
console.log(
  "| Worker | step | kernels' memory | heap | buffers | isolate | process over empty |",
);
console.log("|---|---|---|---|---|---|---|");
if (flags.only !== "resident") await measurePhased();
if (flags.only !== "phased") await measureResident();
console.log("");
console.log(
  over.length > 0
    ? `An isolate takes more than ${flags.budget}.`
    : `Every isolate stays below ${flags.budget}.`,
);
if (over.length > 0) process.exitCode = 1;

async function measurePhased(): Promise<void> {
  const files = await serveFolder(bundle!);
  const worker = await startEdgeWorker(undefined, {
    config: PHASED,
    assets: bundle!,
    files: new URL(files.url),
  });
  try {
    const kernels = await kernelBytes(worker);
    report("phased", "started", worker, kernels, await worker.heap());
    for (const size of sizes) {
      const most = await watch(worker, async () => {
        for (let count = 0; count < Number(flags.requests); count += 1) {
          await ask(worker, size);
        }
      });
      const bytes = await kernelBytes(worker);
      report("phased", `${size} px`, worker, bytes, most);
    }
  } finally {
    await worker.close();
    files.close();
  }
}

async function measureResident(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "florence-memory-"));
  const largest = String(Math.max(...sizes));
  const plan = ["plan", bundle!, "--budget", flags.budget];
  const silent = { isTTY: false, columns: 80, write: () => true };
  const code = await main(
    [...plan, "--input-size", largest, "--write", folder],
    { stdout: silent, stderr: process.stderr, env: {} } as never,
  );
  if (code !== 0) throw new Error("The bundle does not fit.");
  const servers: { close(): void }[] = [];
  const addresses = new Map<string, URL>();
  const workers: LoneWorker[] = [];
  try {
    for (const name of readdirSync(folder)) {
      const server = await serveFolder(join(folder, name, "assets"));
      servers.push(server);
      addresses.set(name, new URL(server.url));
    }
    workers.push(
      ...(await startApart(folder, {
        change: (name, options) => {
          const own = { ...options };
          delete own.assets;
          const ASSETS = fileService(addresses.get(name)!);
          return {
            ...own,
            serviceBindings: { ...own.serviceBindings, ASSETS },
          };
        },
      })),
    );
    const [image, ...parts] = workers;
    for (const size of sizes) {
      await ask(image!, size);
      report(image!.name, `${size} px`, image!, 0, await image!.heap());
      for (const part of parts) {
        const [bytes, usage] = [await partBytes(part), await part.heap()];
        report(part.name, `${size} px`, part, bytes, usage);
      }
    }
  } finally {
    for (const worker of workers) await worker.close();
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true });
  }
}

/** The most that heap and buffers took together while something was done. */
async function watch(
  worker: EdgeWorker,
  act: () => Promise<void>,
): Promise<HeapUsage> {
  let most: HeapUsage = { usedBytes: 0, bufferBytes: 0 };
  const sum = (usage: HeapUsage): number => usage.usedBytes + usage.bufferBytes;
  const state = { isOver: false };
  const acting = act().finally(() => {
    state.isOver = true;
  });
  // Thrown below; until then it is no unhandled one.
  acting.catch(() => undefined);
  while (!state.isOver) {
    const usage = await worker.heap();
    if (sum(usage) > sum(most)) most = usage;
    await setTimeout(LOOK_MS);
  }
  await acting;
  return most;
}

function report(
  name: string,
  step: string,
  worker: WorkerProcess,
  kernels: number,
  { usedBytes, bufferBytes }: HeapUsage,
): void {
  // The inspector counts the kernels' memory among the buffers, or does not.
  const others = bufferBytes >= kernels ? bufferBytes - kernels : bufferBytes;
  const isolate = kernels + usedBytes + others;
  if (isolate > budgetMb * 1e6) over.push(name);
  const peak = worker.memory()?.peakResidentBytes ?? Number.NaN;
  console.log(
    `| ${[name, step, ...[kernels, usedBytes, others, isolate, peak - emptyBytes].map(megabytes)].join(" | ")} |`,
  );
}

async function ask(worker: WorkerProcess, size: number): Promise<void> {
  const form = new FormData();
  // What follows the end of a JPEG is not looked at.
  pictures += 1;
  form.set("image", new Blob([PHOTO, `${pictures}`]), "street.jpg");
  const options = { cache: flags.cache, max_tokens: 30, input_size: size };
  const request = { tasks: [{ task: "caption" }], options };
  form.set("request", JSON.stringify(request));
  const response = await worker.fetch("/v1/analyze", {
    method: "POST",
    body: form,
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(text);
}

async function kernelBytes(worker: EdgeWorker): Promise<number> {
  const response = await worker.fetch("/v1/engines");
  const { data } = (await response.json()) as {
    readonly data: readonly { readonly memory: { heap_bytes: number } }[];
  };
  return data[0]!.memory.heap_bytes;
}

async function partBytes(worker: WorkerProcess): Promise<number> {
  const response = await worker.fetch("/");
  const { memory_bytes: bytes } = (await response.json()) as {
    readonly memory_bytes: number;
  };
  return bytes;
}

/** Resident memory of a Worker that does nothing. */
async function measureEmpty(): Promise<number> {
  const empty = await startWorker({
    config: {
      name: "empty",
      main: fileURLToPath(new URL("empty-worker.js", import.meta.url)),
      compatibility_date: "2026-10-01",
    },
  });
  await (await empty.fetch("/")).text();
  const memory = empty.memory();
  await empty.close();
  return memory?.residentBytes ?? Number.NaN;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
