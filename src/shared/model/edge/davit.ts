// DaViT and its projector over the kernels, one image at a time, band by band:
// beside the weights only two feature maps and a band exist. Source:
// `modeling_florence2.py` in huggingface/transformers. C channels of a stage.
//
// Long because it is one network, read from top to bottom.

import { throwIfAborted } from "../../errors.ts";
import { freeMemory } from "../../free-memory.ts";
import type { RunOptions } from "../model.ts";
import type { Arena } from "./arena.ts";
import { davitOf, type EdgePlan } from "./edge-plan.ts";
import type { KernelExports } from "./kernels.ts";
import { columnsOf, feedForward, linear, type Rows } from "./linear.ts";
import { roundUp } from "./pack-int8.ts";
import type { Linear, Weights } from "./weights.ts";
import {
  convolution,
  patchRows,
  type StageGrid,
  type VisionLayout,
  type VisionPiece,
  type VisionStep,
} from "./vision-layout.ts";

const F32 = 4;
const EPSILON = 1e-5; // PyTorch's default; Florence-2's configs have no key for it
const TOWER = "model.vision_tower";
const PROJECTOR = "model.multi_modal_projector";

/** What a pass needs. */
export interface VisionWork {
  readonly run: KernelExports;
  readonly arena: Arena;
  readonly plan: EdgePlan;
  readonly weights: Weights;
  readonly vision: VisionLayout;
  /** Where the vision's pieces begin. */
  readonly base: number;
}

/** A band of a feature map: rows of it, and tokens before and in it. */
interface Band {
  readonly top: number;
  readonly rows: number;
  readonly first: number;
  readonly count: number;
}

/**
 * The features of one image, by all steps.
 *
 * @param write the pixels, `[size, size, 3]`, as `preprocessInto` does: nothing as
 *   large need exist beside the arena.
 * @returns `[1 + places, d]`.
 */
export async function runDavit(
  work: VisionWork,
  write: (to: Float32Array) => void,
  rest: () => Promise<void>,
  options: RunOptions,
): Promise<Float32Array> {
  const { kind, values } = await runVision(work, write, rest, options);
  if (kind === "features") return values;
  throw new Error("internal: a pass ends with the projector");
}

/** What comes out of a range of steps. */
export type VisionOutput =
  | { readonly kind: "map"; readonly values: Float32Array } // [pixels, C]
  | { readonly kind: "features"; readonly values: Float32Array }; // [1 + places, d]

/**
 * Runs steps of a pass over one image: all of them, or those of one part of a
 * model that is split.
 *
 * @param input where the first step is the first of all: `[3, size, size]`, as
 *   `preprocess` makes it; else the map that the step before it gave. It is
 *   emptied once it is copied: the collector would keep megabytes for long. Or
 *   what writes the pixels, as for `runDavit`.
 * @param rest called between steps, so that others get a turn.
 * @throws FlorenceError `deadline_exceeded`; what `weights.ready` throws.
 */
export async function runVision(
  work: VisionWork,
  input: Float32Array | ((to: Float32Array) => void),
  rest: () => Promise<void>,
  options: RunOptions,
): Promise<VisionOutput> {
  const { arena, weights, vision } = work;
  const { steps, size } = vision;
  // Its phase begins: before that the arena is others'.
  await weights.ready(steps[0]!.segment);
  if (typeof input === "function") {
    input(arena.floats(piece(work, "mapB"), 3 * size * size));
  } else {
    if (steps[0]!.before === null) writePixels(work, input, size);
    else arena.floats(mapOf(work, steps[0]!.before), input.length).set(input);
    freeMemory(input);
  }
  for (const step of steps) {
    throwIfAborted(options.signal);
    await weights.ready(step.segment);
    if (step.kind === "projector") {
      return { kind: "features", values: project(work, step.grid) };
    }
    if (step.kind === "convolution") embed(work, step);
    else block(work, step, step.kind);
    await rest();
  }
  const { grid } = steps.at(-1)!;
  const count = grid.pixels * grid.stage.width;
  return {
    kind: "map",
    values: arena.floats(mapOf(work, grid), count).slice(),
  };
}

function block(
  work: VisionWork,
  { grid, depth }: VisionStep,
  kind: "spatial" | "channel",
): void {
  const name = `${TOWER}.blocks.${grid.index}.${depth}.${kind}_block`;
  depthwise(work, grid, `${name}.conv1`);
  if (kind === "spatial") windowAttention(work, grid, name);
  else channelAttention(work, grid, name);
  depthwise(work, grid, `${name}.conv2`);
  mlp(work, grid, name);
}

function piece({ base, vision }: VisionWork, name: VisionPiece): number {
  return base + vision.layout.at[name];
}

function mapOf(work: VisionWork, { index }: StageGrid): number {
  return piece(work, index % 2 === 0 ? "mapA" : "mapB");
}

/** `[3, S, S]` becomes `[S, S, 3]`. */
function writePixels(
  work: VisionWork,
  pixels: Float32Array,
  size: number,
): void {
  const plane = size * size;
  const image = work.arena.floats(piece(work, "mapB"), 3 * plane);
  for (let pixel = 0; pixel < plane; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      image[pixel * 3 + channel] = pixels[channel * plane + pixel]!;
    }
  }
}

/** The convolution in front of a stage, with its norm before or after. */
function embed(
  work: VisionWork,
  { grid: { index, stage, side, pixels }, before: map }: VisionStep,
): void {
  const before =
    map === null
      ? { at: piece(work, "mapB"), side: work.vision.size, channels: 3 }
      : { at: mapOf(work, map), side: map.side, channels: map.stage.width };
  const to = piece(work, index % 2 === 0 ? "mapA" : "mapB");
  const { run, weights } = work;
  const norm = `${TOWER}.convs.${index}.norm`;
  if (stage.prenorm) {
    const count = before.side * before.side;
    normalize(work, norm, before.at, count, before.channels, before.at);
  }
  const layer = convolution(weights, index);
  const patches = piece(work, "normed");
  const most = patchRows(layer);
  for (let first = 0; first < pixels; first += most) {
    const count = Math.min(most, pixels - first);
    run.gatherPatches(
      before.at,
      before.side,
      before.side,
      before.channels,
      stage.kernel,
      stage.stride,
      stage.padding,
      stage.padding,
      side,
      first,
      count,
      layer.k,
      patches,
    );
    linear(
      run,
      layer,
      rowsOf(patches, layer.k),
      count,
      rowsOf(to + first * stage.width * F32, stage.width),
      piece(work, "scratch"),
    );
  }
  if (!stage.prenorm) normalize(work, norm, to, pixels, stage.width, to);
}

/**
 * x + depthwise 3 x 3 of x, in place. A band is made of a copy with the lines
 * above and below it as they were.
 */
function depthwise(work: VisionWork, grid: StageGrid, name: string): void {
  const { run, weights } = work;
  const { stage, side } = grid;
  const values = side * stage.width;
  const line = values * F32;
  const copy = (from: number, to: number, count: number): void => {
    run.copyRows(from, line, count, values, to, line);
  };
  const map = mapOf(work, grid);
  const lines = piece(work, "lines");
  const carry = piece(work, "carry");
  for (const { top, rows } of bandsOf(grid)) {
    const above = Math.min(1, top);
    const below = Math.min(1, side - top - rows);
    if (above === 1) copy(carry, lines, 1);
    const own = lines + above * line;
    const from = map + top * line;
    copy(from, own, rows + below);
    copy(own + (rows - 1) * line, carry, 1);
    run.depthwise(
      lines,
      above + rows + below,
      side,
      stage.width,
      3,
      1,
      1 - above,
      1,
      weights.vector(`${name}.weight`),
      weights.vector(`${name}.bias`),
      1,
      from,
      rows,
      side,
    );
  }
}

/** x + attention within windows; a band is one row of windows. */
function windowAttention(
  work: VisionWork,
  grid: StageGrid,
  name: string,
): void {
  const { run, plan, weights } = work;
  const { stage, side } = grid;
  const channels = stage.width;
  const qkv = weights.linear(`${name}.window_attn.qkv`);
  const scratch = piece(work, "scratch");
  for (const band of bandsOf(grid)) {
    const normed = normBand(work, grid, `${name}.norm1`, band);
    const wide = rowsOf(piece(work, "wide"), 3 * channels);
    linear(run, qkv, normed, band.count, wide, scratch);
    run.windowAttention(
      wide.at,
      qkv.bias,
      band.rows,
      side,
      channels,
      stage.heads,
      davitOf(plan).window,
      piece(work, "mixed"),
      scratch,
    );
    const mixed = rowsOf(piece(work, "mixed"), channels);
    addProjected(work, grid, `${name}.window_attn.proj`, band, mixed);
  }
}

/** x + attention between channels: scores over all bands, then each is mixed. */
function channelAttention(
  work: VisionWork,
  grid: StageGrid,
  name: string,
): void {
  const { run, arena, weights } = work;
  const { stage, pixels } = grid;
  const { width: channels, groups } = stage;
  const width = channels / groups;
  const wide8 = roundUp(width, 8);
  const qkv = weights.linear(`${name}.channel_attn.qkv`);
  const scores = piece(work, "scores"); // [groups, width, wide8]
  const scratch = piece(work, "scratch");
  const wide = rowsOf(piece(work, "wide"), 3 * channels);
  arena.floats(scores, channels * wide8).fill(0);
  const queriesAndKeys = columnsOf(qkv, 0, 2 * channels);
  for (const band of bandsOf(grid)) {
    const normed = normBand(work, grid, `${name}.norm1`, band);
    linear(run, queriesAndKeys, normed, band.count, wide, scratch);
    run.channelScores(
      wide.at,
      wide.at + channels * F32,
      wide.stride,
      band.count,
      groups,
      width,
      scores,
      scratch,
    );
  }
  run.softmax(
    scores,
    wide8 * F32,
    channels,
    width,
    1 / Math.sqrt(pixels),
    scratch,
  );
  const values = columnsOf(qkv, 2 * channels, channels);
  const mixed = rowsOf(piece(work, "mixed"), channels + wide8 - width);
  for (const band of bandsOf(grid)) {
    const normed = normBand(work, grid, `${name}.norm1`, band);
    linear(run, values, normed, band.count, wide, scratch);
    run.channelMix(
      wide.at,
      wide.stride,
      band.count,
      groups,
      width,
      scores,
      mixed.at,
      mixed.stride,
      scratch,
    );
    addProjected(work, grid, `${name}.channel_attn.proj`, band, mixed);
  }
}

/** x + the pair of layers. */
function mlp(work: VisionWork, grid: StageGrid, name: string): void {
  const { run, weights } = work;
  const first = weights.linear(`${name}.ffn.fc1`);
  const second = weights.linear(`${name}.ffn.fc2`);
  const mixed = rowsOf(piece(work, "mixed"), grid.stage.width);
  for (const band of bandsOf(grid)) {
    const normed = normBand(work, grid, `${name}.norm2`, band);
    const scratch = piece(work, "scratch");
    feedForward(run, first, second, normed, band.count, mixed, scratch);
    addBand(work, grid, band, mixed.at);
  }
}

/** Adds the projection of what was attended to to the map. */
function addProjected(
  work: VisionWork,
  grid: StageGrid,
  name: string,
  band: Band,
  mixed: Rows,
): void {
  const { run, weights } = work;
  const out = rowsOf(piece(work, "normed"), grid.stage.width);
  const layer: Linear = weights.linear(name);
  linear(run, layer, mixed, band.count, out, piece(work, "scratch"));
  addBand(work, grid, band, out.at);
}

function addBand(
  work: VisionWork,
  grid: StageGrid,
  band: Band,
  from: number,
): void {
  const { width } = grid.stage;
  const to = mapOf(work, grid) + band.first * width * F32;
  work.run.addInto(to, from, band.count * width);
}

function normBand(
  work: VisionWork,
  grid: StageGrid,
  name: string,
  band: Band,
): Rows {
  const { width } = grid.stage;
  const from = mapOf(work, grid) + band.first * width * F32;
  const to = piece(work, "normed");
  normalize(work, name, from, band.count, width, to);
  return rowsOf(to, width);
}

function normalize(
  { run, weights }: VisionWork,
  name: string,
  from: number,
  rows: number,
  width: number,
  to: number,
): void {
  run.layerNorm(
    from,
    width * F32,
    rows,
    width,
    weights.vector(`${name}.weight`),
    weights.vector(`${name}.bias`),
    EPSILON,
    to,
    width * F32,
  );
}

/** Places get their positions, their mean comes first; then the projection. */
function project(work: VisionWork, grid: StageGrid): Float32Array {
  const { run, arena, plan, weights } = work;
  const { pixels, stage } = grid;
  const channels = stage.width;
  const line = channels * F32;
  // The last map may lie in either piece; the other one has room for this.
  const free = piece(work, grid.index % 2 === 0 ? "mapB" : "mapA");
  const places = free + line; // [pixels, channels]
  run.copyRows(mapOf(work, grid), line, pixels, channels, places, line);
  addPositions(work, grid, places, free);
  run.globalAverage(places, pixels, channels, free);
  const width = plan.text.width;
  const out = free + (pixels + 1) * channels * F32;
  linear(
    run,
    weights.linear(`${PROJECTOR}.image_projection`),
    rowsOf(free, channels),
    pixels + 1,
    rowsOf(out, width),
    piece(work, "scratch"),
  );
  normalize(work, `${PROJECTOR}.image_proj_norm`, out, pixels + 1, width, out);
  return arena.floats(out, (pixels + 1) * width).slice();
}

/**
 * Adds to each place its column's embedding (the first half of the channels), its
 * row's (the second), and the sinusoid of the first frame: 0, 1, 0, 1, ...
 *
 * @param spare room for one place.
 */
function addPositions(
  work: VisionWork,
  { side, stage }: StageGrid,
  places: number,
  spare: number,
): void {
  const { run, arena, weights } = work;
  const channels = stage.width;
  const line = channels * F32;
  const half = channels / 2;
  const table = (name: string): number =>
    weights.vector(`${PROJECTOR}.image_position_embed.${name}.weight`);
  const [byRow, byColumn] = [
    table("row_embeddings"),
    table("column_embeddings"),
  ];
  const block = piece(work, "lines"); // [side, channels]
  const addToRow = (row: number): void => {
    run.addInto(places + row * side * line, block, side * channels);
  };
  run.copyRows(byColumn, half * F32, side, half, block, line);
  for (let row = 0; row < side; row += 1) {
    const own = byRow + row * half * F32;
    run.copyRows(own, 0, side, half, block + half * F32, line);
    addToRow(row);
  }
  const sinusoid = arena.floats(spare, channels);
  for (let at = 0; at < channels; at += 1) sinusoid[at] = at % 2;
  run.copyRows(spare, 0, side, channels, block, line);
  for (let row = 0; row < side; row += 1) addToRow(row);
}

function rowsOf(at: number, width: number): Rows {
  return { at, stride: width * F32 };
}

/** A map cut into rows of windows. */
function* bandsOf({ side, bandRows }: StageGrid): Generator<Band> {
  for (let top = 0; top < side; top += bandRows) {
    const rows = Math.min(bandRows, side - top);
    yield { top, rows, first: top * side, count: rows * side };
  }
}
