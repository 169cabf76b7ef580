// Some parts of a model on the kernels, in an isolate of their own: a stretch of
// the vision tower, the encoder, the decoder. Together with others they are a
// model (`joined-model.ts`).

import type { BundleSource } from "../bundle-source.ts";
import type { DecodingState, StepResult, StepRow } from "../model.ts";
import { aligned, type Arena, ARENA_START, createArena } from "./arena.ts";
import { runVision } from "./davit.ts";
import { planDecoder } from "./decoder.ts";
import type { EdgePlan } from "./edge-plan.ts";
import { type EdgeOptions, readEdgePlan } from "./edge-model.ts";
import { decodeFrom, keepPrompts, type KeptPrompt } from "./edge-state.ts";
import { crossBytes, keptBytes, planEncoder } from "./encoder.ts";
import {
  type KernelExports,
  type KernelModules,
  openKernels,
} from "./kernels.ts";
import { MOST_ROWS } from "./memory-plan.ts";
import { type Placed, placeOf, readSegment } from "./placed.ts";
import { type Segment, segmentsOf } from "./segments.ts";
import { embedToken, F32, type TextWork } from "./text-layers.ts";
import { createTurn } from "./turn.ts";
import { planVision, type VisionStep, visionSteps } from "./vision-layout.ts";
import { findWeights, type Weights } from "./weights.ts";

const PAGE = 65_536;

/** A prompt's keys and values, as the encoder's part makes them. */
export interface CrossMemory {
  readonly bytes: Uint8Array; // [layers, length, 2, d]
  readonly length: number;
}

/** What a part answers; a call that is not its own is a bug of the caller's. */
export interface PartRunner {
  readonly segments: readonly string[];
  /** Size of its memory now. */
  memoryBytes(): number;
  /** Runs its stretch of the vision tower; see `runVision`. */
  see(size: number, values: Float32Array): Promise<Float32Array>;
  /** Embeddings of tokens, `[ids, d]`. */
  embed(ids: readonly number[]): Promise<Float32Array>;
  /** Encodes the rows of one prompt, `[length, d]`, embedded. */
  encode(rows: Float32Array): Promise<CrossMemory>;
  /** Begins to answer prompts that are encoded. */
  begin(prompts: readonly CrossMemory[]): Promise<DecodingState>;
}

export interface PartOptions extends EdgeOptions {
  /** Names of the segments that are this part's, in their order. */
  readonly segments: readonly string[];
  readonly inputSizes: readonly number[];
}

/**
 * Opens some parts of a model: reads their weights and keeps them.
 *
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`;
 *   `engine_unavailable` if no kernels run here or memory is too small.
 */
export async function openPart(
  bundle: BundleSource,
  modules: KernelModules,
  options: PartOptions,
): Promise<PartRunner> {
  const plan = await readEdgePlan(bundle);
  const memory = new WebAssembly.Memory({
    initial: 1,
    maximum: Math.floor(options.maxBytes / PAGE),
  });
  const { run } = await openKernels(modules, memory, options.variant);
  const owned = ownedSegments(plan, options.segments);
  const { placed, end: base } = placeAll(owned);
  const weights = findWeights(plan, placeOf(placed));
  const workBytes = partWorkBytes(run, plan, owned, options.inputSizes);
  const arena = createArena(memory, base + workBytes);
  arena.reach(base + workBytes);
  for (const piece of placed) await readSegment(piece, bundle, arena);
  const work: TextWork = { run, arena, plan, weights, base };
  const inTurn = createTurn();
  const rest = async (): Promise<void> => options.rest?.("block");
  const { width } = plan.text;

  return {
    segments: options.segments,
    memoryBytes: () => memory.buffer.byteLength,
    see: (size, values) =>
      inTurn(async () => {
        const steps = ownSteps(plan, owned, size);
        const vision = planVision(run, plan, weights, size, steps);
        const seen = await runVision({ ...work, vision }, values, rest, {});
        return seen.values;
      }),
    embed: (ids) =>
      inTurn(() => {
        const rows = new Float32Array(ids.length * width);
        for (const [index, id] of ids.entries()) {
          embedToken(work, id, base);
          rows.set(arena.floats(base, width), index * width);
        }
        return Promise.resolve(rows);
      }),
    encode: (rows) =>
      inTurn(async () => {
        const length = rows.length / width;
        const write = (at: number): void => {
          arena.floats(at, rows.length).set(rows);
        };
        const told = (): void => undefined;
        const [kept] = await keepPrompts(work, [{ length, write }], told, {});
        const { cross } = kept!;
        const bytes = arena.bytes(cross, crossBytes(plan, length)).slice();
        arena.release(cross);
        return { bytes, length };
      }),
    begin: (prompts) =>
      inTurn(() => {
        const kept = keepAll(arena, plan, prompts);
        const state = decodeFrom(work, kept);
        const step = (
          rows: readonly StepRow[],
        ): Promise<readonly StepResult[]> => inTurn(() => state.step(rows));
        return Promise.resolve({ ...state, step });
      }),
  };
}

/** Copies what was made elsewhere to where the decoder attends to it. */
function keepAll(
  arena: Arena,
  plan: EdgePlan,
  prompts: readonly CrossMemory[],
): KeptPrompt[] {
  const kept: KeptPrompt[] = [];
  try {
    for (const { bytes, length } of prompts) {
      const cross = arena.keep(keptBytes(plan, length));
      kept.push({ cross, length });
      arena.bytes(cross, bytes.length).set(bytes);
    }
    return kept;
  } catch (error) {
    for (const { cross } of kept) arena.release(cross);
    throw error;
  }
}

function ownedSegments(
  plan: EdgePlan,
  names: readonly string[],
): readonly Segment[] {
  return segmentsOf(plan).filter(({ name }) => names.includes(name));
}

function placeAll(segments: readonly Segment[]): {
  readonly placed: readonly Placed[];
  readonly end: number;
} {
  let next = ARENA_START;
  const placed = segments.map((segment): Placed => {
    const at = next;
    next = aligned(at + segment.bytes);
    return { segment, at, end: at + segment.bytes };
  });
  return { placed, end: next };
}

/** The vision steps whose weights are among some segments. */
export function ownSteps(
  plan: EdgePlan,
  segments: readonly Segment[],
  size: number,
): readonly VisionStep[] {
  const names = new Set(segments.map(({ name }) => name));
  return visionSteps(plan, size).filter(({ segment }) => names.has(segment));
}

/** Bytes of the work of some segments, for any of some input sizes. */
export function partWorkBytes(
  run: KernelExports,
  plan: EdgePlan,
  segments: readonly Segment[],
  inputSizes: readonly number[],
): number {
  const shapes: Weights = findWeights(plan);
  const { positions, width } = plan.text;
  const has = (part: Segment["part"]): boolean =>
    segments.some((segment) => segment.part === part);
  return Math.max(
    ...inputSizes.map((size) => {
      const steps = ownSteps(plan, segments, size);
      if (steps.length === 0) return 0;
      return planVision(run, plan, shapes, size, steps).layout.bytes;
    }),
    has("encoder") ? planEncoder(run, plan, shapes, positions).bytes : 0,
    has("vocabulary") ? width * F32 : 0,
    has("decoder")
      ? planDecoder(run, plan, shapes, MOST_ROWS, positions).bytes
      : 0,
  );
}
