// The four graphs that transformers.js expects of a Florence-2, made of the
// same layers as ours. Names: the public ONNX exports and
// `modeling_florence2.js` of huggingface/transformers.js.

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
import { GraphBuilder, type Graph, type Port } from "./graph.ts";
import { createLayers, type Precision } from "./layers.ts";
import { axisOf, reshape } from "./shapes.ts";

/** All four, in the order of their use. */
export function transformersJsGraphs(
  checkpoint: Checkpoint,
  davit: DavitConfig,
  text: TextConfig,
  precision: Precision,
  hasBias: boolean,
): readonly Graph[] {
  return [
    visionEncoder(checkpoint, davit, text, precision),
    embedTokens(checkpoint, text, precision),
    encoderModel(checkpoint, text, precision),
    decoderModelMerged(checkpoint, text, precision, hasBias),
  ];
}

function visionEncoder(
  checkpoint: Checkpoint,
  davit: DavitConfig,
  text: TextConfig,
  precision: Precision,
): Graph {
  const graph = new GraphBuilder("vision_encoder");
  const layers = createLayers(graph, checkpoint, precision);
  const pixels = graph.input("pixel_values", "float32", [
    "batch_size",
    3,
    "height",
    "width",
  ]);
  const features = buildProjector(layers, buildDavit(layers, davit, pixels));
  graph.output("image_features", features, "float32", [
    "batch_size",
    "tokens",
    text.width,
  ]);
  return graph.finish();
}

function embedTokens(
  checkpoint: Checkpoint,
  text: TextConfig,
  precision: Precision,
): Graph {
  const graph = new GraphBuilder("embed_tokens");
  const layers = createLayers(graph, checkpoint, precision);
  const ids = graph.input("input_ids", "int64", [
    "batch_size",
    "sequence_length",
  ]);
  graph.output("inputs_embeds", layers.embed(EMBEDDING, ids), "float32", [
    "batch_size",
    "sequence_length",
    text.width,
  ]);
  return graph.finish();
}

function encoderModel(
  checkpoint: Checkpoint,
  text: TextConfig,
  precision: Precision,
): Graph {
  const graph = new GraphBuilder("encoder_model");
  const layers = createLayers(graph, checkpoint, precision);
  const mask = graph.input("attention_mask", "int64", [
    "batch_size",
    "encoder_length",
  ]);
  const shape = ["batch_size", "encoder_length", text.width];
  const embedded = graph.input("inputs_embeds", "float32", shape);
  graph.output(
    "last_hidden_state",
    buildEncoder(layers, text, embedded, mask),
    "float32",
    shape,
  );
  return graph.finish();
}

/**
 * One graph, two branches: the first step makes the encoder's keys and values,
 * later ones take them from `past_key_values` and give empty ones back.
 */
function decoderModelMerged(
  checkpoint: Checkpoint,
  text: TextConfig,
  precision: Precision,
  hasBias: boolean,
): Graph {
  const graph = new GraphBuilder("decoder_model_merged");
  const layers = createLayers(graph, checkpoint, precision);
  const mask = graph.input("encoder_attention_mask", "int64", [
    "batch_size",
    "encoder_length",
  ]);
  const embedded = graph.input("inputs_embeds", "float32", [
    "batch_size",
    "sequence_length",
    text.width,
  ]);
  const hidden = graph.input("encoder_hidden_states", "float32", [
    "batch_size",
    "encoder_length",
    text.width,
  ]);
  const pastOf = (side: "decoder" | "encoder"): KeyValue[] =>
    Array.from({ length: text.decoderLayers }, (_, layer) => {
      const shape = [
        "batch_size",
        text.heads,
        `past_${side}_length`,
        text.headWidth,
      ];
      const name = `past_key_values.${layer}.${side}`;
      return {
        key: graph.input(`${name}.key`, "float32", shape),
        value: graph.input(`${name}.value`, "float32", shape),
      };
    });
  const past = pastOf("decoder");
  const pastCross = pastOf("encoder");
  const useCache = graph.input("use_cache_branch", "bool", [1]);

  const outputs = outputPorts(text);
  const branch = (
    name: string,
    isFirst: boolean,
  ): ReturnType<GraphBuilder["branch"]> =>
    graph.branch(name, () => {
      const cross = isFirst
        ? past.map((_, layer) =>
            buildCrossKeyValue(layers, text, layer, hidden),
          )
        : pastCross;
      const rows = axisOf(graph, embedded, 0);
      const tokens = axisOf(graph, embedded, 1);
      const result = buildDecoder(layers, text, {
        embedded: reshape(graph, embedded, [-1, text.width]),
        rows,
        tokens,
        isOneToken: false,
        past,
        cross,
        prompts: rows,
        crossMask: mask,
      });
      const logits = buildHead(layers, text, result.hidden, hasBias);
      const ports = outputs.map((port): Port => ({
        ...port,
        name: `${name}.${port.name}`,
      }));
      const give = (index: number, value: string): void => {
        graph.nodeTo([ports[index]!.name], "Identity", [value]);
      };
      give(0, reshape(graph, logits, [rows, tokens, text.vocabulary]));
      for (const [layer, own] of result.present.entries()) {
        const at = 1 + 4 * layer;
        const far = isFirst ? cross[layer]! : null;
        give(at, own.key);
        give(at + 1, own.value);
        give(at + 2, far?.key ?? empty(graph, text));
        give(at + 3, far?.value ?? empty(graph, text));
      }
      return ports;
    });
  const attributes = {
    then_branch: { graph: branch("cached", false) },
    else_branch: { graph: branch("first", true) },
  };
  graph.nodeTo(
    outputs.map((port) => port.name),
    "If",
    [useCache],
    attributes,
  );
  graph.outputs.push(...outputs);
  return graph.finish();
}

function outputPorts(text: TextConfig): readonly Port[] {
  const ports: Port[] = [
    {
      name: "logits",
      type: "float32",
      shape: ["batch_size", "sequence_length", text.vocabulary],
    },
  ];
  for (let layer = 0; layer < text.decoderLayers; layer += 1) {
    for (const side of ["decoder", "encoder"] as const) {
      for (const kind of ["key", "value"] as const) {
        const shape = [
          `present_${side}_batch`,
          text.heads,
          `present_${side}_length`,
          text.headWidth,
        ];
        ports.push({
          name: `present.${layer}.${side}.${kind}`,
          type: "float32",
          shape,
        });
      }
    }
  }
  return ports;
}

/** A placeholder of no values, `[0, heads, 1, hd]`. */
function empty(graph: GraphBuilder, text: TextConfig): string {
  return graph.node("ConstantOfShape", [
    graph.ints([0, text.heads, 1, text.headWidth]),
  ]);
}
