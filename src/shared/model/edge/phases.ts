// A model that runs in less memory than its weights take: vision, encoder and
// decoder one after another in the same place, weights read as they are needed.

import { FlorenceError } from "../../errors.ts";
import { aligned, ARENA_START } from "./arena.ts";
import { ownBytes, planDecoder } from "./decoder.ts";
import type { EdgePlan } from "./edge-plan.ts";
import { keptBytes, planEncoder } from "./encoder.ts";
import type { KernelExports } from "./kernels.ts";
import { FIRST_CAPACITY, MOST_ROWS, REQUEST_ROOM } from "./memory-plan.ts";
import type { Placed } from "./placed.ts";
import { type EdgePartName, type Segment, segmentsOf } from "./segments.ts";
import { planVision, stageGrids } from "./vision-layout.ts";
import type { Weights } from "./weights.ts";

/** Most bytes read ahead, beside the weights in use. */
export const READ_AHEAD_BYTES = 8 * 2 ** 20;
/** Tokens of a usual prompt beside the image's. */
const PROMPT_TOKENS = 32;

export type PhaseName = "vision" | "encoder" | "decoder";

/** One phase: what stays through it, what passes, where its work lies. */
export interface Phase {
  readonly name: PhaseName;
  readonly resident: readonly Placed[];
  /** In the order of their use, through a ring. */
  readonly streamed: readonly Placed[];
  /** Where the room for the phase's work begins and ends. */
  readonly base: number;
  readonly end: number;
}

/** All phases, before a weight is read. */
export interface PhasePlan {
  readonly phases: Readonly<Record<PhaseName, Phase>>;
  /** Where what answers keep begins: past every phase. */
  readonly heapStart: number;
  /** What one prompt of usual length keeps while it is answered by one row. */
  readonly promptBytes: number;
}

/** What each phase keeps and what it streams. */
const USES: Readonly<
  Record<
    PhaseName,
    {
      readonly resident: readonly EdgePartName[];
      readonly streamed: readonly EdgePartName[];
    }
  >
> = {
  vision: { resident: [], streamed: ["vision"] },
  encoder: { resident: ["vocabulary"], streamed: ["encoder"] },
  decoder: { resident: ["vocabulary", "decoder"], streamed: [] },
};

/**
 * Plans the phases for any of some input sizes and prompts of any length.
 *
 * @throws FlorenceError `bundle_invalid` if weights cannot be read in pieces.
 */
export function planPhases(
  run: KernelExports,
  plan: EdgePlan,
  weights: Weights,
  inputSizes: readonly number[],
): PhasePlan {
  const { positions } = plan.text;
  const size = Math.max(...inputSizes);
  const work: Readonly<Record<PhaseName, number>> = {
    vision: planVision(run, plan, weights, size).layout.bytes,
    encoder: planEncoder(run, plan, weights, positions).bytes,
    decoder: planDecoder(run, plan, weights, MOST_ROWS, positions).bytes,
  };
  const segments = segmentsOf(plan);
  const phases = Object.fromEntries(
    Object.entries(USES).map(([key, { resident, streamed }]) => {
      const name = key as PhaseName;
      const of = (parts: readonly EdgePartName[]): Segment[] =>
        parts.flatMap((part) => segments.filter((one) => one.part === part));
      return [name, planPhase(name, of(resident), of(streamed), work[name])];
    }),
  ) as Record<PhaseName, Phase>;
  const places = stageGrids(plan, size).at(-1)!.pixels;
  const length = Math.min(places + 1 + PROMPT_TOKENS, positions);
  return {
    phases,
    heapStart: Math.max(...Object.values(phases).map(({ end }) => end)),
    promptBytes: keptBytes(plan, length) + ownBytes(plan, FIRST_CAPACITY),
  };
}

/** Most bytes of memory while `prompts` of usual length are answered at once. */
export function phasedPeakBytes(plan: PhasePlan, prompts: number): number {
  return plan.heapStart + prompts * plan.promptBytes + REQUEST_ROOM;
}

/**
 * How many prompts of usual length may be answered at once in `maxBytes`.
 *
 * @throws FlorenceError `engine_unavailable` if none may.
 */
export function promptsWithin(plan: PhasePlan, maxBytes: number): number {
  const room = maxBytes - plan.heapStart - REQUEST_ROOM;
  const prompts = Math.floor(room / plan.promptBytes);
  if (prompts >= 1) return prompts;
  throw new FlorenceError(
    "engine_unavailable",
    `The model needs ${Math.ceil(phasedPeakBytes(plan, 1) / 1e6)} MB of memory even phase by phase; this host gives ${Math.floor(maxBytes / 1e6)} MB. Store its weights in fewer bits, or take a smaller input size.`,
  );
}

function planPhase(
  name: PhaseName,
  resident: readonly Segment[],
  streamed: readonly Segment[],
  workBytes: number,
): Phase {
  let at = ARENA_START;
  const placed = resident.map((segment): Placed => {
    const start = at;
    at = aligned(start + segment.bytes);
    return { segment, at: start, end: start + segment.bytes };
  });
  const ring = placeInRing(streamed, aligned(at));
  const base = aligned(Math.max(at, ...ring.map(({ end }) => end)));
  return {
    name,
    resident: placed,
    streamed: ring,
    base,
    end: base + workBytes,
  };
}

/**
 * Places segments one after another, from the start again where the ring ends;
 * the ring has room for the largest and for what may be read ahead of it. One that
 * is larger than that is read once the one before it is done.
 */
export function placeInRing(
  segments: readonly Segment[],
  start: number,
): Placed[] {
  const room = Math.max(
    0,
    ...segments.map(({ bytes }) => aligned(bytes) + READ_AHEAD_BYTES),
  );
  let next = start;
  return segments.map((segment) => {
    const at = next + segment.bytes > start + room ? start : next;
    next = aligned(at + segment.bytes);
    return { segment, at, end: at + segment.bytes };
  });
}
