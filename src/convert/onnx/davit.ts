// DaViT, Florence-2's vision tower, and its projector, for any batch and any
// image size. Sources: `modeling_florence2.py` in huggingface/transformers;
// shapes in comments, C channels of the stage, N = H * W tokens, w the window.

import type { DavitConfig, DavitStage } from "../model-config.ts";
import type { GraphBuilder, Value } from "./graph.ts";
import type { Layers } from "./layers.ts";
import {
  axisOf,
  reshape,
  shapeOf,
  slice,
  splitLast,
  transpose,
} from "./shapes.ts";

const TOWER = "model.vision_tower";
const PROJECTOR = "model.multi_modal_projector";

/** What stays the same within a stage. */
interface Grid {
  readonly stage: DavitStage;
  readonly height: Value;
  readonly width: Value;
  /** N^-0.5, the scale of channel attention. */
  readonly channelScale: Value;
  readonly windows: Windows;
}

interface Windows {
  readonly size: number;
  /** Windows down and across. */
  readonly rows: Value;
  readonly columns: Value;
  readonly paddedHeight: Value;
  readonly paddedWidth: Value;
  readonly pads: Value;
}

/** The tower: `pixel_values` [B, 3, S, S] -> [B, C4, S/32, S/32]. */
export function buildDavit(
  layers: Layers,
  config: DavitConfig,
  pixels: Value,
): Value {
  let x = pixels;
  for (const [index, stage] of config.stages.entries()) {
    x = convEmbed(layers, stage, `${TOWER}.convs.${index}`, x); // [B, C, H, W]
    const grid = gridOf(layers.graph, stage, config.window, x);
    for (let depth = 0; depth < stage.depth; depth += 1) {
      for (const kind of ["spatial", "channel"] as const) {
        const name = `${TOWER}.blocks.${index}.${depth}.${kind}_block`;
        x = halfBlock(layers, grid, name, kind, x);
      }
    }
    layers.graph.landmark(`stage_${index + 1}`, x, true);
  }
  return x;
}

/**
 * The projector: a feature map [B, C, h, w] -> [B, 1 + h*w, d]. The mean of all
 * places comes first.
 */
export function buildProjector(layers: Layers, map: Value): Value {
  const { graph, checkpoint } = layers;
  const height = axisOf(graph, map, 2);
  const width = axisOf(graph, map, 3);
  const rows = `${PROJECTOR}.image_position_embed.row_embeddings.weight`;
  const columns = `${PROJECTOR}.image_position_embed.column_embeddings.weight`;
  const halfRows = checkpoint.tensor(rows).shape[1]!;
  const halfColumns = checkpoint.tensor(columns).shape[1]!;
  const channels = halfRows + halfColumns;

  // Columns fill the first half of the channels although rows are listed first.
  const across = slice(graph, layers.table(columns), [0], [width], [0]); // [w, C/2]
  const down = slice(graph, layers.table(rows), [0], [height], [0]); // [h, C/2]
  const byColumn = graph.node("Expand", [
    reshape(graph, across, [1, width, halfColumns]),
    shapeOf(graph, [height, width, halfColumns]),
  ]);
  const byRow = graph.node("Expand", [
    reshape(graph, down, [height, 1, halfRows]),
    shapeOf(graph, [height, width, halfRows]),
  ]);
  const places = graph.node("Concat", [byColumn, byRow], { axis: { int: 2 } });

  let x = toTokens(graph, map, channels); // [B, N, C]
  x = graph.node("Add", [x, reshape(graph, places, [1, -1, channels])]);
  x = graph.node("Add", [x, temporalRow(layers, channels)]);
  const mean = graph.node("ReduceMean", [x, graph.ints([1])], {
    keepdims: { int: 1 },
  });
  x = graph.node("Concat", [mean, x], { axis: { int: 1 } });
  // In float: 0.3 % of the tower's work, and everything after hangs on it.
  x = layers.linear(x, `${PROJECTOR}.image_projection`, {
    bias: false,
    quantize: "never",
  });
  return layers.layerNorm(x, `${PROJECTOR}.image_proj_norm`);
}

/** Place 0 of the sinusoid over frames: 0, 1, 0, 1, ... */
function temporalRow(layers: Layers, channels: number): Value {
  const name = `${PROJECTOR}.visual_temporal_embed.pos_idx_to_embed`;
  const dims = [1, 1, channels];
  if (layers.checkpoint.tensors.has(name)) return layers.table(name, { dims });
  const values = Array.from({ length: channels }, (_, channel) => channel % 2);
  return layers.graph.constant({ type: "float32", dims, values });
}

function convEmbed(
  layers: Layers,
  stage: DavitStage,
  name: string,
  input: Value,
): Value {
  const { graph } = layers;
  const { stride, padding: side } = stage;
  const norm = (x: Value): Value => {
    const tokens = transpose(graph, x, [0, 2, 3, 1]);
    return transpose(
      graph,
      layers.layerNorm(tokens, `${name}.norm`),
      [0, 3, 1, 2],
    );
  };
  const x = stage.prenorm ? norm(input) : input;
  const y = layers.conv(x, `${name}.conv`, {
    stride,
    padding: [side, side, side, side],
  });
  return stage.prenorm ? y : norm(y);
}

function halfBlock(
  layers: Layers,
  grid: Grid,
  name: string,
  kind: "spatial" | "channel",
  input: Value,
): Value {
  const { graph } = layers;
  const { width: channels } = grid.stage;
  let x = depthwise(layers, `${name}.conv1`, channels, input);
  let t = toTokens(graph, x, channels); // [B, N, C]
  const normed = layers.layerNorm(t, `${name}.norm1`);
  const attended =
    kind === "spatial"
      ? windowAttention(layers, grid, `${name}.window_attn`, normed)
      : channelAttention(layers, grid, `${name}.channel_attn`, normed);
  t = graph.node("Add", [t, attended]);
  x = reshape(graph, transpose(graph, t, [0, 2, 1]), [
    0,
    channels,
    grid.height,
    grid.width,
  ]);
  x = depthwise(layers, `${name}.conv2`, channels, x);
  t = toTokens(graph, x, channels);
  let hidden = layers.linear(
    layers.layerNorm(t, `${name}.norm2`),
    `${name}.ffn.fc1`,
  );
  hidden = layers.linear(layers.gelu(hidden), `${name}.ffn.fc2`);
  t = graph.node("Add", [t, hidden]);
  return reshape(graph, transpose(graph, t, [0, 2, 1]), [
    0,
    channels,
    grid.height,
    grid.width,
  ]);
}

/** x + depthwise 3 x 3 of x. */
function depthwise(
  layers: Layers,
  name: string,
  channels: number,
  x: Value,
): Value {
  const y = layers.conv(x, name, {
    stride: 1,
    padding: [1, 1, 1, 1],
    groups: channels,
  });
  return layers.graph.node("Add", [x, y]);
}

/** Attention among the w * w tokens of each window, padding unmasked. */
function windowAttention(
  layers: Layers,
  grid: Grid,
  name: string,
  tokens: Value,
): Value {
  const { graph } = layers;
  const { stage, windows } = grid;
  const { width: channels, heads } = stage;
  const { size: w } = windows;
  const head = channels / heads;

  let x = reshape(graph, tokens, [0, grid.height, grid.width, channels]);
  // Zeros right and below, after the norm: there q, k and v are the bias.
  x = graph.node("Pad", [x, windows.pads, graph.float(0)]);
  x = reshape(graph, x, [0, windows.rows, w, windows.columns, w, channels]);
  x = reshape(graph, transpose(graph, x, [0, 1, 3, 2, 4, 5]), [
    -1,
    w * w,
    channels,
  ]);

  const [q, k, v] = splitLast(graph, layers.linear(x, `${name}.qkv`), 3); // [B*n, w*w, C]
  const perHead = (y: Value): Value => reshape(graph, y, [0, 0, heads, head]);
  const query = transpose(graph, perHead(q!), [0, 2, 1, 3]); // [B*n, h, w*w, 32]
  const key = transpose(graph, perHead(k!), [0, 2, 3, 1]); // [B*n, h, 32, w*w]
  const value = transpose(graph, perHead(v!), [0, 2, 1, 3]);
  const scaled = graph.node("Mul", [query, graph.float(head ** -0.5)]);
  const weights = softmax(graph, graph.node("MatMul", [scaled, key])); // [B*n, h, w*w, w*w]
  x = transpose(graph, graph.node("MatMul", [weights, value]), [0, 2, 1, 3]);
  x = layers.linear(reshape(graph, x, [0, 0, channels]), `${name}.proj`);

  x = reshape(graph, x, [-1, windows.rows, windows.columns, w, w, channels]);
  x = transpose(graph, x, [0, 1, 3, 2, 4, 5]);
  x = reshape(graph, x, [
    0,
    windows.paddedHeight,
    windows.paddedWidth,
    channels,
  ]);
  x = slice(graph, x, [0, 0], [grid.height, grid.width], [1, 2]);
  return reshape(graph, x, [0, -1, channels]); // [B, N, C]
}

/** Attention among the channels of each group, over all places. */
function channelAttention(
  layers: Layers,
  grid: Grid,
  name: string,
  tokens: Value,
): Value {
  const { graph } = layers;
  const { width: channels, groups } = grid.stage;
  const group = channels / groups;
  const [q, k, v] = splitLast(graph, layers.linear(tokens, `${name}.qkv`), 3); // [B, N, C]
  const perGroup = (y: Value, order: readonly number[]): Value =>
    transpose(graph, reshape(graph, y, [0, 0, groups, group]), order);
  // Scaled before the product: a sum over 36,864 places can overflow float16.
  const scaled = graph.node("Mul", [q!, grid.channelScale]);
  const query = perGroup(scaled, [0, 2, 3, 1]); // [B, g, 32, N]
  const key = perGroup(k!, [0, 2, 1, 3]); // [B, g, N, 32]
  const value = perGroup(v!, [0, 2, 1, 3]); // [B, g, N, 32]
  const weights = softmax(graph, graph.node("MatMul", [query, key])); // [B, g, 32, 32]
  // (a v)^T = v^T a^T, so that tokens stay in rows.
  const mixed = graph.node("MatMul", [
    value,
    transpose(graph, weights, [0, 1, 3, 2]),
  ]);
  const joined = reshape(graph, transpose(graph, mixed, [0, 2, 1, 3]), [
    0,
    0,
    channels,
  ]);
  return layers.linear(joined, `${name}.proj`);
}

function gridOf(
  graph: GraphBuilder,
  stage: DavitStage,
  size: number,
  x: Value,
): Grid {
  const height = axisOf(graph, x, 2);
  const width = axisOf(graph, x, 3);
  const places = graph.node("Cast", [graph.node("Mul", [height, width])], {
    to: { int: 1 },
  });
  const channelScale = graph.node("Reciprocal", [graph.node("Sqrt", [places])]);
  const window = graph.ints([size]);
  const countOf = (side: Value): Value =>
    graph.node("Div", [
      graph.node("Add", [side, graph.ints([size - 1])]),
      window,
    ]);
  const rows = countOf(height);
  const columns = countOf(width);
  const paddedHeight = graph.node("Mul", [rows, window]);
  const paddedWidth = graph.node("Mul", [columns, window]);
  const below = graph.node("Sub", [paddedHeight, height]);
  const right = graph.node("Sub", [paddedWidth, width]);
  const pads = shapeOf(graph, [0, 0, 0, 0, 0, below, right, 0]);
  const windows = { size, rows, columns, paddedHeight, paddedWidth, pads };
  return { stage, height, width, channelScale, windows };
}

function toTokens(graph: GraphBuilder, x: Value, channels: number): Value {
  return transpose(graph, reshape(graph, x, [0, channels, -1]), [0, 2, 1]);
}

function softmax(graph: GraphBuilder, x: Value): Value {
  return graph.node("Softmax", [x], { axis: { int: -1 } });
}
