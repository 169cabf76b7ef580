// The graphs of a bundle in our own layout. Names and shapes of inputs and
// outputs are what `src/shared/model/onnx` feeds and reads.

import type { Checkpoint } from "../checkpoint.ts";
import type { DavitConfig, TextConfig } from "../model-config.ts";
import {
  buildCrossKeyValue,
  buildDecoder,
  buildEncoder,
  buildHead,
  EMBEDDING,
  type KeyValue,
} from "./bart.ts";
import { buildDavit, buildProjector } from "./davit.ts";
import { GraphBuilder, type Graph } from "./graph.ts";
import { createLayers, type Precision } from "./layers.ts";
import { axisOf, reshape } from "./shapes.ts";

/** `pixel_values` [B, 3, S, S] -> `image_features` [B, 1 + (S/32)^2, d]. */
export function visionGraph(
  checkpoint: Checkpoint,
  davit: DavitConfig,
  text: TextConfig,
  precision: Precision,
): Graph {
  const graph = new GraphBuilder("vision");
  const layers = createLayers(graph, checkpoint, precision);
  const pixels = graph.input("pixel_values", "float32", [
    "batch",
    3,
    "height",
    "width",
  ]);
  const features = buildProjector(layers, buildDavit(layers, davit, pixels));
  graph.output("image_features", features, "float32", [
    "batch",
    "tokens",
    text.width,
  ]);
  return graph.finish();
}

/**
 * `image_features` [P, N, d], `text_ids` [P, T], `attention_mask` [P, N + T] ->
 * `encoder_hidden_states` [P, N + T, d] and each decoder layer's `cross.L.key`
 * and `cross.L.value` [P, heads, N + T, hd]. N may be 0.
 */
export function encoderGraph(
  checkpoint: Checkpoint,
  text: TextConfig,
  precision: Precision,
): Graph {
  const graph = new GraphBuilder("encoder");
  const layers = createLayers(graph, checkpoint, precision);
  const features = graph.input("image_features", "float32", [
    "prompts",
    "image_tokens",
    text.width,
  ]);
  const ids = graph.input("text_ids", "int64", ["prompts", "text_tokens"]);
  const mask = graph.input("attention_mask", "int64", ["prompts", "tokens"]);
  const embedded = graph.node(
    "Concat",
    [features, layers.embed(EMBEDDING, ids)],
    { axis: { int: 1 } },
  );
  const hidden = buildEncoder(layers, text, embedded, mask);
  graph.output("encoder_hidden_states", hidden, "float32", [
    "prompts",
    "tokens",
    text.width,
  ]);
  const shape = ["prompts", text.heads, "tokens", text.headWidth];
  for (let layer = 0; layer < text.decoderLayers; layer += 1) {
    const { key, value } = buildCrossKeyValue(layers, text, layer, hidden);
    graph.output(`cross.${layer}.key`, key, "float32", shape);
    graph.output(`cross.${layer}.value`, value, "float32", shape);
  }
  return graph.finish();
}

/**
 * `input_ids` [R, 1], `parents` [R], `past.L.key|value` [Rprev, heads, T, hd],
 * `cross.L.key|value` [P, heads, S, hd], `encoder_attention_mask` [P, S] ->
 * `logits` [R, V], `present.L.key|value` [R, heads, T + 1, hd]. R = P * K; row
 * r answers prompt floor(r / K) and goes on from row `parents[r]` of the past.
 */
export function decoderGraph(
  checkpoint: Checkpoint,
  text: TextConfig,
  precision: Precision,
  hasBias: boolean,
): Graph {
  const graph = new GraphBuilder("decoder");
  const layers = createLayers(graph, checkpoint, precision);
  const ids = graph.input("input_ids", "int64", ["rows", 1]);
  const parents = graph.input("parents", "int64", ["rows"]);
  const pair = (
    name: string,
    shape: readonly (number | string)[],
  ): KeyValue => ({
    key: graph.input(`${name}.key`, "float32", shape),
    value: graph.input(`${name}.value`, "float32", shape),
  });
  const past: KeyValue[] = [];
  const cross: KeyValue[] = [];
  for (let layer = 0; layer < text.decoderLayers; layer += 1) {
    const own = pair(`past.${layer}`, [
      "previous_rows",
      text.heads,
      "past_tokens",
      text.headWidth,
    ]);
    past.push({
      key: graph.node("Gather", [own.key, parents], { axis: { int: 0 } }),
      value: graph.node("Gather", [own.value, parents], { axis: { int: 0 } }),
    });
    cross.push(
      pair(`cross.${layer}`, ["prompts", text.heads, "tokens", text.headWidth]),
    );
  }
  const crossMask = graph.input("encoder_attention_mask", "int64", [
    "prompts",
    "tokens",
  ]);
  const { hidden, present } = buildDecoder(layers, text, {
    embedded: layers.embed(EMBEDDING, reshape(graph, ids, [-1])),
    rows: axisOf(graph, ids, 0),
    tokens: graph.ints([1]),
    isOneToken: true,
    past,
    cross,
    prompts: axisOf(graph, crossMask, 0),
    crossMask,
  });
  graph.output("logits", buildHead(layers, text, hidden, hasBias), "float32", [
    "rows",
    text.vocabulary,
  ]);
  for (const [layer, { key, value }] of present.entries()) {
    const shape = ["rows", text.heads, "grown_tokens", text.headWidth];
    graph.output(`present.${layer}.key`, key, "float32", shape);
    graph.output(`present.${layer}.value`, value, "float32", shape);
  }
  return graph.finish();
}
