// What a model is made of: parameters, bytes and multiply-accumulates by part.
// The counts of operations are those of PyTorch's counter, halved.

import type { Manifest } from "../shared/model/manifest.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { DavitConfig, TextConfig } from "./model-config.ts";

export type Part = Manifest["parts"][number];

/** Prompt tokens and past tokens that the counts assume. */
export const COUNTED_PROMPT_TOKENS = 15;
export const COUNTED_PAST_TOKENS = 50;

/**
 * Counts every part.
 *
 * @param macs multiply-accumulates by part; parts not named have none.
 * @param stored what the bundle stores, each once.
 */
export function countParts(
  checkpoint: Checkpoint,
  stored: Iterable<{ readonly tensor: string; readonly bytes: number }>,
  macs: ReadonlyMap<string, number>,
): Part[] {
  const parts = new Map<string, { parameters: number; bytes: number }>();
  const of = (name: string): { parameters: number; bytes: number } => {
    const found = parts.get(name) ?? { parameters: 0, bytes: 0 };
    parts.set(name, found);
    return found;
  };
  for (const name of macs.keys()) of(name);
  for (const tensor of checkpoint.tensors.values()) {
    if (isParameter(tensor.nativeName))
      of(partOf(tensor.nativeName)).parameters += tensor.count;
  }
  for (const { tensor, bytes } of stored) of(partOf(tensor)).bytes += bytes;
  return [...parts].map(([name, counts]) => ({
    name,
    ...counts,
    macs: macs.get(name) ?? 0,
  }));
}

/** Work of DaViT and projector for one image, and of BART for one prompt. */
export function florenceMacs(
  davit: DavitConfig,
  text: TextConfig,
  size: number,
): Map<string, number> {
  const { macs, tokens } = davitMacs(davit, size);
  const channels = davit.stages.at(-1)!.width;
  return new Map([
    ["davit", macs],
    ["projector", (tokens + 1) * channels * text.width],
    ...textMacs(text, tokens + 1 + COUNTED_PROMPT_TOKENS),
  ]);
}

/**
 * Work of the language model over an encoder input of `length` tokens: the
 * encoder and the cross keys and values once, decoder and head per token.
 */
export function textMacs(
  text: TextConfig,
  length: number,
): Map<string, number> {
  const { width: d } = text;
  const encoder =
    length * (4 * d * d + 2 * d * text.encoderFfn) + 2 * length * length * d;
  const own = 4 * d * d + 2 * (COUNTED_PAST_TOKENS + 1) * d;
  const cross = 2 * d * d + 2 * length * d;
  return new Map([
    ["embedding", 0],
    ["encoder", text.encoderLayers * encoder],
    ["cross", text.decoderLayers * 2 * length * d * d],
    ["decoder", text.decoderLayers * (own + cross + 2 * d * text.decoderFfn)],
    ["head", text.vocabulary * d],
  ]);
}

function davitMacs(
  davit: DavitConfig,
  size: number,
): { macs: number; tokens: number } {
  let macs = 0;
  let side = size;
  let before = 3;
  const window = davit.window ** 2;
  for (const {
    width,
    depth,
    groups,
    kernel,
    stride,
    padding,
  } of davit.stages) {
    side = Math.floor((side + 2 * padding - kernel) / stride) + 1;
    const tokens = side * side;
    const padded = (Math.ceil(side / davit.window) * davit.window) ** 2;
    macs += tokens * width * before * kernel ** 2;
    const convolutions = 2 * 9 * tokens * width;
    const mlp = 8 * tokens * width ** 2;
    const spatial = 4 * padded * width ** 2 + 2 * padded * window * width;
    const channel =
      4 * tokens * width ** 2 + 2 * tokens * width * (width / groups);
    macs += depth * (2 * (convolutions + mlp) + spatial + channel);
    before = width;
  }
  return { macs, tokens: side * side };
}

/** Which part a tensor, by its native name, belongs to. */
export function partOf(name: string): string {
  const tower = /^model\.vision_tower\.([^.]+)\./u.exec(name)?.[1];
  if (tower !== undefined)
    return tower === "convs" || tower === "blocks" ? "davit" : tower;
  if (name.startsWith("model.multi_modal_projector.")) return "projector";
  if (/\.(?:shared|embed_tokens)\.weight$/u.test(name)) return "embedding";
  if (name === "lm_head.weight" || name === "final_logits_bias") return "head";
  // `kv`, `embedding` and `head`: as the kernels' backend has them.
  if (/\.encoder_attn\.(?:[kv]_proj|kv)\./u.test(name)) return "cross";
  const vocabulary = /^(embedding|head)\./u.exec(name)?.[1];
  if (vocabulary !== undefined) return vocabulary;
  return name.startsWith("model.language_model.encoder.")
    ? "encoder"
    : "decoder";
}

/** Fixed tables and zeros are not counted, nor second copies of the embedding. */
function isParameter(name: string): boolean {
  return (
    !name.endsWith(".pos_idx_to_embed") &&
    !name.endsWith(".embed_tokens.weight") &&
    name !== "final_logits_bias"
  );
}
