// BART's encoder over one prompt, and what the decoder will attend to of it.

import { throwIfAborted } from "../../errors.ts";
import type { Prompt, RunOptions } from "../model.ts";
import { type Layout, layOut } from "./arena.ts";
import type { EdgePlan } from "./edge-plan.ts";
import type { KernelExports } from "./kernels.ts";
import { linear, linearScratch } from "./linear.ts";
import {
  addAndNormalize,
  addFeedForward,
  embeddingNorm,
  embedToken,
  F32,
  layerName,
  normalize,
  positionsOf,
  rowsOf,
  textScratch,
  type TextWork,
} from "./text-layers.ts";
import type { Weights } from "./weights.ts";

export type EncoderPiece = "wide" | "mixed" | "scratch";

/** Plans the encoder over `length` tokens. */
export function planEncoder(
  run: KernelExports,
  plan: EdgePlan,
  weights: Weights,
  length: number,
): Layout<EncoderPiece> {
  const { width, heads, decoder_layers: layers } = plan.text;
  const cross =
    layers === 0
      ? 0
      : linearScratch(
          run,
          weights.linear(`${layerName("decoder", 0)}.encoder_attn.kv`),
          length,
        );
  return layOut({
    wide: 3 * length * width * F32,
    mixed: length * width * F32,
    scratch: Math.max(
      textScratch(run, plan, weights, "encoder", length),
      run.attentionScratch(length, width / heads),
      cross,
    ),
  });
}

/** Tokens of a prompt: the image's, its hints, the text. */
export function promptLength({ features, ids }: Prompt): number {
  return features.tokens + features.hintIds.length + ids.length;
}

/** Bytes of what the decoder keeps of `length` tokens of the encoder. */
export function crossBytes({ text, cache }: EdgePlan, length: number): number {
  const each = cache === "f32" ? F32 : 2;
  return text.decoder_layers * length * 2 * text.width * each;
}

/** A prompt to encode, and where what the decoder attends to of it goes. */
export interface PromptMemory {
  /** Tokens, the image's with them. */
  readonly length: number;
  /**
   * `[layers, length, 2, d]`, f32 or, if weights are quantized, f16;
   * `keptBytes` bytes.
   */
  readonly cross: number;
  /** Writes the tokens' embeddings `[length, d]`. */
  readonly write: (at: number) => void;
}

/** Bytes of `PromptMemory.cross`: its hidden states lie there before. */
export function keptBytes(plan: EdgePlan, length: number): number {
  return Math.max(crossBytes(plan, length), length * plan.text.width * F32);
}

/**
 * Encodes prompts, layer by layer, so that each layer's weights are needed once,
 * and writes the keys and values the decoder attends to.
 *
 * @param told called with a prompt's index and the encoder's output of it
 *   `[length, d]`, a view.
 * @throws FlorenceError `deadline_exceeded`; what `weights.ready` throws.
 */
export async function encodePrompts(
  work: TextWork,
  prompts: readonly PromptMemory[],
  told: (index: number, hidden: Float32Array) => void,
  options: RunOptions,
): Promise<void> {
  const { arena, plan, weights } = work;
  const { width, encoder_layers: layers, decoder_layers: crosses } = plan.text;
  const all = prompts.map(({ length, cross, write }) => {
    const bytes = keptBytes(plan, length);
    // The last to be overwritten: where the last layer's keys and values go.
    const hidden = cross + bytes - length * width * F32;
    const each = crossBytes(plan, length) / Math.max(1, crosses);
    return { write, cross, length, hidden, each };
  });
  await weights.ready("encoder.embedding");
  for (const { write, hidden, length } of all) {
    write(hidden);
    work.run.addInto(hidden, positionsOf(work, "encoder"), length * width);
    normalize(work, embeddingNorm("encoder"), hidden, length);
  }
  for (let layer = 0; layer < layers; layer += 1) {
    await weights.ready(`encoder.${layer}`);
    for (const { hidden, length } of all) {
      throwIfAborted(options.signal);
      encodeLayer(work, layer, hidden, length);
    }
  }
  for (const [index, { hidden, length }] of all.entries()) {
    told(index, arena.floats(hidden, length * width));
  }
  for (let layer = 0; layer < crosses; layer += 1) {
    await weights.ready(`encoder.cross.${layer}`);
    for (const { cross, hidden, length, each } of all) {
      keepKeysAndValues(work, layer, hidden, length, cross + layer * each);
    }
  }
}

/** One layer over one prompt, in place. */
function encodeLayer(
  work: TextWork,
  layer: number,
  hidden: number,
  length: number,
): void {
  const { run, plan, weights, base } = work;
  const { width, heads } = plan.text;
  const { at } = planEncoder(run, plan, weights, length);
  const wide = base + at.wide;
  const mixed = base + at.mixed;
  const scratch = base + at.scratch;
  const line = width * F32;
  const name = layerName("encoder", layer);
  const all = rowsOf(wide, 3 * width);
  const qkv = weights.linear(`${name}.self_attn.qkv`);
  linear(run, qkv, rowsOf(hidden, width), length, all, scratch);
  run.attention(
    wide,
    3 * line,
    length,
    wide + line,
    3 * line,
    wide + 2 * line,
    3 * line,
    length,
    heads,
    width / heads,
    1 / Math.sqrt(width / heads),
    mixed,
    line,
    scratch,
  );
  const out = weights.linear(`${name}.self_attn.out_proj`);
  linear(run, out, rowsOf(mixed, width), length, rowsOf(wide, width), scratch);
  addAndNormalize(work, `${name}.self_attn_layer_norm`, hidden, wide, length);
  addFeedForward(work, name, hidden, wide, length, scratch);
}

/** What one layer of the decoder attends to of the encoder's output. */
function keepKeysAndValues(
  work: TextWork,
  layer: number,
  hidden: number,
  length: number,
  to: number,
): void {
  const { run, plan, weights, base } = work;
  const { width } = plan.text;
  const { at } = planEncoder(run, plan, weights, length);
  const wide = base + at.wide;
  const name = `${layerName("decoder", layer)}.encoder_attn.kv`;
  linear(
    run,
    weights.linear(name),
    rowsOf(hidden, width),
    length,
    rowsOf(wide, 2 * width),
    base + at.scratch,
  );
  keepValues(work, wide, length * 2 * width, to);
}

/** Copies f32 to what is remembered: as they are, or as f16. */
export function keepValues(
  { run, arena, plan }: TextWork,
  from: number,
  count: number,
  to: number,
): void {
  if (plan.cache === "f32") {
    const bytes = new Uint8Array(arena.memory.buffer);
    bytes.copyWithin(to, from, from + count * F32);
  } else {
    run.storeHalves(from, count, to);
  }
}

/** Writes a prompt's image and the embeddings of its tokens. */
export function writePrompt(
  work: TextWork,
  { features, ids }: Prompt,
  to: number,
): void {
  const { arena, plan } = work;
  arena.floats(to, features.data.length).set(features.data);
  let at = to + features.tokens * plan.text.width * F32;
  for (const id of [...features.hintIds, ...ids]) {
    embedToken(work, id, at);
    at += plan.text.width * F32;
  }
}
