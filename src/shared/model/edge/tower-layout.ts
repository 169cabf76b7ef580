// Shapes of a tower's maps and where they lie: a map's room is used again once
// nothing reads it any more, and a sum is made in the place of one of its terms.

import { FlorenceError } from "../../errors.ts";
import { aligned } from "./arena.ts";
import type { EdgePlan, EdgeTower, EdgeTowerStep } from "./edge-plan.ts";
import type { KernelExports } from "./kernels.ts";
import { linearScratch } from "./linear.ts";
import { PANEL, roundUp } from "./pack-int8.ts";
import type { Linear, Weights } from "./weights.ts";

const F32 = 4;

/** A map `[height, width, channels]` in f32. */
export interface TowerMap {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Channels with the zeros that fill the last panel: from pixel to pixel. */
  readonly lanes: number;
  /** Where it lies, from the room's beginning. */
  readonly at: number;
}

/** All of a tower's pass, before it runs. */
export interface TowerLayout {
  readonly maps: Readonly<Record<string, TowerMap>>;
  /** Where scratch and projected features lie. */
  readonly scratch: number;
  readonly projected: number;
  readonly bytes: number;
}

type Filter = Extract<EdgeTowerStep, { op: "conv" | "depthwise" | "max_pool" }>;
type Shape = Omit<TowerMap, "at">;

/** Whether a convolution's rows are the map's own. */
export function isPointwise({ kernel, stride, padding }: Filter): boolean {
  return kernel === 1 && stride === 1 && padding.every((side) => side === 0);
}

/** What weights are stored as, in the order of the kernel's numbers. */
export const CONVOLUTION_KINDS: readonly Linear["kind"][] = [
  ...(["f32", "int8", "int4"] as const),
];

/**
 * Plans a pass of one tower.
 *
 * @throws FlorenceError `bundle_invalid` if a step uses what is not there.
 */
export function planTower(
  run: KernelExports,
  plan: EdgePlan,
  weights: Weights,
  tower: EdgeTower,
): TowerLayout {
  const shapes = shapesOf(tower, weights);
  const { places, bytes: mapBytes } = placeMaps(tower, shapes);
  const maps: Record<string, TowerMap> = {};
  for (const [name, shape] of shapes) {
    maps[name] = { ...shape, at: places.get(name)! };
  }
  let scratch = run.expScratch();
  for (const step of tower.steps) {
    if (step.op !== "conv") continue;
    const { kind, k, n } = weights.linear(step.layer);
    const number = CONVOLUTION_KINDS.indexOf(kind);
    const patched = isPointwise(step) ? 0 : 1;
    const bytes = run.convolutionScratch(patched, number, k, n);
    scratch = Math.max(scratch, bytes);
  }
  let projected = 0;
  if (tower.features !== undefined) {
    const { height, width } = shapeOf(shapes, tower.features);
    const layer = weights.linear(PROJECTION);
    projected = height * width * plan.text.width * F32;
    scratch = Math.max(scratch, linearScratch(run, layer, height * width));
  }
  const scratchAt = aligned(mapBytes);
  const projectedAt = scratchAt + aligned(scratch);
  return {
    maps,
    scratch: scratchAt,
    projected: projectedAt,
    bytes: projectedAt + aligned(projected),
  };
}

/** The layer that brings a map's pixels to the text's width. */
export const PROJECTION = "model.multi_modal_projector.image_projection";

function shapesOf(tower: EdgeTower, weights: Weights): Map<string, Shape> {
  const shapes = new Map<string, Shape>();
  const { size } = tower;
  shapes.set("image", { height: size, width: size, channels: 3, lanes: 3 });
  for (const step of tower.steps) {
    shapes.set(step.output, outputOf(step, shapes, weights));
  }
  return shapes;
}

function outputOf(
  step: EdgeTowerStep,
  shapes: ReadonlyMap<string, Shape>,
  weights: Weights,
): Shape {
  switch (step.op) {
    case "conv": {
      const input = shapeOf(shapes, step.input);
      const layer = weights.linear(step.layer);
      const taps = step.kernel ** 2;
      const lanes = roundUp(step.channels, PANEL);
      if (layer.n !== lanes || layer.k < taps * input.lanes) {
        throw unfit(step.layer, `${layer.n} x ${layer.k}`);
      }
      return { ...slide(input, step), channels: step.channels, lanes };
    }
    case "depthwise":
    case "max_pool": {
      const input = panelsOf(shapes, step.input);
      return { ...input, ...slide(input, step) };
    }
    case "global_average":
      return { ...panelsOf(shapes, step.input), height: 1, width: 1 };
    case "enlarge": {
      const input = shapeOf(shapes, step.input);
      const height = input.height * step.factor;
      return { ...input, height, width: input.width * step.factor };
    }
    case "concat": {
      const inputs = step.inputs.map((name) => shapeOf(shapes, name));
      const channels = inputs.reduce((sum, one) => sum + one.channels, 0);
      const lanes = roundUp(channels, PANEL);
      return { ...sameSides(step.output, inputs), channels, lanes };
    }
    case "add": {
      const inputs = step.inputs.map((name) => shapeOf(shapes, name));
      const [first, second] = inputs as [Shape, Shape];
      if (first.channels !== second.channels) {
        throw unfit(step.output, `${first.channels} and ${second.channels}`);
      }
      return sameSides(step.output, inputs);
    }
    default:
      return step satisfies never;
  }
}

function sameSides(name: string, inputs: readonly Shape[]): Shape {
  const [first] = inputs as [Shape];
  for (const { height, width } of inputs) {
    if (height !== first.height || width !== first.width) {
      throw unfit(name, `${height} x ${width}`);
    }
  }
  return first;
}

function slide(
  { height, width }: Shape,
  { kernel, stride, padding }: Filter,
): { readonly height: number; readonly width: number } {
  const [top, left, bottom, right] = padding;
  const side = (length: number): number =>
    Math.floor((length - kernel) / stride) + 1;
  return {
    height: side(height + top + bottom),
    width: side(width + left + right),
  };
}

function shapeOf(shapes: ReadonlyMap<string, Shape>, name: string): Shape {
  const shape = shapes.get(name);
  if (shape !== undefined) return shape;
  throw new FlorenceError(
    "bundle_invalid",
    `A tower of edge.json uses "${name}" before it is made. Convert the model again with florence convert.`,
  );
}

/** A map whose pixels are whole panels, as all but the image's are. */
function panelsOf(shapes: ReadonlyMap<string, Shape>, name: string): Shape {
  const shape = shapeOf(shapes, name);
  if (shape.lanes % PANEL === 0) return shape;
  throw unfit(name, `${shape.lanes} channels`);
}

function unfit(name: string, size: string): FlorenceError {
  return new FlorenceError(
    "bundle_invalid",
    `A tower of edge.json has ${name} of the wrong size (${size}). Convert the model again with florence convert.`,
  );
}

/** One room, and the steps from its first writing to its last reading. */
interface Room {
  readonly bytes: number;
  readonly from: number;
  until: number;
  at: number;
}

/** Gives every map a room; the largest rooms are placed first. */
function placeMaps(
  tower: EdgeTower,
  shapes: ReadonlyMap<string, Shape>,
): { readonly places: Map<string, number>; readonly bytes: number } {
  const lastReading = lastReadings(tower);
  const rooms = new Map<string, Room>();
  const open = (name: string, from: number): void => {
    const { height, width, lanes } = shapeOf(shapes, name);
    const bytes = aligned(height * width * lanes * F32);
    const until = lastReading.get(name) ?? from;
    rooms.set(name, { bytes, from, until, at: 0 });
  };
  open("image", -1);
  for (const [index, step] of tower.steps.entries()) {
    const taken =
      step.op === "add" ? dyingTerm(step, index, lastReading) : undefined;
    const room = taken === undefined ? undefined : rooms.get(taken);
    if (room === undefined) open(step.output, index);
    else {
      room.until = lastReading.get(step.output) ?? index;
      rooms.set(step.output, room);
    }
  }
  const placed: Room[] = [];
  const bySize = [...new Set(rooms.values())].sort((a, b) => b.bytes - a.bytes);
  for (const room of bySize) {
    const others = placed
      .filter(({ from, until }) => from <= room.until && until >= room.from)
      .sort((a, b) => a.at - b.at);
    for (const { at, bytes } of others) {
      if (at >= room.at + room.bytes) break;
      room.at = Math.max(room.at, at + bytes);
    }
    placed.push(room);
  }
  const places = new Map<string, number>();
  for (const [name, { at }] of rooms) places.set(name, at);
  const bytes = Math.max(...placed.map((room) => room.at + room.bytes));
  return { places, bytes };
}

/** The term whose place a sum may take: one that nothing reads later. */
export function dyingTerm(
  step: Extract<EdgeTowerStep, { op: "add" }>,
  index: number,
  lastReading: ReadonlyMap<string, number>,
): string | undefined {
  const [a, b] = step.inputs;
  if (a === b) return undefined;
  return [a, b].find(
    (name) => name !== "image" && lastReading.get(name) === index,
  );
}

/** The step that reads a map last; outputs are read after all. */
function lastReadings({
  steps,
  outputs,
  features,
}: EdgeTower): Map<string, number> {
  const last = new Map<string, number>();
  for (const [index, step] of steps.entries()) {
    const inputs = "inputs" in step ? step.inputs : [step.input];
    for (const name of inputs) last.set(name, index);
  }
  for (const { value } of Object.values(outputs)) last.set(value, steps.length);
  if (features !== undefined) last.set(features, steps.length);
  return last;
}
