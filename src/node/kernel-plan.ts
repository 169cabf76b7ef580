// What can be planned of a bundle for the kernels on this machine: its weights,
// and how fast its products run here.

import process from "node:process";
import { readEdgePlan } from "../shared/model/edge/edge-model.ts";
import type { EdgePlan } from "../shared/model/edge/edge-plan.ts";
import {
  type KernelExports,
  type KernelVariant,
  openKernels,
} from "../shared/model/edge/kernels.ts";
import type { WorkRates } from "../shared/model/edge/work-time.ts";
import { bundleFolder } from "./bundle-folder.ts";
import { readKernelModules } from "./kernel-modules.ts";

/** A layer as Florence-2's language side has many. */
const SHAPE = { rows: 577, k: 768, n: 3072 };
/**
 * Everything over products of the shape above, as `bench/edge/profile.ts` found
 * it: 1.4 on an AMD EPYC (`pair`), 1.75 on an Intel Xeon (`dot`).
 */
const WHOLE = 1.6;
/** Matrices that take turns: together they are in no cache of a core. */
const TURNS = 12;
const ROUNDS = 5;
const PAGE = 65_536;

export interface KernelPlan {
  readonly plan: EdgePlan;
  readonly run: KernelExports;
  readonly variant: KernelVariant;
  /** Measured now, in processor time. */
  readonly rates: WorkRates;
}

/**
 * Reads `edge.json` of a bundle's folder and measures the kernels.
 *
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`.
 */
export async function openKernelPlan(folder: string): Promise<KernelPlan> {
  const plan = await readEdgePlan(bundleFolder(folder));
  const memory = new WebAssembly.Memory({ initial: 256 });
  const { run, variant } = await openKernels(await readKernelModules(), memory);
  return { plan, run, variant, rates: measure(run, memory) };
}

/**
 * The best of some rounds of a one-byte product, of many rows and of one: that one
 * with weights that come from far away, as those of each step of decoding do.
 */
function measure(run: KernelExports, memory: WebAssembly.Memory): WorkRates {
  const { rows, k, n } = SHAPE;
  const [x, w] = [PAGE, PAGE + rows * k * 4];
  const scales = w + TURNS * n * k;
  const y = scales + 2 * n * 4;
  const scratch = y + rows * n * 4;
  const end = scratch + run.int8Scratch(k);
  memory.grow(Math.max(0, Math.ceil((end - memory.buffer.byteLength) / PAGE)));
  // Memory that was never written to is one page, however much of it is read.
  new Uint8Array(memory.buffer, w, scales - w).fill(1);
  const rate = (count: number): number => {
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS; round += 1) {
      const start = processorMs();
      // Few rows are done often enough for the clock.
      for (let row = 0; row < rows; row += count) {
        const own = w + (row % TURNS) * n * k;
        run.int8Product(
          ...([x, k * 4, count, k, n, own, scales, scales + n * 4] as const),
          ...([y, n * 4, scratch] as const),
        );
      }
      best = Math.min(best, processorMs() - start);
    }
    return (rows * k * n) / best;
  };
  return { manyRows: rate(rows), oneRow: rate(1), whole: WHOLE };
}

/** Processor time of this thread. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
