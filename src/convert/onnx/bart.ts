// BART, Florence-2's language model: an encoder over image and prompt, and a
// decoder that appends tokens. Post-norm, exact GELU, learned positions from
// row 2 on. Source: `modeling_bart.py` in huggingface/transformers.

import type { TextConfig } from "../model-config.ts";
import type { GraphBuilder, Value } from "./graph.ts";
import type { Layers } from "./layers.ts";
import { axisOf, reshape, slice, splitLast, transpose } from "./shapes.ts";

/** Tensors of the language model begin so. */
export const TEXT = "model.language_model";
/** The embedding, and the head where it is tied. */
export const EMBEDDING = `${TEXT}.shared.weight`;
/** Rows of the position tables that are never used. */
const UNUSED_POSITIONS = 2;
/** Added to what may not be attended; far below any score, far from infinity. */
const MASKED = -1e30;

/** Keys and values, `[B, heads, length, head width]`. */
export interface KeyValue {
  readonly key: Value;
  readonly value: Value;
}

/**
 * The encoder.
 *
 * @param embedded `[P, S, d]`, image tokens first.
 * @param mask int64 `[P, S]`, 0 where nothing is to be attended.
 * @returns `[P, S, d]`.
 */
export function buildEncoder(
  layers: Layers,
  config: TextConfig,
  embedded: Value,
  mask: Value,
): Value {
  const { graph } = layers;
  const length = axisOf(graph, embedded, 1);
  let h = addPositions(layers, "encoder", embedded, graph.ints([0]), length);
  const bias = maskBias(graph, mask);
  for (let index = 0; index < config.encoderLayers; index += 1) {
    const name = `${TEXT}.encoder.layers.${index}`;
    const [q, k, v] = projectTogether(layers, `${name}.self_attn`, h);
    const query = splitHeads(graph, config, q!, [0, 0]); // [P, heads, S, hd]
    const key = splitHeads(graph, config, k!, [0, 0]);
    const value = splitHeads(graph, config, v!, [0, 0]);
    const context = attend(graph, config, query, { key, value }, bias);
    const joined = reshape(graph, transpose(graph, context, [0, 2, 1, 3]), [
      0,
      0,
      config.width,
    ]);
    h = residual(
      layers,
      h,
      layers.linear(joined, `${name}.self_attn.out_proj`),
      `${name}.self_attn_layer_norm`,
    );
    h = feedForward(layers, name, h);
  }
  return h;
}

/** What a decoder layer attends to of the encoder's output `[P, S, d]`. */
export function buildCrossKeyValue(
  layers: Layers,
  config: TextConfig,
  layer: number,
  hidden: Value,
): KeyValue {
  const name = `${TEXT}.decoder.layers.${layer}.encoder_attn`;
  const [key, value] = splitLast(
    layers.graph,
    layers.linear(hidden, [`${name}.k_proj`, `${name}.v_proj`]),
    2,
  );
  return {
    key: splitHeads(layers.graph, config, key!, [0, 0]),
    value: splitHeads(layers.graph, config, value!, [0, 0]),
  };
}

/** One pass of the decoder over new tokens. */
export interface DecoderPass {
  /** New tokens, embedded, `[R * t, d]`, row by row. */
  readonly embedded: Value;
  /** Rows R, and new tokens per row t, int64 of one element. */
  readonly rows: Value;
  readonly tokens: Value;
  /** Whether t is always 1: then nothing needs a causal mask. */
  readonly isOneToken: boolean;
  /** Past keys and values by layer, `[R, heads, T, hd]`. */
  readonly past: readonly KeyValue[];
  /** By layer, `[P, heads, S, hd]`; row r answers prompt floor(r * P / R). */
  readonly cross: readonly KeyValue[];
  /** Prompts P, int64 of one element. */
  readonly prompts: Value;
  /** int64 `[P, S]`. */
  readonly crossMask: Value;
}

/**
 * The decoder.
 *
 * The rows of one prompt go into the query axis of cross-attention, so that its
 * keys and values are never repeated.
 *
 * @returns the hidden state `[R * t, d]` and the grown cache.
 */
export function buildDecoder(
  layers: Layers,
  config: TextConfig,
  pass: DecoderPass,
): { readonly hidden: Value; readonly present: readonly KeyValue[] } {
  const { graph } = layers;
  const { rows, tokens, isOneToken } = pass;
  const pastLength = axisOf(graph, pass.past[0]!.key, 2);
  const perRow = reshape(graph, pass.embedded, [rows, tokens, config.width]);
  const positioned = addPositions(
    layers,
    "decoder",
    perRow,
    pastLength,
    tokens,
  );
  let h = reshape(graph, positioned, [-1, config.width]); // [R*t, d]
  const causal = isOneToken ? null : causalBias(graph, pastLength, tokens);
  const crossBias = maskBias(graph, pass.crossMask);
  const present: KeyValue[] = [];
  for (let index = 0; index < config.decoderLayers; index += 1) {
    const name = `${TEXT}.decoder.layers.${index}`;
    const [q, k, v] = projectTogether(layers, `${name}.self_attn`, h);
    const split = (x: Value): Value =>
      isOneToken
        ? reshape(graph, x, [0, config.heads, 1, config.headWidth])
        : splitHeads(graph, config, x, [rows, tokens]);
    const past = pass.past[index]!;
    const own = {
      key: graph.node("Concat", [past.key, split(k!)], { axis: { int: 2 } }),
      value: graph.node("Concat", [past.value, split(v!)], {
        axis: { int: 2 },
      }),
    };
    present.push(own);
    let context = attend(graph, config, split(q!), own, causal); // [R, heads, t, hd]
    if (!isOneToken) context = transpose(graph, context, [0, 2, 1, 3]);
    context = reshape(graph, context, [-1, config.width]);
    h = residual(
      layers,
      h,
      layers.linear(context, `${name}.self_attn.out_proj`),
      `${name}.self_attn_layer_norm`,
    );

    const crossQuery = splitHeads(
      graph,
      config,
      layers.linear(h, `${name}.encoder_attn.q_proj`),
      [pass.prompts, -1],
    );
    context = attend(graph, config, crossQuery, pass.cross[index]!, crossBias); // [P, heads, K*t, hd]
    context = reshape(graph, transpose(graph, context, [0, 2, 1, 3]), [
      -1,
      config.width,
    ]);
    h = residual(
      layers,
      h,
      layers.linear(context, `${name}.encoder_attn.out_proj`),
      `${name}.encoder_attn_layer_norm`,
    );
    h = feedForward(layers, name, h);
  }
  return { hidden: h, present };
}

/**
 * Logits `[R, V]` of hidden states `[R, d]`.
 *
 * @param hasBias whether the original's `final_logits_bias` is not all zero.
 */
export function buildHead(
  layers: Layers,
  config: TextConfig,
  hidden: Value,
  hasBias: boolean,
): Value {
  const logits = layers.head(
    config.isTied ? EMBEDDING : "lm_head.weight",
    hidden,
  );
  if (!hasBias) return logits;
  const bias = layers.table("final_logits_bias", { dims: [config.vocabulary] });
  return layers.graph.node("Add", [logits, bias]);
}

function addPositions(
  layers: Layers,
  side: "encoder" | "decoder",
  x: Value,
  start: Value,
  count: Value,
): Value {
  const { graph } = layers;
  const table = layers.table(`${TEXT}.${side}.embed_positions.weight`);
  const from = graph.node("Add", [start, graph.ints([UNUSED_POSITIONS])]);
  const rows = slice(
    graph,
    table,
    [from],
    [graph.node("Add", [from, count])],
    [0],
  );
  return layers.layerNorm(
    graph.node("Add", [x, rows]),
    `${TEXT}.${side}.layernorm_embedding`,
  );
}

function projectTogether(
  layers: Layers,
  name: string,
  x: Value,
): readonly Value[] {
  const names = ["q_proj", "k_proj", "v_proj"].map((part) => `${name}.${part}`);
  return splitLast(layers.graph, layers.linear(x, names), 3);
}

/** `[..., d]` -> `[a, heads, b, hd]`. */
function splitHeads(
  graph: GraphBuilder,
  config: TextConfig,
  x: Value,
  axes: readonly (number | Value)[],
): Value {
  const perHead = reshape(graph, x, [...axes, config.heads, config.headWidth]);
  return transpose(graph, perHead, [0, 2, 1, 3]);
}

function attend(
  graph: GraphBuilder,
  config: TextConfig,
  query: Value,
  { key, value }: KeyValue,
  bias: Value | null,
): Value {
  const scaled = graph.node("Mul", [
    query,
    graph.float(config.headWidth ** -0.5),
  ]);
  let scores = graph.node("MatMul", [
    scaled,
    transpose(graph, key, [0, 1, 3, 2]),
  ]);
  if (bias !== null) scores = graph.node("Add", [scores, bias]);
  const weights = graph.node("Softmax", [scores], { axis: { int: -1 } });
  return graph.node("MatMul", [weights, value]);
}

function residual(
  layers: Layers,
  h: Value,
  change: Value,
  norm: string,
): Value {
  return layers.layerNorm(layers.graph.node("Add", [h, change]), norm);
}

function feedForward(layers: Layers, name: string, h: Value): Value {
  const hidden = layers.gelu(layers.linear(h, `${name}.fc1`));
  return residual(
    layers,
    h,
    layers.linear(hidden, `${name}.fc2`),
    `${name}.final_layer_norm`,
  );
}

/** int64 `[P, S]` -> what is added to scores, `[P, 1, 1, S]`. */
function maskBias(graph: GraphBuilder, mask: Value): Value {
  const isOff = graph.node("Equal", [mask, graph.int(0)]);
  const bias = graph.node("Where", [
    isOff,
    graph.float(MASKED),
    graph.float(0),
  ]);
  return graph.node("Unsqueeze", [bias, graph.ints([1, 2])]);
}

/** New token i sees the past and new tokens up to i: `[t, T + t]`. */
function causalBias(
  graph: GraphBuilder,
  pastLength: Value,
  tokens: Value,
): Value {
  const total = graph.node("Add", [pastLength, tokens]);
  const scalar = (x: Value): Value => graph.node("Squeeze", [x]);
  const range = (from: Value, to: Value): Value =>
    graph.node("Range", [scalar(from), scalar(to), graph.int(1)]);
  const own = graph.node("Unsqueeze", [
    range(pastLength, total),
    graph.ints([1]),
  ]);
  const isLater = graph.node("Greater", [range(graph.ints([0]), total), own]);
  return graph.node("Where", [isLater, graph.float(MASKED), graph.float(0)]);
}
