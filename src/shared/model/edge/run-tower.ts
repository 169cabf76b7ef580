// A tower over the kernels, step by step, one image at a time.

import { throwIfAborted } from "../../errors.ts";
import type { RunOptions } from "../model.ts";
import type { EdgeTower, EdgeTowerStep } from "./edge-plan.ts";
import type { KernelExports } from "./kernels.ts";
import { linear, type Rows } from "./linear.ts";
import type { TextWork } from "./text-layers.ts";
import {
  CONVOLUTION_KINDS,
  isPointwise,
  PROJECTION,
  type TowerLayout,
  type TowerMap,
} from "./tower-layout.ts";

const F32 = 4;
const EPSILON = 1e-5; // PyTorch's default, as everywhere in Florence-2
const PROJECTED_NORM = "model.multi_modal_projector.image_proj_norm";

/** In the order of the numbers that the kernel `convolution` takes. */
export const ACTIVATIONS: readonly Activation[] = [
  ...(["none", "relu", "relu6", "silu", "sigmoid"] as const),
];

/** What a pass needs; its maps begin at `base`. */
export interface TowerWork extends TextWork {
  readonly tower: EdgeTower;
  readonly layout: TowerLayout;
}

type Step<Op extends EdgeTowerStep["op"]> = Extract<EdgeTowerStep, { op: Op }>;
type Activation = Step<"conv">["activation"];

/**
 * Runs all steps over one image.
 *
 * @param pixels `[3, size, size]`, as `preprocess` makes it.
 * @param rest called between steps, so that others get a turn.
 */
export async function runTower(
  work: TowerWork,
  pixels: Float32Array,
  rest: () => Promise<void>,
  options: RunOptions,
): Promise<void> {
  writePixels(work, pixels);
  for (const step of work.tower.steps) {
    throwIfAborted(options.signal);
    runStep(work, step);
    await rest();
  }
}

/** A map's values, copied out: `[height, width, channels]`, or planes. */
export function readMap(
  { arena, base, layout }: TowerWork,
  name: string,
  inPlanes: boolean,
): Float32Array {
  const { height, width, channels, lanes, at } = layout.maps[name]!;
  const pixels = height * width;
  const from = arena.floats(base + at, pixels * lanes);
  const values = new Float32Array(pixels * channels);
  const [pixelStep, channelStep] = inPlanes ? [1, pixels] : [channels, 1];
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      values[pixel * pixelStep + channel * channelStep] =
        from[pixel * lanes + channel]!;
    }
  }
  return values;
}

/** A map's pixels as image tokens, `[pixels, d]`. */
export function projectMap(work: TowerWork, name: string): Float32Array {
  const { run, arena, base, weights, plan, layout } = work;
  const { height, width, lanes, at } = layout.maps[name]!;
  const pixels = height * width;
  const line = plan.text.width;
  const to = base + layout.projected;
  linear(
    run,
    weights.linear(PROJECTION),
    rowsOf(base + at, lanes),
    pixels,
    rowsOf(to, line),
    base + layout.scratch,
  );
  run.layerNorm(
    to,
    line * F32,
    pixels,
    line,
    weights.vector(`${PROJECTED_NORM}.weight`),
    weights.vector(`${PROJECTED_NORM}.bias`),
    EPSILON,
    to,
    line * F32,
  );
  return arena.floats(to, pixels * line).slice();
}

/** `[3, S, S]` becomes `[S, S, 3]`. */
function writePixels(
  { arena, base, layout }: TowerWork,
  pixels: Float32Array,
): void {
  const { height, width, at } = layout.maps["image"]!;
  const plane = height * width;
  const image = arena.floats(base + at, 3 * plane);
  for (let channel = 0; channel < 3; channel += 1) {
    const first = channel * plane;
    for (let pixel = 0; pixel < plane; pixel += 1) {
      image[pixel * 3 + channel] = pixels[first + pixel]!;
    }
  }
}

function runStep(work: TowerWork, step: EdgeTowerStep): void {
  const { run, base } = work;
  const to = mapOf(work, step.output);
  const output = base + to.at;
  switch (step.op) {
    case "conv":
      convolve(work, step, to);
      return;
    case "depthwise":
      filterChannels(work, step, to);
      return;
    case "max_pool": {
      const from = mapOf(work, step.input);
      const [top, left] = step.padding;
      run.maxPool(
        base + from.at,
        from.height,
        from.width,
        from.lanes,
        step.kernel,
        step.stride,
        top,
        left,
        output,
        to.height,
        to.width,
      );
      return;
    }
    case "global_average": {
      const { at, height, width, lanes } = mapOf(work, step.input);
      run.globalAverage(base + at, height * width, lanes, output);
      return;
    }
    case "enlarge": {
      const { at, height, width, lanes } = mapOf(work, step.input);
      run.enlargeNearest(base + at, height, width, lanes, step.factor, output);
      return;
    }
    case "concat":
      concatenate(work, step, to);
      return;
    case "add":
      add(work, step, to);
      return;
    default:
      step satisfies never;
  }
}

function convolve(work: TowerWork, step: Step<"conv">, to: TowerMap): void {
  const { run, base, weights, layout } = work;
  const from = mapOf(work, step.input);
  const layer = weights.linear(step.layer);
  const [top, left] = step.padding;
  run.convolution(
    base + from.at,
    from.height,
    from.width,
    from.lanes,
    step.kernel,
    step.stride,
    top,
    left,
    to.width,
    0,
    to.height * to.width,
    isPointwise(step) ? 0 : 1,
    CONVOLUTION_KINDS.indexOf(layer.kind),
    layer.k,
    layer.n,
    layer.group,
    layer.weights,
    layer.scales,
    layer.bias,
    ACTIVATIONS.indexOf(step.activation),
    base + to.at,
    base + layout.scratch,
  );
}

function filterChannels(
  work: TowerWork,
  step: Step<"depthwise">,
  to: TowerMap,
): void {
  const { run, base, weights, layout } = work;
  const from = mapOf(work, step.input);
  const [top, left] = step.padding;
  run.depthwise(
    base + from.at,
    from.height,
    from.width,
    from.lanes,
    step.kernel,
    step.stride,
    top,
    left,
    weights.vector(`${step.layer}.weight`),
    weights.vector(`${step.layer}.bias`),
    0,
    base + to.at,
    to.height,
    to.width,
  );
  const count = to.height * to.width * to.lanes;
  const scratch = base + layout.scratch;
  activate(run, step.activation, base + to.at, count, scratch);
}

/** Takes an activation in place; `scratch` is `expScratch()` bytes. */
export function activate(
  run: KernelExports,
  activation: Activation,
  at: number,
  count: number,
  scratch: number,
): void {
  switch (activation) {
    case "none":
      return;
    case "relu":
      run.relu(at, count);
      return;
    case "relu6":
      run.relu6(at, count);
      return;
    case "silu":
      run.silu(at, count, scratch);
      return;
    case "sigmoid":
      run.sigmoid(at, count, scratch);
      return;
    default:
      activation satisfies never;
  }
}

/** Channels side by side; the lanes past them are zero. */
function concatenate(
  work: TowerWork,
  { inputs }: Step<"concat">,
  to: TowerMap,
): void {
  const { run, arena, base } = work;
  const pixels = to.height * to.width;
  if (to.lanes > to.channels) {
    arena.floats(base + to.at, pixels * to.lanes).fill(0);
  }
  let output = base + to.at;
  for (const name of inputs) {
    const { at, channels, lanes } = mapOf(work, name);
    run.copyRows(
      base + at,
      lanes * F32,
      pixels,
      channels,
      output,
      to.lanes * F32,
    );
    output += channels * F32;
  }
}

/** In the place of one of the terms, where the layout has it so. */
function add(
  work: TowerWork,
  { inputs: [a, b] }: Step<"add">,
  to: TowerMap,
): void {
  const { run, arena, base } = work;
  const first = mapOf(work, a);
  const second = mapOf(work, b);
  const count = to.height * to.width * to.lanes;
  if (to.at === second.at) {
    run.addInto(base + to.at, base + first.at, count);
    return;
  }
  if (to.at !== first.at) {
    const bytes = new Uint8Array(arena.memory.buffer);
    const from = base + first.at;
    bytes.copyWithin(base + to.at, from, from + count * F32);
  }
  run.addInto(base + to.at, base + second.at, count);
}

function mapOf({ layout }: TowerWork, name: string): TowerMap {
  return layout.maps[name]!;
}

function rowsOf(at: number, width: number): Rows {
  return { at, stride: width * F32 };
}
