// The model wall over the kernels in less memory than the weights take: vision,
// encoder and decoder follow one another in one arena, and weights are read as
// they are needed. For models with DaViT.

import { FlorenceError, throwIfAborted } from "../../errors.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { BundleSource } from "../bundle-source.ts";
import type { Manifest } from "../manifest.ts";
import type { Model } from "../model.ts";
import { createArena } from "./arena.ts";
import { weightBytes } from "./edge-plan.ts";
import { type EdgeOptions, readEdgePlan } from "./edge-model.ts";
import { createEdgeVision } from "./edge-vision.ts";
import { startState } from "./edge-state.ts";
import { type KernelModules, openKernels } from "./kernels.ts";
import { MOST_ROWS } from "./memory-plan.ts";
import {
  type PhaseName,
  type PhasePlan,
  planPhases,
  promptsWithin,
} from "./phases.ts";
import type { TextWork } from "./text-layers.ts";
import { openPasses } from "./resize-passes.ts";
import { createTurn } from "./turn.ts";
import { createWeightStream, type WeightStream } from "./weight-stream.ts";
import { findWeights } from "./weights.ts";

const PAGE = 65_536;

/** A model in phases, and what it holds. */
export interface PhasedModel {
  readonly model: Model;
  readonly plan: PhasePlan;
  /** Size of its memory now; it never shrinks. */
  memoryBytes(): number;
  /** Weights read so far, those read again counted again. */
  bytesRead(): number;
}

/**
 * Opens a model on the kernels, to run phase by phase.
 *
 * No weight is read before the first image. An answer that goes on after
 * another image was seen reads the decoder's weights again.
 *
 * @param bundle holds `edge.json` and the weights it names; best if it streams.
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`;
 *   `engine_unavailable` if no kernels run here or memory is too small.
 */
export async function openPhasedModel(
  manifest: Manifest,
  bundle: BundleSource,
  tokenizer: Tokenizer,
  modules: KernelModules,
  options: EdgeOptions,
): Promise<PhasedModel> {
  const plan = await readEdgePlan(bundle);
  const inputSizes = davitSizes(manifest);
  const memory = new WebAssembly.Memory({
    initial: 1,
    maximum: Math.floor(options.maxBytes / PAGE),
  });
  const { run, variant } = await openKernels(modules, memory, options.variant);
  const shapes = findWeights(plan);
  const phases = planPhases(run, plan, shapes, inputSizes);
  const maxPrompts = promptsWithin(phases, options.maxBytes);
  const arena = createArena(memory, phases.heapStart);
  const weights = createWeightStream(plan, phases, bundle, arena, run);
  const rest = options.rest ?? (() => Promise.resolve());
  const inTurn = createTurn();
  const workOf = (name: PhaseName): TextWork => ({
    ...{ run, arena, plan, weights },
    base: phases.phases[name].base,
  });

  const vision = createEdgeVision(
    workOf("vision"),
    manifest,
    tokenizer,
    {
      inTurn: (act) => inTurn(() => settled(weights, act)),
      rest: () => rest("block"),
    },
    await openPasses(modules[variant], false),
  );

  const model: Model = {
    manifest,
    capabilities: {
      backend: "florence-kernels",
      device: variant,
      inputSizes: inputSizes,
      weightBytes: weightBytes(plan),
      maxRows: MOST_ROWS,
      maxPrompts,
    },
    encode: (images, encodeOptions = {}) =>
      vision.encode(images, encodeOptions),
    start(prompts, startOptions = {}) {
      return inTurn(() =>
        settled(weights, async () => {
          throwIfAborted(startOptions.signal);
          const state = await startState(
            workOf("encoder"),
            prompts,
            startOptions,
            workOf("decoder"),
          );
          await rest("block");
          return {
            ...state,
            step: (rows, stepOptions = {}) =>
              inTurn(() =>
                settled(weights, async () => {
                  await weights.ready("decoder");
                  const results = await state.step(rows, stepOptions);
                  await rest("step");
                  return results;
                }),
              ),
          };
        }),
      );
    },
    dispose: () =>
      inTurn(() => {
        weights.stop();
        return Promise.resolve();
      }),
  };
  return {
    model,
    plan: phases,
    memoryBytes: () => memory.buffer.byteLength,
    bytesRead: () => weights.bytesRead(),
  };
}

/**
 * Does a piece of work; where it fails, nothing is read any more: whoever asked
 * may be gone then, and with it, in a Worker, its right to read.
 */
async function settled<Result>(
  weights: WeightStream,
  act: () => Promise<Result>,
): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    weights.stop();
    throw error;
  }
}

/**
 * Sides of the pictures that a manifest's DaViT takes.
 *
 * @throws FlorenceError `bundle_invalid` if it has towers.
 */
export function davitSizes({ vision }: Manifest): readonly number[] {
  if (vision.kind === "davit") return vision.input_sizes;
  throw new FlorenceError(
    "bundle_invalid",
    `The vision side is ${vision.kind}; only davit runs in parts. Open the bundle whole.`,
  );
}
