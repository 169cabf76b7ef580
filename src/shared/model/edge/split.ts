// Which parts of a model go to which isolate, so that none needs more than a
// budget: one isolate for the picture, as few as do for the vision tower, one or
// two for the text; or one for everything, phase by phase.

import { FlorenceError } from "../../errors.ts";
import { ownBytes } from "./decoder.ts";
import type { EdgePlan } from "./edge-plan.ts";
import { keptBytes } from "./encoder.ts";
import type { KernelExports } from "./kernels.ts";
import { FIRST_CAPACITY } from "./memory-plan.ts";
import { ownSteps, partWorkBytes } from "./part-runner.ts";
import { type PhaseName, planPhases } from "./phases.ts";
import { type Segment, segmentsOf } from "./segments.ts";
import { F32 } from "./text-layers.ts";
import { stageGrids } from "./vision-layout.ts";
import { findWeights } from "./weights.ts";
import { type PartTimes, timeOf, type WorkRates } from "./work-time.ts";

/** Tokens of a usual prompt beside the image's. */
const PROMPT_TOKENS = 32;

/** What an isolate takes beside the model's memory, in bytes. */
export interface HostCosts {
  /** Script, compiled code and JavaScript's heap of a Worker with the HTTP API. */
  readonly service: number;
  /** The same of a Worker that holds a part. */
  readonly part: number;
  /** A picture while it is decoded and resized. */
  readonly image: number;
}

export interface SplitOptions {
  readonly budgetBytes: number;
  /** Sides of pictures; memory is planned for the largest, time for the first. */
  readonly inputSizes: readonly number[];
  /** Prompts answered at once. */
  readonly prompts: number;
  /** Tokens of an answer, for its time. */
  readonly tokens: number;
  readonly costs: HostCosts;
  readonly rates: WorkRates;
}

/** What an isolate's bytes are for. */
export interface IsolateBytes {
  readonly weights: number;
  readonly work: number;
  /** Keys and values of prompts being answered. */
  readonly cache: number;
  readonly code: number;
  /** Pictures, and what is handed on to other isolates. */
  readonly image: number;
}

export interface IsolatePlan {
  readonly name: string;
  /** Names of the segments it holds, in their order. */
  readonly segments: readonly string[];
  readonly bytes: IsolateBytes;
  readonly totalBytes: number;
  /** Milliseconds of one picture with one answer. */
  readonly cpuMs: number;
}

export interface Split {
  /** Joined by service bindings; the first is the one that is asked. */
  readonly resident: readonly IsolatePlan[];
  /** Everything in one isolate; its segments pass through. */
  readonly phased: IsolatePlan;
  /** Milliseconds by part. */
  readonly times: PartTimes;
}

/**
 * Splits a model with DaViT over isolates.
 *
 * @throws FlorenceError `invalid_request`, naming the part that fits in no
 *   isolate, or for a model without DaViT; `bundle_invalid` if weights cannot be
 *   read in pieces.
 */
export function planSplit(
  run: KernelExports,
  plan: EdgePlan,
  options: SplitOptions,
): Split {
  if (plan.vision.kind !== "davit") {
    throw new FlorenceError(
      "invalid_request",
      "The vision side of this bundle is towers; only models with DaViT are split over isolates. Open it whole.",
    );
  }
  const segments = segmentsOf(plan);
  const times = timeOf(plan, segments, options);
  const finish = (
    name: string,
    own: readonly Segment[],
    bytes: IsolateBytes,
  ): IsolatePlan => ({
    name,
    segments: own.map((segment) => segment.name),
    bytes,
    totalBytes: Object.values<number>({ ...bytes }).reduce((a, b) => a + b, 0),
    cpuMs: own.reduce(
      (sum, { name: one }) => sum + (times.segments[one] ?? 0),
      0,
    ),
  });
  const of = (...parts: Segment["part"][]): readonly Segment[] =>
    segments.filter(({ part }) => parts.includes(part));
  const vision = splitVision(run, plan, of("vision"), options, finish);
  const text = splitText(run, plan, of, options, finish);
  const image = finish("image", [], imageBytes(plan, options));
  requireFit(image, "the picture", options);
  return {
    resident: [image, ...vision, ...text],
    phased: planPhased(run, plan, segments, options, finish),
    times,
  };
}

type Finish = (
  name: string,
  own: readonly Segment[],
  bytes: IsolateBytes,
) => IsolatePlan;

/** Whether an isolate stays below the budget. */
export function fits(isolate: IsolatePlan, budgetBytes: number): boolean {
  return isolate.totalBytes <= budgetBytes;
}

/** The tower, as much of it in each isolate as fits. */
function splitVision(
  run: KernelExports,
  plan: EdgePlan,
  segments: readonly Segment[],
  options: SplitOptions,
  finish: Finish,
): IsolatePlan[] {
  const isolates: IsolatePlan[] = [];
  let own: readonly Segment[] = [];
  let last: IsolatePlan | null = null;
  const planned = (of: readonly Segment[]): IsolatePlan =>
    finish(`vision-${isolates.length + 1}`, of, {
      weights: sizeOf(of),
      work: partWorkBytes(run, plan, of, options.inputSizes),
      cache: 0,
      code: options.costs.part,
      image: handedOn(plan, of, options.inputSizes),
    });
  for (const segment of segments) {
    let next = planned([...own, segment]);
    if (last !== null && !fits(next, options.budgetBytes)) {
      isolates.push(last);
      own = [];
      next = planned([segment]);
    }
    requireFit(next, segment.name, options);
    own = [...own, segment];
    last = next;
  }
  return last === null ? isolates : [...isolates, last];
}

/** Encoder and decoder together where they fit, else apart. */
function splitText(
  run: KernelExports,
  plan: EdgePlan,
  of: (...parts: Segment["part"][]) => readonly Segment[],
  options: SplitOptions,
  finish: Finish,
): IsolatePlan[] {
  const length = promptTokens(plan, options.inputSizes);
  const kept = keptBytes(plan, length);
  const rows = length * plan.text.width * F32;
  const planned = (
    name: string,
    own: readonly Segment[],
    cache: number,
    handed: number,
  ): IsolatePlan =>
    finish(name, own, {
      weights: sizeOf(own),
      work: partWorkBytes(run, plan, own, []),
      cache,
      code: options.costs.part,
      image: handed,
    });
  const answers = options.prompts * (kept + ownBytes(plan, FIRST_CAPACITY));
  const whole = of("encoder", "decoder", "vocabulary");
  const all = planned("text", whole, answers + kept, rows + kept);
  if (fits(all, options.budgetBytes)) return [all];
  const encoder = planned("encoder", of("encoder"), kept, rows + kept);
  requireFit(encoder, "the encoder", options);
  const decoder = planned(
    "decoder",
    of("decoder", "vocabulary"),
    answers,
    options.prompts * kept,
  );
  requireFit(decoder, "the decoder with the vocabulary", options);
  return [encoder, decoder];
}

function planPhased(
  run: KernelExports,
  plan: EdgePlan,
  segments: readonly Segment[],
  { inputSizes, prompts, costs }: SplitOptions,
  finish: Finish,
): IsolatePlan {
  const shapes = findWeights(plan);
  const { phases, heapStart, promptBytes } = planPhases(
    run,
    plan,
    shapes,
    inputSizes,
  );
  // The memory is as large as the largest phase: its parts are told apart there.
  const largest = (Object.keys(phases) as PhaseName[]).reduce((a, b) =>
    phases[a].end >= phases[b].end ? a : b,
  );
  const { base } = phases[largest];
  return finish("phased", segments, {
    weights: base,
    work: heapStart - base,
    cache: prompts * promptBytes,
    code: costs.service,
    image: costs.image,
  });
}

/** The isolate that is asked: it decodes, and hands on. */
function imageBytes(plan: EdgePlan, options: SplitOptions): IsolateBytes {
  const { costs, inputSizes } = options;
  const size = Math.max(...inputSizes);
  const length = promptTokens(plan, inputSizes);
  const pixels = size * size * 3 * F32;
  return {
    weights: 0,
    work: 0,
    cache: 0,
    code: costs.service,
    image:
      costs.image +
      Math.max(2 * pixels, 2 * options.prompts * keptBytes(plan, length)),
  };
}

/** What comes in and goes out as numbers in JavaScript's memory. */
function handedOn(
  plan: EdgePlan,
  segments: readonly Segment[],
  inputSizes: readonly number[],
): number {
  const size = Math.max(...inputSizes);
  const steps = ownSteps(plan, segments, size);
  const [first, last] = [steps[0]!, steps.at(-1)!];
  const before =
    first.before === null
      ? size * size * 3
      : first.before.pixels * first.before.stage.width;
  return (before + last.grid.pixels * last.grid.stage.width) * F32;
}

function promptTokens(plan: EdgePlan, inputSizes: readonly number[]): number {
  const places = stageGrids(plan, Math.max(...inputSizes)).at(-1)!.pixels;
  return Math.min(places + 1 + PROMPT_TOKENS, plan.text.positions);
}

function sizeOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

function requireFit(
  isolate: IsolatePlan,
  part: string,
  { budgetBytes }: SplitOptions,
): void {
  if (fits(isolate, budgetBytes)) return;
  const parts = Object.entries<number>({ ...isolate.bytes })
    .filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => `${name} ${megabytes(bytes)}`);
  throw new FlorenceError(
    "invalid_request",
    `${part} needs ${megabytes(isolate.totalBytes)} MB in an isolate of its own (${parts.join(", ")}); the budget is ${megabytes(budgetBytes)} MB. Store it in fewer bits, take a smaller input size, or fewer prompts at once.`,
  );
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
