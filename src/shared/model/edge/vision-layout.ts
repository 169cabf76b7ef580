// Where the vision tower's work lies: two feature maps that take turns, and room
// for a band of one of them.

import { type Layout, layOut } from "./arena.ts";
import { davitOf, type EdgePlan, type EdgeStage } from "./edge-plan.ts";
import type { KernelExports } from "./kernels.ts";
import { feedForwardScratch, linearScratch } from "./linear.ts";
import { PANEL, roundUp } from "./pack-int8.ts";
import type { Linear, Weights } from "./weights.ts";

const F32 = 4;
/** Output pixels of a strided convolution at a time, at least. */
const PATCH_ROWS = 48;
/** Bytes of patches that stay near; with threads each has as much to do. */
const PATCH_BYTES = 2 ** 18;

/** A stage at one input size. */
export interface StageGrid {
  readonly index: number;
  readonly stage: EdgeStage;
  /** Side of the feature map, and its pixels. */
  readonly side: number;
  readonly pixels: number;
  /** Rows of the map in a band: as many as a window has, or all. */
  readonly bandRows: number;
}

export type VisionPiece =
  | "mapA"
  | "mapB"
  | "carry"
  | "lines"
  | "normed"
  | "wide"
  | "mixed"
  | "scores"
  | "scratch";

/** What a pass does between two turns of others. */
export interface VisionStep {
  readonly kind: "convolution" | "spatial" | "channel" | "projector";
  /** Its weights; see `segments.ts`. */
  readonly segment: string;
  readonly grid: StageGrid;
  /** Of the stage; 0 where the step is no block. */
  readonly depth: number;
  /** The map it reads; null: the image. */
  readonly before: StageGrid | null;
}

/** A vision pass, or a part of it, before it runs. */
export interface VisionLayout {
  /** Side of the image. */
  readonly size: number;
  readonly steps: readonly VisionStep[];
  readonly layout: Layout<VisionPiece>;
}

/** The stages' grids for an image of `size` pixels a side. */
export function stageGrids(plan: EdgePlan, size: number): readonly StageGrid[] {
  let side = size;
  return davitOf(plan).stages.map((stage, index) => {
    const { kernel, stride, padding } = stage;
    side = Math.floor((side + 2 * padding - kernel) / stride) + 1;
    const bandRows = Math.min(side, davitOf(plan).window);
    return { index, stage, side, pixels: side * side, bandRows };
  });
}

/** A pass over an image of `size` pixels a side, step by step. */
export function visionSteps(
  plan: EdgePlan,
  size: number,
): readonly VisionStep[] {
  const steps: VisionStep[] = [];
  let before: StageGrid | null = null;
  for (const grid of stageGrids(plan, size)) {
    const { index, stage } = grid;
    const segment = `vision.${index}`;
    steps.push({ kind: "convolution", segment, grid, depth: 0, before });
    before = grid;
    for (let depth = 0; depth < stage.depth; depth += 1) {
      for (const kind of ["spatial", "channel"] as const) {
        const own = `${segment}.${depth}.${kind}`;
        steps.push({ kind, segment: own, grid, depth, before });
      }
    }
  }
  const last = steps.at(-1)!;
  const segment = "vision.projector";
  return [...steps, { ...last, kind: "projector", segment, depth: 0, before }];
}

/**
 * Plans a pass over one image of `size` pixels a side, or some steps of it.
 *
 * Maps of even stages lie in `mapA`, of odd ones, and the image, in `mapB`.
 */
export function planVision(
  run: KernelExports,
  plan: EdgePlan,
  weights: Weights,
  size: number,
  steps: readonly VisionStep[] = visionSteps(plan, size),
): VisionLayout {
  const working = [...new Set(steps.map(({ grid }) => grid))];
  const grids = [
    ...new Set(steps.flatMap(({ before, grid }) => [before ?? grid, grid])),
  ];
  const most = (value: (grid: StageGrid) => number): number =>
    Math.max(...working.map(value));
  const map = ({ pixels, stage }: StageGrid): number =>
    pixels * stage.width * F32;
  const line = ({ side, stage }: StageGrid): number => side * stage.width * F32;
  const band = (grid: StageGrid): number => grid.bandRows * line(grid);
  const parity = (odd: number): number =>
    Math.max(0, ...grids.filter(({ index }) => index % 2 === odd).map(map));
  const projecting = steps.find(({ kind }) => kind === "projector")?.grid;
  const project = (odd: number): number =>
    projecting !== undefined && projecting.index % 2 !== odd
      ? projected(plan, projecting)
      : 0;
  const image = steps[0]!.before === null ? size * size * 3 * F32 : 0;
  const layout = layOut({
    mapA: Math.max(parity(0), project(0)),
    mapB: Math.max(parity(1), image, project(1)),
    carry: most(line),
    lines: most((grid) => band(grid) + 2 * line(grid)),
    normed: most((grid) => Math.max(band(grid), patches(weights, grid))),
    wide: most((grid) => 3 * band(grid)),
    mixed: most((grid) => band(grid) + spill(grid)),
    scores: most(({ stage }) => {
      const width = stage.width / stage.groups;
      return stage.width * roundUp(width, PANEL) * F32;
    }),
    scratch: most((grid) => scratchOf(run, plan, weights, grid)),
  });
  return { size, steps, layout };
}

/** Channel attention writes whole panels past each row. */
function spill({ stage, side, bandRows }: StageGrid): number {
  const width = stage.width / stage.groups;
  return bandRows * side * (roundUp(width, PANEL) - width) * F32;
}

/** The projector's rows: the mean and all places, before and after. */
function projected({ text }: EdgePlan, { pixels, stage }: StageGrid): number {
  return (pixels + 1) * (stage.width + text.width) * F32;
}

function patches(weights: Weights, { index }: StageGrid): number {
  const layer = convolution(weights, index);
  return patchRows(layer) * layer.k * F32;
}

/** Output pixels of a strided convolution at a time. */
export function patchRows({ k }: Linear): number {
  const blocks = Math.floor(PATCH_BYTES / (PATCH_ROWS * k * F32));
  return PATCH_ROWS * Math.max(1, blocks);
}

/** Names of a stage's layers in `edge.json`. */
export function convolution(weights: Weights, index: number): Linear {
  return weights.linear(`model.vision_tower.convs.${index}.conv`);
}

function scratchOf(
  run: KernelExports,
  plan: EdgePlan,
  weights: Weights,
  grid: StageGrid,
): number {
  const { index, stage, side, bandRows } = grid;
  const rows = bandRows * side;
  const filter = convolution(weights, index);
  const block = `model.vision_tower.blocks.${index}.0`;
  const of = (name: string): Linear => weights.linear(`${block}.${name}`);
  const layers = ["spatial_block.window_attn", "channel_block.channel_attn"]
    .flatMap((name) => [of(`${name}.qkv`), of(`${name}.proj`)])
    .map((layer) => linearScratch(run, layer, rows));
  const feeds = ["spatial_block", "channel_block"].map((name) =>
    feedForwardScratch(run, of(`${name}.ffn.fc1`), of(`${name}.ffn.fc2`), rows),
  );
  return Math.max(
    ...(stage.depth > 0 ? [...layers, ...feeds] : []),
    linearScratch(run, filter, patchRows(filter)),
    run.windowAttentionScratch(stage.width, stage.heads, davitOf(plan).window),
    run.channelAttentionScratch(stage.width / stage.groups),
    run.expScratch(),
  );
}
