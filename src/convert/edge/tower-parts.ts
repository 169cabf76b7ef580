// A tower's plan for the kernels: fewer kinds of steps over maps with their
// channels last, and the weights in the order these want them.
//
// Long because each kind of step has its own order, and all are read together.

import { FlorenceError } from "../../shared/errors.ts";
import type { EdgeTower } from "../../shared/model/edge/edge-plan.ts";
import { PANEL, roundUp } from "../../shared/model/edge/pack-int8.ts";
import type { Checkpoint, CheckpointTensor } from "../checkpoint.ts";
import type { TowerConfig, TowerStep } from "../hint-towers.ts";
import { layerName } from "../onnx/tower.ts";
import { type EdgePart, readAll, vectorPart } from "./edge-part.ts";

type ConvStep = Extract<TowerStep, { op: "conv" }>;
type LinearStep = Extract<TowerStep, { op: "linear" }>;
type FocusStep = Extract<TowerStep, { op: "space_to_depth" }>;
type PoolStep = Extract<TowerStep, { op: "max_pool" }>;
type PoolLike = Pick<PoolStep, "kernel" | "stride" | "padding">;
type Order = EdgeTower["outputs"][string]["order"];

/** A tower as the kernels run it, and its weights. */
export interface EdgeTowerParts {
  readonly tower: EdgeTower;
  readonly parts: readonly EdgePart[];
}

/** What is known of a value of the plan. */
interface Value {
  /** The map that holds it. */
  readonly map: string;
  readonly channels: number;
  readonly side: number;
  readonly order: Order;
}

/**
 * Brings a tower's plan into the kernels' steps.
 *
 * `space_to_depth` before a convolution becomes one convolution of twice the
 * side and stride over the map itself; `flatten_grid` is the map as it lies.
 *
 * @param hasFeatures whether `features` of its outputs is projected.
 * @throws FlorenceError `bundle_invalid` for a convolution the kernels lack.
 */
export function towerParts(
  checkpoint: Checkpoint,
  config: TowerConfig,
  hasFeatures: boolean,
): EdgeTowerParts {
  const { size } = config.input;
  const values = new Map<string, Value>([
    ["image", { map: "image", channels: 3, side: size, order: "planes" }],
  ]);
  const steps: EdgeTower["steps"] = [];
  const parts: EdgePart[] = [];
  const focused = focusOfConvolutions(config.plan);
  // Maps that something else than a sum reads.
  const seen = new Set(
    config.plan.flatMap((step) =>
      "inputs" in step ? (step.op === "add" ? [] : step.inputs) : step.input,
    ),
  );
  const valueOf = (name: string): Value => {
    const value = values.get(name);
    if (value !== undefined) return value;
    throw new FlorenceError(
      "bundle_invalid",
      `The plan of tower ${config.name} in config.json uses "${name}" before it is made.`,
    );
  };
  const inputOf = ({ input }: { readonly input: string }): Value =>
    valueOf(input);
  const make = (step: TowerStep, value: Omit<Value, "map">): void => {
    values.set(step.output, { ...value, map: step.output });
  };

  for (const step of config.plan) {
    const { output } = step;
    switch (step.op) {
      case "conv": {
        const focus = focused.get(step);
        const from = focus === undefined ? inputOf(step) : inputOf(focus);
        const made =
          step.groups === 1
            ? convolution(checkpoint, step, from, {
                isFocused: focus !== undefined,
                beginsStage: step.activation === "none" && seen.has(output),
              })
            : depthwise(checkpoint, step, from);
        steps.push(made.step);
        parts.push(...made.parts);
        make(step, { ...made.value, order: "planes" });
        break;
      }
      case "linear": {
        const made = linearLayer(checkpoint, step, inputOf(step));
        steps.push(made.step);
        parts.push(...made.parts);
        make(step, { channels: made.channels, side: 1, order: "vector" });
        break;
      }
      case "max_pool": {
        const from = inputOf(step);
        const { op, stride } = step;
        const { input, kernel, padding } = poolOf(step, from.map, steps);
        steps.push({ op, input, output, kernel, stride, padding });
        make(step, { ...from, side: slide(from.side, step, step.kernel) });
        break;
      }
      case "average_pool": {
        const from = inputOf(step);
        steps.push({ op: "global_average", input: from.map, output });
        make(step, { ...from, side: 1 });
        break;
      }
      case "upsample_nearest": {
        const from = inputOf(step);
        const { scale: factor } = step;
        steps.push({ op: "enlarge", input: from.map, output, factor });
        make(step, { ...from, side: from.side * factor });
        break;
      }
      case "concat": {
        const from = step.inputs.map(valueOf);
        const channels = from.reduce((sum, one) => sum + one.channels, 0);
        steps.push({
          op: "concat",
          inputs: from.map(({ map }) => map),
          output,
        });
        make(step, { ...from[0]!, channels });
        break;
      }
      case "add": {
        const [a, b] = [valueOf(step.inputs[0]), valueOf(step.inputs[1])];
        steps.push({ op: "add", inputs: [a.map, b.map], output });
        make(step, a);
        break;
      }
      case "space_to_depth": {
        const from = inputOf(step);
        const value = { ...from, side: from.side / 2 };
        if ([...focused.values()].includes(step)) {
          // Its convolution reads the map itself.
          values.set(output, { ...value, channels: 4 * from.channels });
          break;
        }
        const made = cornersLayer(config.name, output, from);
        steps.push(made.step);
        parts.push(...made.parts);
        make(step, { ...value, channels: 4 * from.channels });
        break;
      }
      case "flatten_grid":
        values.set(output, { ...inputOf(step), order: "rows" });
        break;
      default:
        step satisfies never;
    }
  }

  const outputs: EdgeTower["outputs"] = {};
  for (const name of outputNames(config)) {
    const { map, order } = valueOf(config.outputs[name] ?? name);
    outputs[name] = { value: map, order };
  }
  const features = hasFeatures
    ? { features: valueOf(config.outputs["features"]!).map }
    : {};
  return { tower: { size, steps, outputs, ...features }, parts };
}

/** The outputs that heads, or strides, read. */
function outputNames(config: TowerConfig): readonly string[] {
  if (config.kind === "detector") {
    return config.strides.map((stride) => `stride_${stride}`);
  }
  const { heads, outline } = config;
  const names = heads.map(({ output }) => output);
  return outline === undefined ? names : [...names, outline.output];
}

/** Convolutions that alone read what a `space_to_depth` makes. */
function focusOfConvolutions(
  plan: readonly TowerStep[],
): ReadonlyMap<TowerStep, FocusStep> {
  const readers = new Map<string, TowerStep[]>();
  for (const step of plan) {
    for (const name of "inputs" in step ? step.inputs : [step.input]) {
      readers.set(name, [...(readers.get(name) ?? []), step]);
    }
  }
  const found = new Map<TowerStep, FocusStep>();
  for (const step of plan) {
    if (step.op !== "space_to_depth") continue;
    const [reader, ...others] = readers.get(step.output) ?? [];
    const isAlone = reader?.op === "conv" && others.length === 0;
    if (isAlone && reader.groups === 1) found.set(reader, step);
  }
  return found;
}

/**
 * The greatest of 9 x 9 is the greatest of 5 x 5 among the greatest of 5 x 5: a
 * centered pooling goes on from the largest smaller one of the same map.
 */
function poolOf(
  step: PoolStep,
  map: string,
  steps: EdgeTower["steps"],
): Pick<PoolStep, "input" | "kernel" | "padding"> {
  const made = new Map([[map, 1]]); // by output: the side it looks at
  if (isCentered(step)) {
    for (const other of steps) {
      if (other.op !== "max_pool" || !isCentered(other)) continue;
      const side = made.get(other.input);
      if (side !== undefined) made.set(other.output, side + other.kernel - 1);
    }
  }
  const [input, side] = [...made]
    .filter(([, own]) => own <= step.kernel)
    .sort(([, a], [, b]) => b - a)[0]!;
  if (side === 1) return { ...step, input: map };
  const kernel = step.kernel - side + 1;
  const half = (kernel - 1) / 2;
  return { input, kernel, padding: [half, half, half, half] };
}

function isCentered({ kernel, stride, padding }: PoolLike): boolean {
  return stride === 1 && padding.every((side) => 2 * side === kernel - 1);
}

/** What a step of weights becomes. */
interface Made {
  readonly step: EdgeTower["steps"][number];
  readonly parts: readonly EdgePart[];
}

type MadeMap = Made & { readonly value: Omit<Value, "map" | "order"> };

/**
 * @param isFocused whether `from` is what the `space_to_depth` reads.
 * @param beginsStage whether layers after it see its result as it is, with no
 *   activation and before anything is added. What it loses is lost to them all,
 *   where a term of a sum loses a part of a part.
 */
function convolution(
  checkpoint: Checkpoint,
  step: ConvStep,
  from: Value,
  {
    isFocused,
    beginsStage,
  }: { readonly isFocused: boolean; readonly beginsStage: boolean },
): MadeMap {
  const layer = layerName(step);
  const tensor = checkpoint.tensor(step.weight);
  const channels = tensor.shape[0]!;
  const own = sideOfFilter(step, tensor);
  const times = isFocused ? 2 : 1;
  const kernel = times * own;
  const stride = times * step.stride;
  const padding = step.padding.map((side) => times * side) as ConvStep["padding"]; // prettier-ignore
  const order = isFocused
    ? focusOrder(own, from.channels)
    : filterOrder(kernel);
  const side = slide(from.side, { padding, stride }, kernel);
  return {
    step: {
      op: "conv",
      input: from.map,
      output: step.output,
      layer,
      kernel,
      stride,
      padding,
      channels,
      activation: step.activation,
    },
    parts: [
      // Five such layers of the box model's classifier, an eighth of its weights,
      // make three quarters of what 7 bits cost its outputs (variance).
      filterPart(layer, tensor, kernel, from, order, beginsStage),
      vectorPart(checkpoint, `${layer}.bias`),
    ],
    value: { channels, side },
  };
}

/** `[C, 1, k, k]` becomes `[k, k, C]`. */
function depthwise(
  checkpoint: Checkpoint,
  step: ConvStep,
  from: Value,
): MadeMap {
  const layer = layerName(step);
  const tensor = checkpoint.tensor(step.weight);
  const kernel = sideOfFilter(step, tensor);
  const { channels } = from;
  if (step.groups !== channels || tensor.shape[0] !== channels) {
    throw new FlorenceError(
      "bundle_invalid",
      `${step.weight} is a convolution of ${step.groups} groups over ${channels} channels; the kernels run one group, or one for each channel. Use another precision.`,
    );
  }
  const lanes = lanesOf(from);
  const taps = kernel ** 2;
  const { output, stride, padding, activation } = step;
  return {
    step: {
      op: "depthwise",
      input: from.map,
      output,
      layer,
      kernel,
      stride,
      padding,
      activation,
    },
    parts: [
      {
        kind: "vector",
        name: `${layer}.weight`,
        async read() {
          const values = await readAll(tensor);
          const result = new Float32Array(taps * lanes);
          for (let channel = 0; channel < channels; channel += 1) {
            for (let tap = 0; tap < taps; tap += 1) {
              result[tap * lanes + channel] = values[channel * taps + tap]!;
            }
          }
          return result;
        },
      },
      vectorPart(checkpoint, `${layer}.bias`),
    ],
    value: { channels, side: slide(from.side, step, kernel) },
  };
}

/** A layer over all of a map is a convolution as large as the map. */
function linearLayer(
  checkpoint: Checkpoint,
  step: LinearStep,
  from: Value,
): Made & { readonly channels: number } {
  const layer = layerName(step);
  const tensor = checkpoint.tensor(step.weight);
  const kernel = from.side;
  const channels = tensor.shape[0]!;
  const order = filterOrder(kernel);
  return {
    step: {
      op: "conv",
      input: from.map,
      output: step.output,
      layer,
      kernel,
      stride: 1,
      padding: [0, 0, 0, 0],
      channels,
      activation: "none",
    },
    parts: [
      filterPart(layer, tensor, kernel, from, order, false),
      vectorPart(checkpoint, `${layer}.bias`),
    ],
    channels,
  };
}

/** A `space_to_depth` of its own: a convolution that picks corners. */
function cornersLayer(tower: string, output: string, from: Value): Made {
  const layer = `model.vision_tower.${tower}.${output}`;
  const { channels } = from;
  const lanes = lanesOf(from);
  const inputs = 4 * lanes;
  const order = focusOrder(1, channels);
  return {
    step: {
      op: "conv",
      input: from.map,
      output,
      layer,
      kernel: 2,
      stride: 2,
      padding: [0, 0, 0, 0],
      channels: 4 * channels,
      activation: "none",
    },
    parts: [
      {
        kind: "matrix",
        name: `${layer}.weight`,
        outputs: 4 * channels,
        inputs,
        keep: "f32",
        read() {
          const values = new Float32Array(4 * channels * inputs);
          for (let out = 0; out < 4 * channels; out += 1) {
            const { tap, channel } = order(out);
            values[out * inputs + tap * lanes + channel] = 1;
          }
          return Promise.resolve(values);
        },
      },
      {
        kind: "vector",
        name: `${layer}.bias`,
        read: () =>
          Promise.resolve(new Float32Array(roundUp(4 * channels, PANEL))),
      },
    ],
  };
}

/** Where a value of a filter, as a checkpoint counts them, goes. */
type Ordering = (index: number) => {
  /** In `[y, x]` of the filter as it is run. */
  readonly tap: number;
  readonly channel: number;
};

/** `[in, y, x]`. */
function filterOrder(kernel: number): Ordering {
  const taps = kernel ** 2;
  return (index) => ({
    tap: index % taps,
    channel: Math.floor(index / taps),
  });
}

/**
 * `[corner, in, y, x]` over halves of a map; corners are top left, bottom left,
 * top right, bottom right.
 */
function focusOrder(own: number, channels: number): Ordering {
  const taps = own ** 2;
  return (index) => {
    const corner = Math.floor(index / (taps * channels));
    const tap = index % taps;
    const y = 2 * Math.floor(tap / own) + (corner % 2);
    const x = 2 * (tap % own) + Math.floor(corner / 2);
    const channel = Math.floor(index / taps) % channels;
    return { tap: y * 2 * own + x, channel };
  };
}

/**
 * A filter as rows of what it sees: `[out, (y, x, lanes)]`.
 *
 * @param isKept whether it stays in f32.
 */
function filterPart(
  layer: string,
  tensor: CheckpointTensor,
  kernel: number,
  from: Value,
  order: Ordering,
  isKept: boolean,
): EdgePart {
  const outputs = tensor.shape[0]!;
  const lanes = lanesOf(from);
  const inputs = kernel ** 2 * lanes;
  const seen = tensor.count / outputs;
  if (seen !== kernel ** 2 * from.channels) {
    throw new FlorenceError(
      "bundle_invalid",
      `${layer}.weight sees ${seen} values where its input has ${kernel ** 2 * from.channels}.`,
    );
  }
  return {
    kind: "matrix",
    name: `${layer}.weight`,
    outputs,
    inputs,
    // What the first filters lose of the pixels nothing brings back.
    ...((isKept || from.map === "image") && { keep: "f32" as const }),
    async read() {
      const values = await readAll(tensor);
      const rows = new Float32Array(outputs * inputs);
      for (let index = 0; index < seen; index += 1) {
        const { tap, channel } = order(index);
        const to = tap * lanes + channel;
        for (let out = 0; out < outputs; out += 1) {
          rows[out * inputs + to] = values[out * seen + index]!;
        }
      }
      return rows;
    },
  };
}

/** The image's pixels are as they are, others' whole panels. */
function lanesOf({ map, channels }: Value): number {
  return map === "image" ? channels : roundUp(channels, PANEL);
}

function sideOfFilter(step: ConvStep, { shape }: CheckpointTensor): number {
  const [, , height, width] = shape as [number, number, number, number];
  if (height === width) return height;
  throw new FlorenceError(
    "bundle_invalid",
    `${step.weight} is ${height} x ${width}; the kernels run square filters. Use another precision.`,
  );
}

function slide(
  side: number,
  step: { readonly stride: number; readonly padding: readonly number[] },
  kernel: number,
): number {
  const [top, , bottom] = step.padding as [number, number, number, number];
  return Math.floor((side + top + bottom - kernel) / step.stride) + 1;
}
