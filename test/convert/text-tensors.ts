// The tensors of a language model of one layer a side, all values alike.

import type { TestTensor } from "./write-safetensors.ts";

/** A tensor of these values. */
export const single = (
  shape: number[],
  values: readonly number[],
): TestTensor => ({
  dtype: "F32",
  shape,
  values,
});
/** A tensor of one value. */
export const filled = (shape: number[], value = 0.1): TestTensor =>
  single(
    shape,
    new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(value),
  );

/** Encoder and decoder of `width`, 20 tokens, 32 positions. */
export function textTensors(width: number): Record<string, TestTensor> {
  const tensors: Record<string, TestTensor> = {};
  const text = "model.language_model";
  const linear = (at: string, outputs: number, inputs: number): void => {
    tensors[`${at}.weight`] = filled([outputs, inputs]);
    tensors[`${at}.bias`] = filled([outputs]);
  };
  const norm = (at: string): void => {
    tensors[`${at}.weight`] = filled([width], 1);
    tensors[`${at}.bias`] = filled([width]);
  };
  tensors[`${text}.shared.weight`] = filled([20, width]);
  for (const side of ["encoder", "decoder"]) {
    tensors[`${text}.${side}.embed_positions.weight`] = filled([34, width]);
    norm(`${text}.${side}.layernorm_embedding`);
    const layer = `${text}.${side}.layers.0`;
    for (const attention of side === "encoder"
      ? ["self_attn"]
      : ["self_attn", "encoder_attn"]) {
      for (const part of ["q_proj", "k_proj", "v_proj", "out_proj"]) {
        linear(`${layer}.${attention}.${part}`, width, width);
      }
      norm(`${layer}.${attention}_layer_norm`);
    }
    linear(`${layer}.fc1`, 2 * width, width);
    linear(`${layer}.fc2`, width, 2 * width);
    norm(`${layer}.final_layer_norm`);
  }
  return tensors;
}
