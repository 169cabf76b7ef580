// The model wall over the kernels: vision and BART in one memory.

import type { ResizePasses } from "../../image/resize-bicubic.ts";
import { FlorenceError, throwIfAborted } from "../../errors.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { BundleSource } from "../bundle-source.ts";
import type { Manifest } from "../manifest.ts";
import type { Model } from "../model.ts";
import { aligned, createArena } from "./arena.ts";
import { type EdgePlan, parseEdgePlan, weightBytes } from "./edge-plan.ts";
import { createEdgeVision } from "./edge-vision.ts";
import {
  type KernelExports,
  type KernelModules,
  type Kernels,
  type KernelVariant,
  openKernels,
} from "./kernels.ts";
import { MOST_ROWS, planMemory } from "./memory-plan.ts";
import { splitKernels } from "./threads/split-kernels.ts";
import { openTeam, type ThreadHost } from "./threads/team.ts";
import { openPasses } from "./resize-passes.ts";
import { createTurn } from "./turn.ts";
import { startState } from "./edge-state.ts";
import { findWeights, loadWeights, weightsEnd } from "./weights.ts";

const PAGE = 65_536;

export interface EdgeOptions {
  /** Most bytes of memory the model may have. */
  readonly maxBytes: number;
  /**
   * Called after each block of the vision tower and each step of decoding, so
   * that others get a turn: a deadline, a client that leaves, another request.
   */
  readonly rest?: (after: "block" | "step") => Promise<void>;
  /** Stands before every kernel: for calibration and measurements. */
  readonly watch?: (
    run: KernelExports,
    memory: WebAssembly.Memory,
  ) => KernelExports;
  /** This variant of the kernels and no other, for tests. */
  readonly variant?: KernelVariant;
  /**
   * Threads that share the kernels' work; the modules must be those for shared
   * memory then. Without it everything runs on the thread that opens the model.
   */
  readonly threads?: ThreadHost;
}

/**
 * Opens a model on the kernels.
 *
 * @param bundle holds `edge.json` and the weights it names.
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`;
 *   `engine_unavailable` if no kernels run here or memory is too small.
 */
export async function openEdgeModel(
  manifest: Manifest,
  bundle: BundleSource,
  tokenizer: Tokenizer,
  modules: KernelModules,
  options: EdgeOptions,
): Promise<Model> {
  const plan = await readEdgePlan(bundle);
  const kernels = await bindKernels(modules, options);
  try {
    return await openOn(kernels, plan, manifest, bundle, tokenizer, options);
  } catch (error) {
    kernels.close();
    throw error;
  }
}

/** Kernels, and the end of the threads that share their work. */
interface BoundKernels extends Kernels {
  readonly passes: ResizePasses;
  close(): void;
}

async function bindKernels(
  modules: KernelModules,
  options: EdgeOptions,
): Promise<BoundKernels> {
  const { threads, variant, watch } = options;
  const memory = new WebAssembly.Memory({
    initial: 1,
    maximum: Math.floor(options.maxBytes / PAGE),
    shared: threads !== undefined,
  });
  const own = await openKernels(modules, memory, variant);
  const passes = await openPasses(modules[own.variant], threads !== undefined);
  const team =
    threads === undefined
      ? null
      : await openTeam(threads, modules[own.variant], memory, own.run);
  const run = team === null ? own.run : splitKernels(own.run, team);
  return {
    ...own,
    passes,
    run: watch?.(run, memory) ?? run,
    close() {
      team?.close();
    },
  };
}

async function openOn(
  kernels: BoundKernels,
  plan: EdgePlan,
  manifest: Manifest,
  bundle: BundleSource,
  tokenizer: Tokenizer,
  options: EdgeOptions,
): Promise<Model> {
  const { run, memory } = kernels;
  const weights = findWeights(plan);
  const base = aligned(weightsEnd(plan));
  const planned = planMemory(run, plan, weights, inputSizesOf(manifest));
  const arena = createArena(memory, base + planned.workBytes);
  arena.reach(base + planned.workBytes);
  await loadWeights(plan, bundle, arena);
  const work = { run, arena, plan, weights, base };
  const rest = options.rest ?? (() => Promise.resolve());
  /** The arena serves one phase at a time. */
  const inTurn = createTurn();
  const turns = { inTurn, rest: () => rest("block") };
  const { passes } = kernels;
  const vision = createEdgeVision(work, manifest, tokenizer, turns, passes);

  return {
    manifest,
    capabilities: {
      backend: "florence-kernels",
      device: kernels.variant,
      inputSizes: vision.inputSizes,
      weightBytes: weightBytes(plan),
      maxRows: MOST_ROWS,
    },
    encode: (images, encodeOptions = {}) =>
      vision.encode(images, encodeOptions),
    ...(vision.looksFor !== undefined && { looksFor: vision.looksFor }),
    start(prompts, startOptions = {}) {
      return inTurn(async () => {
        throwIfAborted(startOptions.signal);
        const state = await startState(work, prompts, startOptions);
        await rest("block");
        return {
          ...state,
          step: (rows, stepOptions = {}) =>
            inTurn(async () => {
              const results = await state.step(rows, stepOptions);
              await rest("step");
              return results;
            }),
        };
      });
    },
    dispose() {
      kernels.close();
      return Promise.resolve();
    },
  };
}

/** Sides of the pictures that the vision side takes. */
function inputSizesOf({ vision }: Manifest): readonly number[] {
  return vision.kind === "davit"
    ? vision.input_sizes
    : vision.towers.map(({ input }) => input.size);
}

/**
 * Reads `edge.json`.
 *
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`.
 */
export async function readEdgePlan(bundle: BundleSource): Promise<EdgePlan> {
  const bytes = await bundle.read("edge.json");
  let input: unknown;
  try {
    input = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new FlorenceError(
      "bundle_invalid",
      `edge.json of ${bundle.name} is not JSON. Convert the model again with florence convert.`,
      { cause },
    );
  }
  return parseEdgePlan(input);
}
