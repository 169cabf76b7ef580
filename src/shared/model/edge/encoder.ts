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

export type EncoderPiece = "hidden" | "wide" | "mixed" | "scratch";

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
    hidden: length * width * F32,
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

/**
 * Encodes a prompt and writes the keys and values the decoder attends to.
 *
 * @param cross `[layers, length, 2, d]`, f32 or, if weights are quantized, f16;
 *   `crossBytes` bytes.
 * @returns the encoder's output `[length, d]`, a view until memory is used again.
 */
export function encodePrompt(
  work: TextWork,
  prompt: Prompt,
  cross: number,
  options: RunOptions,
): Float32Array {
  const { run, arena, plan, weights, base } = work;
  const length = promptLength(prompt);
  const { width, heads } = plan.text;
  const { at } = planEncoder(run, plan, weights, length);
  const hidden = base + at.hidden;
  const wide = base + at.wide;
  const mixed = base + at.mixed;
  const scratch = base + at.scratch;
  embedPrompt(work, prompt, hidden, length);
  const line = width * F32;
  for (let layer = 0; layer < plan.text.encoder_layers; layer += 1) {
    throwIfAborted(options.signal);
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
    linear(
      run,
      out,
      rowsOf(mixed, width),
      length,
      rowsOf(wide, width),
      scratch,
    );
    addAndNormalize(work, `${name}.self_attn_layer_norm`, hidden, wide, length);
    addFeedForward(work, name, hidden, wide, length, scratch);
  }
  const each = crossBytes(plan, length) / Math.max(1, plan.text.decoder_layers);
  for (let layer = 0; layer < plan.text.decoder_layers; layer += 1) {
    const name = `${layerName("decoder", layer)}.encoder_attn.kv`;
    const kv = rowsOf(wide, 2 * width);
    const to = cross + layer * each;
    linear(
      run,
      weights.linear(name),
      rowsOf(hidden, width),
      length,
      kv,
      scratch,
    );
    keepValues(work, wide, length * 2 * width, to);
  }
  return arena.floats(hidden, length * width);
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

function embedPrompt(
  work: TextWork,
  { features, ids }: Prompt,
  hidden: number,
  length: number,
): void {
  const { run, arena, plan } = work;
  const { width } = plan.text;
  arena.floats(hidden, features.data.length).set(features.data);
  let at = hidden + features.tokens * width * F32;
  for (const id of [...features.hintIds, ...ids]) {
    embedToken(work, id, at);
    at += width * F32;
  }
  run.addInto(hidden, positionsOf(work, "encoder"), length * width);
  normalize(work, embeddingNorm("encoder"), hidden, length);
}
