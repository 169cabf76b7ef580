// Where does the time of a model of Florence-2-base's size go on the kernels, and
// how much of it outside matrix products?
//
// Command:  node bench/edge/profile.ts [BUNDLE] [--sizes 384,768] [--tokens 30]
// Expected: a minute; a table for each size. Without a bundle one is made of random
//           weights: 7 bits, decoder and vocabulary 4. Floor: 40 % outside.
//
// Processor time of one thread of Node. A kernel's time is taken around each call;
// of the pairs fc1, GELU, fc2 in one call the share of GELU is found by running it
// alone over as many values. Products include quantizing what they are given.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { parseEdgeChoices } from "../../src/convert/edge/edge-choices.ts";
import { convertCheckpoint } from "../../src/convert/index.ts";
import { bundleFolder } from "../../src/node/bundle-folder.ts";
import { NODE_KERNELS } from "../../src/node/open-bundle.ts";
import type { KernelExports } from "../../src/shared/model/edge/kernels.ts";
import {
  type LoadedModel,
  openModel,
} from "../../src/shared/model/open-model.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../../test/golden/random-checkpoint.ts";
import { printMachine } from "../report.ts";

/** Share of the time that may lie outside matrix products, in percent. */
const FLOOR = 40;
const BITS = "7,decoder=4,embedding=4";
/** `<CAPTION>`, as the tokenizer has it. */
const PROMPT = [0, 2264, 473, 5, 2274, 6190, 116, 2];
const PICTURE = {
  width: 640,
  height: 480,
  data: Uint8Array.from({ length: 921_600 }, (_, at) => (at * 7919) % 251),
};
const PRODUCT = /Product$|FeedForward$|Head$/u;
const ATTENTION = /attention|^channel(?:Scores|Mix)$/iu;
/** What GELU is measured on. */
const GELU_COUNT = 48 * 3072;
const GELU_RUNS = 1000;
const PAGE = 65_536;

/** Of one kernel. */
interface Spent {
  calls: number;
  ms: number;
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sizes: { type: "string", default: "384,768" },
    tokens: { type: "string", default: "30" },
  },
});
const spent = new Map<string, Spent>();
/** Values that went through GELU inside of pairs. */
let geluValues = 0;
let geluMs = 0; // of one value

const [given] = positionals;
if (given === undefined) {
  const folder = await mkdtemp(join(tmpdir(), "florence-profile-"));
  try {
    const checkpoint = join(folder, "checkpoint");
    writeRandomCheckpoint(checkpoint, loadRecipe("base"));
    const out = join(folder, "bundle");
    const edge = parseEdgeChoices(BITS);
    await convertCheckpoint(checkpoint, { out, precision: "edge", edge });
    await profile(out);
  } finally {
    await rm(folder, { recursive: true });
  }
} else {
  await profile(given);
}

async function profile(path: string): Promise<void> {
  const loaded = await openModel(bundleFolder(path), null, {
    ...NODE_KERNELS,
    watch: timed,
  });
  printMachine();
  console.log(`${loaded.model.capabilities.device} kernels`);
  await request(loaded, 384); // compiles what runs often
  for (const size of flags.sizes.split(",").map(Number)) {
    spent.clear();
    geluValues = 0;
    const whole = await request(loaded, size);
    console.log(`\n${size} px, ${flags.tokens} tokens: ${whole.toFixed(0)} ms\n`); // prettier-ignore
    printTable(whole);
  }
  await loaded.model.dispose();
}

/** One request, after its image is decoded: milliseconds of the processor. */
async function request(
  { model }: LoadedModel,
  inputSize: number,
): Promise<number> {
  const start = processorMs();
  const [features] = await model.encode([PICTURE], { inputSize });
  const state = await model.start([{ features: features!, ids: PROMPT }]);
  let tokenId = 2;
  for (let token = 0; token < Number(flags.tokens); token += 1) {
    const parent = token === 0 ? -1 : 0;
    const [next] = await state.step([{ prompt: 0, parent, tokenId, best: 1 }]);
    tokenId = next!.best[0]!.id;
  }
  await state.dispose();
  return processorMs() - start;
}

/** The kernels, each with a watch around it. */
function timed(run: KernelExports, memory: WebAssembly.Memory): KernelExports {
  geluMs = measureGelu(run, memory);
  const names = Object.keys(run) as (keyof KernelExports)[];
  const kernels = run as unknown as Readonly<
    Record<string, (...all: number[]) => number>
  >;
  const watched = names.map((name) => {
    return [
      name,
      (...all: number[]): number => {
        const start = processorMs();
        const result = kernels[name]!(...all);
        const own = spent.get(name) ?? { calls: 0, ms: 0 };
        spent.set(name, own);
        own.calls += 1;
        own.ms += processorMs() - start;
        // x, stride, rows, k, hidden, ...
        if (name.endsWith("FeedForward")) geluValues += all[2]! * all[4]!;
        return result;
      },
    ] as const;
  });
  return Object.fromEntries(watched) as unknown as KernelExports;
}

/** Milliseconds of GELU for one value, over values that stay near. */
function measureGelu(run: KernelExports, memory: WebAssembly.Memory): number {
  const at = memory.buffer.byteLength;
  const bytes = GELU_COUNT * 4 + run.geluScratch();
  memory.grow(Math.ceil(bytes / PAGE));
  const values = new Float32Array(memory.buffer, at, GELU_COUNT);
  for (const index of values.keys()) values[index] = (index % 64) / 16 - 2;
  // Some systems tell processor time in steps of milliseconds: many at once.
  const start = processorMs();
  for (let count = 0; count < GELU_RUNS; count += 1) {
    run.gelu(at, GELU_COUNT, at + GELU_COUNT * 4);
  }
  return (processorMs() - start) / GELU_RUNS / GELU_COUNT;
}

function printTable(whole: number): void {
  const rows = [...spent].map(([name, { calls, ms }]) => ({ name, calls, ms }));
  const inKernels = rows.reduce((sum, { ms }) => sum + ms, 0);
  const gelu = geluValues * geluMs;
  rows.push({ name: "JavaScript between kernels", calls: 0, ms: whole - inKernels }); // prettier-ignore
  const share = (ms: number): string => `${((100 * ms) / whole).toFixed(1)} %`;
  console.log("| kernel | calls | ms | share |");
  console.log("|---|---|---|---|");
  for (const { name, calls, ms } of rows.sort((a, b) => b.ms - a.ms)) {
    if (ms < whole / 1000) continue;
    const count = calls === 0 ? "" : `${calls}`;
    console.log(`| ${name} | ${count} | ${ms.toFixed(0)} | ${share(ms)} |`);
  }
  const sum = (pattern: RegExp): number =>
    rows.reduce((all, { name, ms }) => all + (pattern.test(name) ? ms : 0), 0);
  const products = sum(PRODUCT) - gelu;
  console.log(`\nGELU inside of pairs: ${gelu.toFixed(0)} ms, ${share(gelu)}`);
  console.log(
    `outside matrix products: ${share(whole - products)}, floor ${FLOOR} %; without attention: ${share(whole - products - sum(ATTENTION))}`,
  );
}

/** Processor time of this thread. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
