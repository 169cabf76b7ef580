// How much faster do the kernels answer on two threads of Chromium than on one?
//
// Command:  node bench/browser/threads.ts [--bundle BASE] [--size 384]
//           [--threads 2] [--rounds 9]
// Expected: a minute on a quiet machine; a table. BASE is a folder that
//           bench/edge/make-base.ts made; without it the model in the box is
//           asked. Floor: 1.6 times on 2 cores, goal 1.8.
//
// They take turns in each round. Time is the wall's, so that it says little while
// other programs, or other guests of the machine, use the cores: the load stands in
// the first line, and in each round two models of one thread answer at once, each
// its own caption. What they do together over what one does alone is all that two
// cores have to give; the last line tells how much of it threads take. Answers must
// be equal.

import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { convertCheckpoint } from "../../src/convert/index.ts";
import { openBuiltPages } from "../../test/browser/built-pages.ts";
import { SKIP_WITHOUT_CHROMIUM } from "../../test/browser/chromium.ts";
import { buildWorker, startWorker } from "../../test/browser/page-worker.ts";
import { median, printMachine } from "../report.ts";
import type { ACTS, CaptionTimes } from "./worker/index.ts";

const FLOOR = 1.6;
const GOAL = 1.8;
const TOKENS = 30;
const PARTS = ["vision", "encoder", "decoder"] as const;
const SCRIPT = "bench-worker.js";

const { values: flags } = parseArgs({
  options: {
    bundle: { type: "string" },
    size: { type: "string", default: "384" },
    threads: { type: "string", default: "2" },
    rounds: { type: "string", default: "9" },
  },
});
if (SKIP_WITHOUT_CHROMIUM !== false) throw new Error(SKIP_WITHOUT_CHROMIUM);

const scratch = mkdtempSync(join(tmpdir(), "florence-threads-"));
try {
  await measure(await bundleOf());
} finally {
  rmSync(scratch, { recursive: true });
}

async function bundleOf(): Promise<string> {
  if (flags.bundle !== undefined) return resolve(flags.bundle);
  const out = join(scratch, "box");
  await convertCheckpoint("models/box/checkpoint", { out, precision: "edge" });
  return out;
}

async function measure(bundle: string): Promise<void> {
  await buildWorker(join(import.meta.dirname, "worker/index.ts"), join(scratch, "own", SCRIPT)); // prettier-ignore
  const pages = await openBuiltPages({ bundle, own: join(scratch, "own") });
  try {
    const { browser, origin, opening } = pages;
    const script = `${origin}/own/${SCRIPT}`;
    const worker = await startWorker<typeof ACTS>(browser, origin, script);
    const many = Number(flags.threads);
    const counts = [1, many];
    let device = "";
    for (const threads of counts) {
      const backend = await worker.call("open", { ...opening, threads });
      if (backend.threads !== threads) {
        throw new Error(JSON.stringify(backend.dropped));
      }
      device = backend.device;
    }
    const other = await startWorker<typeof ACTS>(browser, origin, script);
    await other.call("open", { ...opening, threads: 1 });
    const size = flags.bundle === undefined ? null : Number(flags.size);
    const together: number[] = [];
    const times = new Map(counts.map((count) => [count, [] as CaptionTimes[]]));
    // Two rounds to compile everything.
    for (let round = -2; round < Number(flags.rounds); round += 1) {
      for (const threads of counts) {
        const told = await worker.call("caption", threads, size, TOKENS);
        if (round >= 0) times.get(threads)!.push(told);
      }
      const both = await Promise.all(
        [worker, other].map((one) => one.call("caption", 1, size, TOKENS)),
      );
      if (round >= 0) together.push(...both.map(total));
    }
    print(device, times.get(1)!, times.get(many)!, together);
    await worker.close();
    await other.close();
  } finally {
    await pages.close();
  }
}

function total(time: CaptionTimes): number {
  return PARTS.reduce((sum, part) => sum + time[part], 0);
}

/** @param together times of captions of which two were made at once. */
function print(
  device: string,
  one: readonly CaptionTimes[],
  many: readonly CaptionTimes[],
  together: readonly number[],
): void {
  const load = loadavg()[0]!.toFixed(1);
  printMachine();
  console.log(
    `Chromium, ${device} kernels, ${flags.bundle === undefined ? "the model in the box" : `base size at ${flags.size} px`}, load average ${load}; ms, medians of ${flags.rounds} (the best)\n`,
  );
  console.log("| | 1 thread | " + `${flags.threads} threads | ratio |`);
  console.log("|---|---|---|---|");
  const row = (
    name: string,
    value: (time: CaptionTimes) => number,
  ): { readonly middle: number; readonly best: number } => {
    const [a, b] = [one.map(value), many.map(value)];
    const [mid, best] = [median, (all: number[]) => Math.min(...all)].map(
      (of) => [of(a), of(b)] as const,
    );
    const cell = (at: 0 | 1): string =>
      `${mid![at].toFixed(0)} (${best![at].toFixed(0)})`;
    const ratios = {
      middle: mid![0] / mid![1],
      best: best![0] / best![1],
    };
    const ratio = `${ratios.middle.toFixed(2)} (${ratios.best.toFixed(2)})`;
    console.log(`| ${[name, cell(0), cell(1), ratio].join(" | ")} |`);
    return ratios;
  };
  for (const part of PARTS) row(part, (time) => time[part]);
  const { middle } = row("total", total);
  const same = many.every(({ ids }, at) => ids.join() === one[at]!.ids.join());
  console.log(`\nanswers equal: ${same ? "all" : "NO"}`);
  console.log(`ratio ${middle.toFixed(2)}, floor ${FLOOR}, goal ${GOAL}`);
  const most = (2 * median(one.map(total))) / median([...together]);
  console.log(
    `two captions at once, one thread each: ${most.toFixed(2)} times one's speed, of which threads reach ${((100 * middle) / most).toFixed(0)} %`,
  );
  if (!same) process.exitCode = 1;
}
