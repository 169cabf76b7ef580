// A tower's plan as a graph, step by step.

import { FlorenceError } from "../../shared/errors.ts";
import type { Checkpoint } from "../checkpoint.ts";
import type { TowerConfig, TowerStep } from "../hint-towers.ts";
import type { TextConfig } from "../model-config.ts";
import { GraphBuilder, type Graph, type Value } from "./graph.ts";
import { createLayers, type Layers, type Precision } from "./layers.ts";
import { axisOf, reshape, transpose } from "./shapes.ts";
import { stageEnds } from "./stage-ends.ts";

type ConvStep = Extract<TowerStep, { op: "conv" }>;

/**
 * The graph `tower.NAME`: `image` [B, 3, S, S] -> what heads and strides read.
 *
 * @param hasFeatures whether it also gives `image_features` [B, N, d], the
 *   value `features` through the projector.
 */
export function towerGraph(
  checkpoint: Checkpoint,
  tower: TowerConfig,
  text: TextConfig,
  precision: Precision,
  hasFeatures: boolean,
): Graph {
  const graph = new GraphBuilder(`tower.${tower.name}`);
  const layers = createLayers(
    graph,
    checkpoint,
    precisionOf(checkpoint, tower, precision),
  );
  const { size } = tower.input;
  const values = new Map<string, Value>([
    ["image", graph.input("image", "float32", ["batch", 3, size, size])],
  ]);
  const valueOf = (name: string): Value => {
    const value = values.get(name);
    if (value !== undefined) return value;
    throw new FlorenceError(
      "bundle_invalid",
      `The plan of tower ${tower.name} in config.json uses "${name}" before it is made.`,
    );
  };
  const wanted =
    tower.kind === "classifier"
      ? tower.heads.map((head) => head.output)
      : tower.strides.map((stride) => `stride_${stride}`);
  const ends = stageEnds(tower.plan, (name) => checkpoint.tensor(name).shape);
  for (const step of tower.plan) {
    const value = runStep(layers, step, valueOf);
    values.set(step.output, value);
    graph.landmark(step.output, value, ends.has(step.output));
  }
  if (tower.kind === "classifier" && tower.outline !== undefined) {
    const { output } = tower.outline;
    const map = valueOf(tower.outputs[output] ?? output);
    graph.output(output, map, "float32", ["batch", 1, "rows", "columns"]);
  }
  for (const name of wanted) {
    const value = valueOf(tower.outputs[name] ?? name);
    const shape =
      tower.kind === "classifier"
        ? ["batch", `${name}_labels`]
        : ["batch", `${name}_cells`, 5 + tower.labels.length];
    graph.output(name, value, "float32", shape);
  }
  if (hasFeatures) {
    const map = transpose(
      graph,
      valueOf(tower.outputs["features"]!),
      [0, 2, 3, 1],
    );
    const channels = checkpoint.tensor(
      "model.multi_modal_projector.image_projection.weight",
    ).shape[1]!;
    const projected = layers.linear(
      reshape(graph, map, [0, -1, channels]),
      "model.multi_modal_projector.image_projection",
      { bias: false, quantize: "never" },
    );
    const normed = layers.layerNorm(
      projected,
      "model.multi_modal_projector.image_proj_norm",
    );
    graph.output("image_features", normed, "float32", [
      "batch",
      "tokens",
      text.width,
    ]);
  }
  return graph.finish();
}

/** Towers below this keep their weights as float16 in an int8 bundle. */
const SMALLEST_INT8_TOWER = 2_000_000;

/**
 * YOLOX-nano in int8 saves 0.9 MB and moves its outputs by 5 % of their size;
 * EfficientNet-Lite2 in int8 saves 6 MB.
 */
function precisionOf(
  checkpoint: Checkpoint,
  tower: TowerConfig,
  precision: Precision,
): Precision {
  let parameters = 0;
  for (const step of tower.plan) {
    if ("weight" in step) parameters += checkpoint.tensor(step.weight).count;
  }
  const isSmall = parameters < SMALLEST_INT8_TOWER;
  return precision === "int8" && isSmall ? "fp16" : precision;
}

/** Multiply-accumulates of the plan's convolutions and linear layers. */
export function planMacs(checkpoint: Checkpoint, tower: TowerConfig): number {
  const sides = new Map([["image", tower.input.size]]);
  const sideOf = (name: string): number => sides.get(name) ?? 0;
  let macs = 0;
  for (const step of tower.plan) {
    switch (step.op) {
      case "conv": {
        const weight = checkpoint.tensor(step.weight);
        const side = slide(sideOf(step.input), step, weight.shape[2]!);
        macs += side * side * weight.count;
        sides.set(step.output, side);
        break;
      }
      case "linear":
        macs += checkpoint.tensor(step.weight).count;
        break;
      case "max_pool":
        sides.set(step.output, slide(sideOf(step.input), step, step.kernel));
        break;
      case "average_pool":
        sides.set(step.output, step.size);
        break;
      case "upsample_nearest":
        sides.set(step.output, sideOf(step.input) * step.scale);
        break;
      case "space_to_depth":
        sides.set(step.output, sideOf(step.input) / 2);
        break;
      case "concat":
      case "add":
        sides.set(step.output, sideOf(step.inputs[0]));
        break;
      case "flatten_grid":
        break;
    }
  }
  return macs;
}

function slide(
  side: number,
  step: { stride: number; padding: readonly number[] },
  kernel: number,
): number {
  const [top, , bottom] = step.padding as [number, number, number, number];
  return Math.floor((side + top + bottom - kernel) / step.stride) + 1;
}

function runStep(
  layers: Layers,
  step: TowerStep,
  valueOf: (name: string) => Value,
): Value {
  const { graph } = layers;
  switch (step.op) {
    case "conv":
      return activate(
        layers,
        step.activation,
        convolve(layers, step, valueOf(step.input)),
      );
    case "linear": {
      const flat = graph.node("Flatten", [valueOf(step.input)], {
        axis: { int: 1 },
      });
      // Quantizing what comes in moves scores across the heads' thresholds.
      return layers.linear(flat, layerName(step), { quantize: "weights" });
    }
    case "max_pool":
      return graph.node("MaxPool", [valueOf(step.input)], {
        kernel_shape: { ints: [step.kernel, step.kernel] },
        strides: { ints: [step.stride, step.stride] },
        pads: { ints: step.padding },
      });
    case "average_pool":
      return graph.node("GlobalAveragePool", [valueOf(step.input)]);
    case "upsample_nearest": {
      const scales = graph.constant({
        type: "float32",
        dims: [4],
        values: [1, 1, step.scale, step.scale],
      });
      return graph.node("Resize", [valueOf(step.input), "", scales], {
        mode: { string: "nearest" },
        coordinate_transformation_mode: { string: "asymmetric" },
        nearest_mode: { string: "floor" },
      });
    }
    case "concat":
      return graph.node("Concat", step.inputs.map(valueOf), {
        axis: { int: 1 },
      });
    case "add":
      return graph.node("Add", step.inputs.map(valueOf));
    case "space_to_depth":
      return spaceToDepth(layers, valueOf(step.input));
    case "flatten_grid": {
      const map = transpose(graph, valueOf(step.input), [0, 2, 3, 1]);
      const channels = axisOf(graph, map, 3);
      return reshape(graph, map, [0, -1, channels]);
    }
  }
}

function convolve(layers: Layers, step: ConvStep, x: Value): Value {
  const { stride, padding, groups } = step;
  return layers.conv(x, layerName(step), { stride, padding, groups });
}

/** The common name of a step's weight and bias. */
export function layerName(step: {
  readonly weight: string;
  readonly bias: string;
}): string {
  const name = step.weight.replace(/\.weight$/u, "");
  if (step.weight === `${name}.weight` && step.bias === `${name}.bias`)
    return name;
  throw new FlorenceError(
    "bundle_invalid",
    `A step of config.json has the weight ${step.weight} and the bias ${step.bias}; they must be NAME.weight and NAME.bias.`,
  );
}

function activate(
  { graph }: Layers,
  activation: ConvStep["activation"],
  x: Value,
): Value {
  switch (activation) {
    case "none":
      return x;
    case "relu":
      return graph.node("Relu", [x]);
    case "relu6":
      return graph.node("Clip", [x, graph.float(0), graph.float(6)]);
    case "sigmoid":
      return graph.node("Sigmoid", [x]);
    case "silu":
      return graph.node("Mul", [x, graph.node("Sigmoid", [x])]);
  }
}

/** [B, C, h, w] -> [B, 4C, h/2, w/2]: top left, bottom left, top right, bottom right. */
function spaceToDepth({ graph }: Layers, x: Value): Value {
  const last = Number.MAX_SAFE_INTEGER;
  const corner = (row: number, column: number): Value =>
    graph.node("Slice", [
      x,
      graph.ints([row, column]),
      graph.ints([last, last]),
      graph.ints([2, 3]),
      graph.ints([2, 2]),
    ]);
  const corners = [corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)];
  return graph.node("Concat", corners, { axis: { int: 1 } });
}
