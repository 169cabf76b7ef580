// What encoder and decoder of BART share: embedding, norms, residuals, the pair
// of layers. Post-norm, exact GELU, learned positions. Source:
// `modeling_bart.py` in huggingface/transformers.

import type { Arena } from "./arena.ts";
import type { EdgePlan } from "./edge-plan.ts";
import type { KernelExports } from "./kernels.ts";
import {
  feedForward,
  feedForwardScratch,
  linearScratch,
  type Rows,
} from "./linear.ts";
import type { Linear, Weights } from "./weights.ts";

export const F32 = 4;
const EPSILON = 1e-5; // PyTorch's default; Florence-2's configs have no key for it
const TEXT = "model.language_model";

/** What the language side needs. */
export interface TextWork {
  readonly run: KernelExports;
  readonly arena: Arena;
  readonly plan: EdgePlan;
  readonly weights: Weights;
  /** Where the room for the work of a phase begins. */
  readonly base: number;
}

export type Side = "encoder" | "decoder";

/** The name of a layer of one side. */
export function layerName(side: Side, layer: number): string {
  return `${TEXT}.${side}.layers.${layer}`;
}

/** Rows of f32 without gaps. */
export function rowsOf(at: number, width: number): Rows {
  return { at, stride: width * F32 };
}

/** Writes a token's embedding. */
export function embedToken(
  { run, weights }: TextWork,
  id: number,
  to: number,
): void {
  const { kind, weights: at, scales, k, group } = weights.linear("embedding");
  if (kind === "int8") run.int8Column(at, scales, k, id, to);
  else if (kind === "int4") run.int4Column(at, k, group, id, to);
  else run.f32Column(at, k, id, to);
}

/** Where the positions of one side lie, `[positions, d]`. */
export function positionsOf({ weights }: TextWork, side: Side): number {
  return weights.vector(`${TEXT}.${side}.embed_positions.weight`);
}

/** LayerNorm of rows, in place. */
export function normalize(
  { run, weights, plan }: TextWork,
  name: string,
  at: number,
  rows: number,
): void {
  const { width } = plan.text;
  run.layerNorm(
    at,
    width * F32,
    rows,
    width,
    weights.vector(`${name}.weight`),
    weights.vector(`${name}.bias`),
    EPSILON,
    at,
    width * F32,
  );
}

/** The norm after the embedding of one side. */
export function embeddingNorm(side: Side): string {
  return `${TEXT}.${side}.layernorm_embedding`;
}

/** h = LayerNorm(h + y). */
export function addAndNormalize(
  work: TextWork,
  name: string,
  h: number,
  y: number,
  rows: number,
): void {
  work.run.addInto(h, y, rows * work.plan.text.width);
  normalize(work, name, h, rows);
}

/** h = LayerNorm(h + fc2(GELU(fc1(h)))). */
export function addFeedForward(
  work: TextWork,
  name: string,
  h: number,
  y: number,
  rows: number,
  scratch: number,
): void {
  const { run, weights, plan } = work;
  const first = weights.linear(`${name}.fc1`);
  const second = weights.linear(`${name}.fc2`);
  const [from, to] = [h, y].map((at) => rowsOf(at, plan.text.width));
  feedForward(run, first, second, from!, rows, to!, scratch);
  addAndNormalize(work, `${name}.final_layer_norm`, h, y, rows);
}

/** Scratch that any layer of one side takes over `rows` rows. */
export function textScratch(
  run: KernelExports,
  plan: EdgePlan,
  weights: Weights,
  side: Side,
  rows: number,
): number {
  const { encoder_layers: encoder, decoder_layers: decoder } = plan.text;
  if ((side === "encoder" ? encoder : decoder) === 0) return 0;
  const name = layerName(side, 0);
  const of = (part: string): Linear => weights.linear(`${name}.${part}`);
  const layers = [of("self_attn.qkv"), of("self_attn.out_proj")];
  if (side === "decoder") {
    layers.push(of("encoder_attn.q_proj"), of("encoder_attn.out_proj"));
  }
  return Math.max(
    ...layers.map((layer) => linearScratch(run, layer, rows)),
    feedForwardScratch(run, of("fc1"), of("fc2"), rows),
  );
}
