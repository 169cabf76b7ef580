// How much memory a model takes, known of `edge.json` alone.

import { ARENA_START, aligned } from "./arena.ts";
import { ownBytes, planDecoder } from "./decoder.ts";
import { type EdgePlan, weightBytes } from "./edge-plan.ts";
import { crossBytes, planEncoder } from "./encoder.ts";
import type { KernelExports } from "./kernels.ts";
import { visionBytes as bytesOfVision } from "./edge-vision.ts";
import { stageGrids } from "./vision-layout.ts";
import type { Weights } from "./weights.ts";

/** Tokens a row has room for at first; doubled when they are used up. */
export const FIRST_CAPACITY = 32;
/** What a step asks of the head, and gaps between kept pieces. */
export const REQUEST_ROOM = 65_536;
/** Most rows one step takes. */
export const MOST_ROWS = 64;
/** Tokens of a usual prompt beside the image's. */
const PROMPT_TOKENS = 32;
/** Tokens of the hints of a picture with many things in it. */
const HINT_TOKENS = 256;

/** Bytes of a model, by what they are for. */
export interface MemoryPlan {
  readonly weightBytes: number;
  /** Of the phase that takes most: they follow one another in one place. */
  readonly workBytes: number;
  readonly visionBytes: number;
  readonly encoderBytes: number;
  readonly decoderBytes: number;
  /** What one prompt of usual length keeps while it is answered. */
  readonly promptBytes: number;
  /** What one row keeps for each token of its answer. */
  readonly tokenBytes: number;
}

/** Plans for any of some input sizes, the longest prompt and many rows. */
export function planMemory(
  run: KernelExports,
  plan: EdgePlan,
  weights: Weights,
  inputSizes: readonly number[],
): MemoryPlan {
  const { positions } = plan.text;
  const length = Math.min(
    imageTokens(plan, inputSizes) + PROMPT_TOKENS,
    positions,
  );
  const visionBytes = bytesOfVision(run, plan, weights, inputSizes);
  const encoderBytes = planEncoder(run, plan, weights, positions).bytes;
  const decoderBytes = planDecoder(
    run,
    plan,
    weights,
    MOST_ROWS,
    positions,
  ).bytes;
  return {
    weightBytes: weightBytes(plan),
    workBytes: Math.max(visionBytes, encoderBytes, decoderBytes),
    visionBytes,
    encoderBytes,
    decoderBytes,
    promptBytes: crossBytes(plan, length),
    tokenBytes: ownBytes(plan, 1),
  };
}

/** Tokens in front of a prompt: places and their mean, or hints. */
function imageTokens(plan: EdgePlan, inputSizes: readonly number[]): number {
  if (plan.vision.kind === "towers") return HINT_TOKENS;
  return stageGrids(plan, Math.max(...inputSizes)).at(-1)!.pixels + 1;
}

/**
 * Most bytes that one prompt answered by `rows` rows of `tokens` tokens takes.
 *
 * A row's room doubles when it is full; while it is copied both are there.
 */
export function peakBytes(
  plan: MemoryPlan,
  rows: number,
  tokens: number,
): number {
  let capacity = FIRST_CAPACITY;
  while (capacity < tokens) capacity *= 2;
  const copied = capacity > FIRST_CAPACITY ? capacity / 2 : 0;
  const fixed = ARENA_START + plan.weightBytes + plan.workBytes;
  const answers = rows * (capacity + copied) * plan.tokenBytes;
  return aligned(fixed) + plan.promptBytes + answers + REQUEST_ROOM;
}
