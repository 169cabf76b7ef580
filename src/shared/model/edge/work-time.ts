// How long the parts of a model take, from their multiply-accumulates and how
// many of them a processor does in a millisecond.

import { type EdgePlan, type EdgeTensor } from "./edge-plan.ts";
import { type Segment, segmentOf } from "./segments.ts";
import { stageGrids, visionSteps } from "./vision-layout.ts";

/** Tokens of a usual prompt beside the image's. */
const PROMPT_TOKENS = 8;

/** Multiply-accumulates in a millisecond. */
export interface WorkRates {
  /** Products of many rows. */
  readonly manyRows: number;
  /** Products of one row: reading the weights holds them up. */
  readonly oneRow: number;
  /**
   * Time of everything over the time of products: norms, attention, windows,
   * filters.
   */
  readonly whole: number;
}

export interface PartTimes {
  /** Milliseconds by segment, of one picture with one answer. */
  readonly segments: Readonly<Record<string, number>>;
  readonly vision: number;
  readonly encoder: number;
  /** All tokens of the answer. */
  readonly decoder: number;
}

/** Expected processor time of one picture and one answer. */
export function timeOf(
  plan: EdgePlan,
  segments: readonly Segment[],
  options: {
    readonly inputSizes: readonly number[];
    readonly tokens: number;
    readonly rates: WorkRates;
  },
): PartTimes {
  const { rates, tokens } = options;
  const size = options.inputSizes[0]!;
  const rows = rowsOf(plan, size);
  const macs = macsOf(plan);
  const times: Record<string, number> = {};
  for (const { name, part } of segments) {
    const own = macs.get(name) ?? 0;
    const isText = part === "decoder" || part === "vocabulary";
    const products = isText
      ? (own * tokens) / rates.oneRow
      : (own * rows(name)) / rates.manyRows;
    times[name] = products * rates.whole;
  }
  const sum = (of: (segment: Segment) => boolean): number =>
    segments.filter(of).reduce((total, { name }) => total + times[name]!, 0);
  return {
    segments: times,
    vision: sum(({ part }) => part === "vision"),
    encoder: sum(({ part }) => part === "encoder"),
    decoder: sum(({ part }) => part === "decoder" || part === "vocabulary"),
  };
}

/** Multiply-accumulates of each segment for one row. */
function macsOf({ tensors }: EdgePlan): ReadonlyMap<string, number> {
  const macs = new Map<string, number>();
  const each = (tensor: EdgeTensor): number =>
    tensor.kind === "vector" ? 0 : tensor.n * tensor.k;
  for (const [name, tensor] of Object.entries(tensors)) {
    const segment = segmentOf(name);
    macs.set(segment, (macs.get(segment) ?? 0) + each(tensor));
  }
  return macs;
}

/** How many rows go through a segment's matrices. */
function rowsOf(plan: EdgePlan, size: number): (segment: string) => number {
  const steps = new Map(
    visionSteps(plan, size).map(({ segment, grid }) => [segment, grid.pixels]),
  );
  const places = stageGrids(plan, size).at(-1)!.pixels + 1;
  return (segment) => steps.get(segment) ?? places + PROMPT_TOKENS;
}
