// What of a checkpoint the language side needs, and in which shape.

import type { Checkpoint } from "../checkpoint.ts";
import type { TextConfig } from "../model-config.ts";
import {
  type EdgePart,
  linearParts,
  normParts,
  readAll,
  zeros,
} from "./edge-part.ts";

const TEXT = "model.language_model";
/** Rows of the position tables that are never used. */
const UNUSED_POSITIONS = 2;

/**
 * Parts in the order they are used: encoder, what makes the keys and values of
 * its output, decoder, head.
 */
export function textParts(
  checkpoint: Checkpoint,
  text: TextConfig,
): EdgePart[] {
  const parts: EdgePart[] = [];
  for (const side of ["encoder", "decoder"] as const) {
    const layers = side === "encoder" ? text.encoderLayers : text.decoderLayers;
    if (side === "decoder") parts.push(...crossParts(checkpoint, layers));
    parts.push(
      positionPart(checkpoint, side, text),
      ...normParts(checkpoint, `${TEXT}.${side}.layernorm_embedding`),
    );
    for (let layer = 0; layer < layers; layer += 1) {
      const name = `${TEXT}.${side}.layers.${layer}`;
      parts.push(...attentionParts(checkpoint, `${name}.self_attn`));
      if (side === "decoder") {
        parts.push(...queryParts(checkpoint, `${name}.encoder_attn`));
      }
      parts.push(
        ...linearParts(checkpoint, `${name}.fc1`),
        ...linearParts(checkpoint, `${name}.fc2`),
        ...normParts(checkpoint, `${name}.final_layer_norm`),
      );
    }
  }
  parts.push(...vocabularyParts(checkpoint, text, "embedding"));
  if (!text.isTied) parts.push(...vocabularyParts(checkpoint, text, "head"));
  return parts;
}

/** Query, key and value side by side; output; norm. */
function attentionParts(checkpoint: Checkpoint, name: string): EdgePart[] {
  const from = ["q", "k", "v"].map((one) => `${name}.${one}_proj`);
  return [
    ...linearParts(checkpoint, `${name}.qkv`, from),
    ...linearParts(checkpoint, `${name}.out_proj`),
    ...normParts(checkpoint, `${name}_layer_norm`),
  ];
}

/** Key and value of the encoder's output side by side, of all layers. */
function crossParts(checkpoint: Checkpoint, layers: number): EdgePart[] {
  return Array.from({ length: layers }, (_, layer) => {
    const name = `${TEXT}.decoder.layers.${layer}.encoder_attn`;
    const from = ["k", "v"].map((one) => `${name}.${one}_proj`);
    return linearParts(checkpoint, `${name}.kv`, from);
  }).flat();
}

/** Query, output and norm of the attention to the encoder's output. */
function queryParts(checkpoint: Checkpoint, name: string): EdgePart[] {
  return [
    ...linearParts(checkpoint, `${name}.q_proj`),
    ...linearParts(checkpoint, `${name}.out_proj`),
    ...normParts(checkpoint, `${name}_layer_norm`),
  ];
}

/** The embedding, which is the head too where they are tied. */
function vocabularyParts(
  checkpoint: Checkpoint,
  text: TextConfig,
  name: "embedding" | "head",
): EdgePart[] {
  const source = name === "head" ? "lm_head.weight" : `${TEXT}.shared.weight`;
  const tensor = checkpoint.tensor(source);
  const bias = checkpoint.tensors.get("final_logits_bias");
  const count = Math.ceil(text.vocabulary / 8) * 8;
  return [
    {
      kind: "matrix",
      name: `${name}.weight`,
      outputs: text.vocabulary,
      inputs: text.width,
      read: () => readAll(tensor),
    },
    bias === undefined
      ? zeros(`${name}.bias`, count)
      : {
          kind: "vector",
          name: `${name}.bias`,
          async read() {
            const values = new Float32Array(count);
            values.set(await readAll(bias));
            return values;
          },
        },
  ];
}

function positionPart(
  checkpoint: Checkpoint,
  side: "encoder" | "decoder",
  text: TextConfig,
): EdgePart {
  const name = `${TEXT}.${side}.embed_positions.weight`;
  const tensor = checkpoint.tensor(name);
  return {
    kind: "vector",
    name,
    read: () =>
      tensor.read(
        UNUSED_POSITIONS * text.width,
        tensor.count - UNUSED_POSITIONS * text.width,
      ),
  };
}
