/**
 * Deterministic random Florence-2 checkpoints: the same bytes in any language.
 *
 * A weight is a pure function of (seed, tensor name, flat index): a 32-bit hash
 * gives 24 bits, these a number in [-1, 1), and the tensor's kind an offset and
 * a scale. `random_weights.py` writes the same files; `recipes.json` is read by
 * both. No weight is ever committed.
 *
 * Long, as its Python twin is: config, names, shapes and scales of a whole
 * checkpoint in one place, so that the two can be read side by side.
 *
 * Command:  node test/golden/random-checkpoint.ts RECIPE OUT_FOLDER
 *           (prints each file's SHA-256)
 * Expected: a second for a small recipe; base size 3 s, large size 13 s, as
 * fast as the disk allows. Peak memory: 190 MB with Node, whatever the size.
 */

import { createHash } from "node:crypto";
import {
  closeSync,
  createReadStream,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { gunzipSync } from "node:zlib";

/** How numbers are stored in the safetensors files. */
export type StoredType = "float32" | "float16" | "bfloat16";

/** What `recipes.json` says of one checkpoint, defaults filled in. */
export interface Recipe {
  readonly name: string;
  readonly note: string;
  readonly seed: number;
  readonly naming: "native" | "original";
  readonly tied: boolean;
  readonly dtype: StoredType;
  readonly shards: number;
  readonly input_size: number;
  readonly depths: readonly number[];
  readonly patch_size: readonly number[];
  readonly patch_stride: readonly number[];
  readonly patch_padding: readonly number[];
  readonly patch_prenorm: readonly boolean[];
  readonly window_size: number;
  readonly embed_dim: readonly number[];
  readonly num_heads: readonly number[];
  readonly num_groups: readonly number[];
  readonly max_image_positions: number;
  readonly max_temporal_embeddings: number;
  readonly d_model: number;
  readonly text_heads: number;
  readonly ffn_dim: number;
  readonly encoder_layers: number;
  readonly decoder_layers: number;
  readonly text_positions: number;
  readonly vocab_size: number;
  readonly gains: Readonly<Record<Gain, number>>;
  readonly row_scales: readonly RowScale[];
}

/** Embedding rows `from` to `to` (exclusive) are `scale` times as long. */
export interface RowScale {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

type Gain =
  | "conv"
  | "depthwise"
  | "vision_query_key"
  | "vision_out"
  | "vision_mlp"
  | "image_position"
  | "projection"
  | "embedding"
  | "text_position"
  | "query_key"
  | "value"
  | "out"
  | "mlp"
  | "head"
  | "norm"
  | "bias";

/** One stored tensor: value = offset + scale * row scale * u, u in [-1, 1). */
interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly scale: number;
  readonly fill: "hash" | "rows" | "sinusoid";
}

interface RecipeBook {
  readonly defaults: Partial<Recipe> & Pick<Recipe, "gains">;
  readonly recipes: Readonly<Record<string, Partial<Recipe>>>;
  readonly benchmarks: Readonly<Record<string, Partial<Recipe>>>;
}

/** Values made and written at a time. */
const CHUNK = 1 << 20;

const STORED = {
  float32: { code: "F32", bytes: 4 },
  float16: { code: "F16", bytes: 2 },
  bfloat16: { code: "BF16", bytes: 2 },
} as const;

/** Names of the golden recipes (not of the benchmarks' two). */
export function recipeNames(): string[] {
  return Object.keys(readBook().recipes);
}

/**
 * One recipe by name, golden or benchmark. To vary it, spread it:
 * `{ ...loadRecipe("base"), dtype: "float16", shards: 2 }`.
 */
export function loadRecipe(name: string): Recipe {
  const book = readBook();
  const found = book.recipes[name] ?? book.benchmarks[name];
  if (found === undefined) throw new Error(`No recipe named ${name}.`);
  const gains = { ...book.defaults.gains, ...found.gains };
  return { ...book.defaults, ...found, gains, name } as Recipe;
}

/**
 * Writes a whole Hugging Face directory: configs, tokenizer, weights.
 *
 * Streams: it holds some 10 MB of weights at a time, whatever the size.
 *
 * @param directory made if it is not there; files of the same names are
 *   overwritten.
 */
export function writeRandomCheckpoint(directory: string, recipe: Recipe): void {
  mkdirSync(directory, { recursive: true });
  const texts = { ...configFiles(recipe), ...tokenizerFiles(recipe) };
  for (const [name, content] of Object.entries(texts)) {
    writeFileSync(join(directory, name), content);
  }

  const shards = splitShards(recipe);
  const weightMap: Record<string, string> = {};
  let total = 0;
  for (const [n, tensors] of shards.entries()) {
    const name = shardName(n, shards.length);
    const file = openSync(join(directory, name), "w");
    try {
      writeSync(file, safetensorsHeader(recipe, tensors));
      for (const tensor of tensors) {
        writeTensor(file, recipe, tensor);
        weightMap[tensor.name] = name;
        total += countOf(tensor) * STORED[recipe.dtype].bytes;
      }
    } finally {
      closeSync(file);
    }
  }
  if (shards.length > 1) {
    const index = { metadata: { total_size: total }, weight_map: weightMap };
    const path = join(directory, "model.safetensors.index.json");
    writeFileSync(path, JSON.stringify(index));
  }
}

/** SHA-256 of every file of a folder, sorted by name. */
export async function fingerprint(
  directory: string,
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const name of readdirSync(directory).sort()) {
    const hash = createHash("sha256");
    await pipeline(createReadStream(join(directory, name)), hash);
    hashes.set(name, hash.digest("hex"));
  }
  return hashes;
}

// --- tensors ---------------------------------------------------------------

/** Every tensor of the checkpoint, in file order, under its stored name. */
function listTensors(recipe: Recipe): Tensor[] {
  const { gains, embed_dim: widths, d_model: d } = recipe;
  const original = recipe.naming === "original";
  const tensors: Tensor[] = [];

  const add = (
    name: string,
    shape: readonly number[],
    offset: number,
    scale: number,
    fill: Tensor["fill"] = "hash",
  ): void => {
    tensors.push({ name, shape, offset, scale, fill });
  };
  // variance gain^2 / fanIn
  const weight = (
    name: string,
    shape: readonly number[],
    gain: number,
    fanIn: number,
  ): void => {
    add(`${name}.weight`, shape, 0, gain * Math.sqrt(3 / fanIn));
  };
  const bias = (name: string, size: number): void => {
    add(`${name}.bias`, [size], 0, gains.bias);
  };
  const linear = (
    name: string,
    rows: number,
    columns: number,
    gain: number,
  ): void => {
    weight(name, [rows, columns], gain, columns);
    bias(name, rows);
  };
  const norm = (name: string, size: number): void => {
    add(`${name}.weight`, [size], 1, gains.norm);
    bias(name, size);
  };

  // vision tower
  const tower = original ? "vision_tower" : "model.vision_tower";
  for (const [i, width] of widths.entries()) {
    const before = widths[i - 1] ?? 3;
    const kernel = recipe.patch_size[i] ?? 3;
    const conv = `${tower}.convs.${i}.${original ? "proj" : "conv"}`;
    const shape = [width, before, kernel, kernel];
    weight(conv, shape, gains.conv, before * kernel * kernel);
    bias(conv, width);
    const normed = recipe.patch_prenorm[i] === true ? before : width;
    norm(`${tower}.convs.${i}.norm`, normed);
  }
  for (const [i, width] of widths.entries()) {
    for (let j = 0; j < (recipe.depths[i] ?? 0); j += 1) {
      for (const kind of ["spatial", "channel"] as const) {
        const block = `${tower}.blocks.${i}.${j}.${kind}_block`;
        const attention = kind === "spatial" ? "window_attn" : "channel_attn";
        for (const n of [1, 2]) {
          const conv = `${block}.conv${n}${original ? ".fn.dw" : ""}`;
          weight(conv, [width, 1, 3, 3], gains.depthwise, 9);
          bias(conv, width);
        }
        const inner = `${block}.${attention}${original ? ".fn" : ""}`;
        const mlp = `${block}.ffn${original ? ".fn.net" : ""}`;
        norm(original ? `${block}.${attention}.norm` : `${block}.norm1`, width);
        linear(`${inner}.qkv`, 3 * width, width, gains.vision_query_key);
        linear(`${inner}.proj`, width, width, gains.vision_out);
        norm(original ? `${block}.ffn.norm` : `${block}.norm2`, width);
        linear(`${mlp}.fc1`, 4 * width, width, gains.vision_mlp);
        linear(`${mlp}.fc2`, width, 4 * width, gains.vision_mlp);
      }
    }
  }

  // projector
  const last = widths.at(-1) ?? 0;
  const projector = original ? "" : "model.multi_modal_projector.";
  const projection = gains.projection * Math.sqrt(3 / last);
  if (original) {
    add("image_projection", [last, d], 0, projection);
  } else {
    add(`${projector}image_projection.weight`, [d, last], 0, projection);
  }
  norm(`${projector}image_proj_norm`, d);
  const table = original
    ? "image_pos_embed"
    : `${projector}image_position_embed`;
  for (const axis of ["row", "column"]) {
    const shape = [recipe.max_image_positions, Math.floor(last / 2)];
    add(`${table}.${axis}_embeddings.weight`, shape, 0, gains.image_position);
  }
  const temporal = `${projector}visual_temporal_embed.pos_idx_to_embed`;
  add(temporal, [recipe.max_temporal_embeddings, last], 0, 0, "sinusoid");

  // language model
  const text = original ? "language_model.model" : "model.language_model";
  const perRow = (gain: number): number => (gain / Math.sqrt(d)) * Math.sqrt(3);
  const rows = [recipe.vocab_size, d];
  add(`${text}.shared.weight`, rows, 0, perRow(gains.embedding), "rows");

  const attention = (name: string): void => {
    linear(`${name}.k_proj`, d, d, gains.query_key);
    linear(`${name}.v_proj`, d, d, gains.value);
    linear(`${name}.q_proj`, d, d, gains.query_key);
    linear(`${name}.out_proj`, d, d, gains.out);
  };
  for (const side of ["encoder", "decoder"] as const) {
    const shape = [recipe.text_positions + 2, d];
    const position = perRow(gains.text_position);
    add(`${text}.${side}.embed_positions.weight`, shape, 0, position);
    norm(`${text}.${side}.layernorm_embedding`, d);
    for (let n = 0; n < recipe[`${side}_layers`]; n += 1) {
      const layer = `${text}.${side}.layers.${n}`;
      attention(`${layer}.self_attn`);
      norm(`${layer}.self_attn_layer_norm`, d);
      if (side === "decoder") {
        attention(`${layer}.encoder_attn`);
        norm(`${layer}.encoder_attn_layer_norm`, d);
      }
      linear(`${layer}.fc1`, recipe.ffn_dim, d, gains.mlp);
      linear(`${layer}.fc2`, d, recipe.ffn_dim, gains.mlp);
      norm(`${layer}.final_layer_norm`, d);
    }
  }
  if (!recipe.tied) {
    const head = original ? "language_model.lm_head" : "lm_head";
    add(`${head}.weight`, rows, 0, perRow(gains.head), "rows");
  }
  if (original) {
    add("language_model.final_logits_bias", [1, recipe.vocab_size], 0, 0);
  }
  return tensors;
}

function countOf(tensor: Tensor): number {
  return tensor.shape.reduce((product, side) => product * side, 1);
}

// --- values ----------------------------------------------------------------

/** FNV-1a over the name's UTF-8 bytes, the seed mixed in. */
function hashName(name: string, seed: number): number {
  let h = 0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1);
  for (const byte of new TextEncoder().encode(name)) {
    h = Math.imul(h ^ byte, 0x01000193);
  }
  return h | 0;
}

/** Fills `out` with u of flat indices `from` and on, scaled. */
function fillHashed(
  out: Float32Array,
  base: number,
  from: number,
  offset: number,
  scale: number,
): void {
  for (let i = 0; i < out.length; i += 1) {
    let h = (Math.imul(from + i, 0x9e3779b1) + base) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
    out[i] = offset + scale * (((h >>> 8) - 8388608) / 8388608);
  }
}

/** Row p: sin, cos of p * 10000^(-2i / columns), interleaved. */
function fillSinusoid(out: Float32Array, columns: number): void {
  for (let at = 0; at < out.length; at += 1) {
    const column = at % columns;
    const even = column - (column % 2);
    const angle = ((at - column) / columns) * Math.pow(10000, -even / columns);
    out[at] = column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  }
}

/** Makes the tensor chunk by chunk and writes it to an open file. */
function writeTensor(file: number, recipe: Recipe, tensor: Tensor): void {
  const count = countOf(tensor);
  if (tensor.fill === "sinusoid") {
    const values = new Float32Array(count);
    fillSinusoid(values, tensor.shape[1] ?? 1);
    writeSync(file, encodeValues(values, recipe.dtype));
    return;
  }
  const base = hashName(tensor.name, recipe.seed);
  const columns = tensor.fill === "rows" ? (tensor.shape[1] ?? 1) : 1;
  const step = Math.floor(CHUNK / columns) * columns;
  const buffer = new Float32Array(Math.min(step, count));
  for (let from = 0; from < count; from += step) {
    const values = buffer.subarray(0, Math.min(step, count - from));
    if (tensor.fill === "rows") {
      for (let at = 0; at < values.length; at += columns) {
        const row = (from + at) / columns;
        const scale = tensor.scale * rowScale(recipe, row);
        const part = values.subarray(at, at + columns);
        fillHashed(part, base, from + at, tensor.offset, scale);
      }
    } else {
      fillHashed(values, base, from, tensor.offset, tensor.scale);
    }
    writeSync(file, encodeValues(values, recipe.dtype));
  }
}

/** The last rule that covers the row holds. */
function rowScale(recipe: Recipe, row: number): number {
  let scale = 1;
  for (const rule of recipe.row_scales) {
    if (row >= rule.from && row < rule.to) scale = rule.scale;
  }
  return scale;
}

/** Little-endian bytes, rounded to nearest even. Every host here is such. */
function encodeValues(values: Float32Array, dtype: StoredType): Uint8Array {
  if (dtype === "float32") {
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(bits.length);
  const round = dtype === "float16" ? roundToFloat16 : roundToBfloat16;
  for (let i = 0; i < out.length; i += 1) out[i] = round(bits[i] ?? 0);
  return new Uint8Array(out.buffer);
}

function roundToBfloat16(bits: number): number {
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** For finite values below 65,520, as all of ours are; subnormals included. */
function roundToFloat16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent > 112) {
    // rebias 127 -> 15; a carry out of the fraction bumps the exponent
    const rebased = ((exponent - 112) << 23) | fraction;
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  if (exponent < 102) return sign;
  const shift = 126 - exponent;
  const whole = fraction | 0x800000;
  const kept = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  const up = rest > half || (rest === half && (kept & 1) === 1);
  return sign | (kept + (up ? 1 : 0));
}

// --- files -----------------------------------------------------------------

/** Tensors dealt to shards in file order, by equal shares of bytes. */
function splitShards(recipe: Recipe): Tensor[][] {
  const tensors = listTensors(recipe);
  const shards: Tensor[][] = Array.from({ length: recipe.shards }, () => []);
  const total = tensors.reduce((sum, tensor) => sum + countOf(tensor), 0);
  let at = 0;
  for (const tensor of tensors) {
    shards[Math.floor((at * recipe.shards) / total)]?.push(tensor);
    at += countOf(tensor);
  }
  return shards;
}

function shardName(n: number, count: number): string {
  if (count === 1) return "model.safetensors";
  const padded = (value: number): string => String(value).padStart(5, "0");
  return `model-${padded(n + 1)}-of-${padded(count)}.safetensors`;
}

function safetensorsHeader(
  recipe: Recipe,
  tensors: readonly Tensor[],
): Uint8Array {
  const { code, bytes } = STORED[recipe.dtype];
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let at = 0;
  for (const tensor of tensors) {
    const end = at + countOf(tensor) * bytes;
    const { name, shape } = tensor;
    header[name] = { dtype: code, shape, data_offsets: [at, end] };
    at = end;
  }
  const text = JSON.stringify(header);
  const padded = new TextEncoder().encode(
    text.padEnd(Math.ceil(text.length / 8) * 8, " "),
  );
  const result = new Uint8Array(8 + padded.length);
  const view = new DataView(result.buffer);
  view.setBigUint64(0, BigInt(padded.length), true);
  result.set(padded, 8);
  return result;
}

/** Ids 50265 and on. */
function addedTokens(): string[] {
  const pair = (name: string): string[] => [`<${name}>`, `</${name}>`];
  return [
    ...["od", "ocr"].flatMap(pair),
    ...Array.from({ length: 1000 }, (_, k) => `<loc_${k}>`),
    ...["cap", "ncap", "dcap", "grounding", "seg"].flatMap(pair),
    "<sep>",
    // "desciption" is the released spelling
    ...["region_cap", "region_to_desciption", "proposal", "poly"].flatMap(pair),
    "<and>",
    "<image>",
  ];
}

/**
 * A checkpoint's tokenizer files by name, as published: the native form lists
 * the added tokens, the original does not.
 */
export function tokenizerFiles(
  recipe: Pick<Recipe, "naming">,
): Record<string, string> {
  const native = recipe.naming === "native";
  const vocabText = readPacked("vocab.json.gz");
  const mergesText = readPacked("merges.txt.gz");
  const vocab = JSON.parse(vocabText) as Readonly<Record<string, number>>;
  // newer libraries store a merge as a pair, older ones as one string
  const lines = mergesText
    .split("\n")
    .slice(1)
    .filter((line) => line !== "");
  const merges = native ? lines.map((line) => line.split(" ")) : lines;
  const extra = native ? addedTokens() : [];
  const entry = (id: number | undefined, content: string): object => ({
    id,
    content,
    single_word: false,
    lstrip: content === "<mask>",
    rstrip: false,
    normalized: false,
    special: true,
  });
  const specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"];
  const byteLevel = {
    type: "ByteLevel",
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: true,
  };
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [
      ...specials.map((token) => entry(vocab[token], token)),
      ...extra.map((token, i) => entry(50265 + i, token)),
    ],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: {
      type: "RobertaProcessing",
      sep: ["</s>", 2],
      cls: ["<s>", 0],
      trim_offsets: true,
      add_prefix_space: false,
    },
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      // put in as text below: an object would list keys like "0" first
      vocab: null,
      merges,
    },
  };
  const common = {
    "vocab.json": vocabText,
    "merges.txt": mergesText,
    "tokenizer.json": JSON.stringify(tokenizer).replace(
      '"vocab":null',
      () => `"vocab":${vocabText}`,
    ),
  };
  if (!native) {
    const config = JSON.stringify({ model_max_length: 1024 });
    return { ...common, "tokenizer_config.json": config };
  }
  const ids = extra.map((token, i) => [token, 50265 + i] as const);
  return {
    ...common,
    "added_tokens.json": JSON.stringify(Object.fromEntries(ids)),
    "tokenizer_config.json": JSON.stringify({
      add_prefix_space: false,
      bos_token: "<s>",
      cls_token: "<s>",
      eos_token: "</s>",
      mask_token: "<mask>",
      pad_token: "<pad>",
      sep_token: "</s>",
      unk_token: "<unk>",
      extra_special_tokens: { image_token: "<image>" },
      model_max_length: 1024,
      tokenizer_class: "BartTokenizer",
    }),
  };
}

function visionConfig(recipe: Recipe): object {
  const shared = {
    drop_path_rate: 0.1,
    patch_size: recipe.patch_size,
    patch_stride: recipe.patch_stride,
    patch_padding: recipe.patch_padding,
    patch_prenorm: recipe.patch_prenorm,
    num_heads: recipe.num_heads,
    num_groups: recipe.num_groups,
    depths: recipe.depths,
    window_size: recipe.window_size,
    projection_dim: recipe.d_model,
  };
  if (recipe.naming === "native") {
    return {
      model_type: "florence_vision",
      ...shared,
      embed_dim: recipe.embed_dim,
      in_channels: 3,
      qkv_bias: true,
      activation_function: "gelu",
      max_position_embeddings: recipe.max_image_positions,
      max_temporal_embeddings: recipe.max_temporal_embeddings,
    };
  }
  return {
    model_type: "davit",
    ...shared,
    dim_embed: recipe.embed_dim,
    enable_checkpoint: false,
    visual_temporal_embedding: {
      type: "COSINE",
      max_temporal_embeddings: recipe.max_temporal_embeddings,
    },
    image_pos_embed: {
      type: "learned_abs_2d",
      max_pos_embeddings: recipe.max_image_positions,
    },
    image_feature_source: ["spatial_avg_pool", "temporal_avg_pool"],
  };
}

function modelConfig(recipe: Recipe): object {
  const native = recipe.naming === "native";
  const text = {
    model_type: native ? "bart" : "florence2_language",
    vocab_size: recipe.vocab_size,
    d_model: recipe.d_model,
    encoder_layers: recipe.encoder_layers,
    decoder_layers: recipe.decoder_layers,
    num_hidden_layers: recipe.encoder_layers,
    encoder_attention_heads: recipe.text_heads,
    decoder_attention_heads: recipe.text_heads,
    encoder_ffn_dim: recipe.ffn_dim,
    decoder_ffn_dim: recipe.ffn_dim,
    activation_function: "gelu",
    max_position_embeddings: recipe.text_positions,
    scale_embedding: false,
    dropout: 0.1,
    attention_dropout: 0.1,
    activation_dropout: 0.1,
    bos_token_id: 0,
    pad_token_id: 1,
    eos_token_id: 2,
    decoder_start_token_id: 2,
    forced_bos_token_id: 0,
    forced_eos_token_id: 2,
    is_encoder_decoder: true,
    tie_word_embeddings: recipe.tied,
  };
  const generation = {
    num_beams: 3,
    no_repeat_ngram_size: 3,
    early_stopping: true,
    normalize_before: false,
  };
  return {
    architectures: ["Florence2ForConditionalGeneration"],
    model_type: "florence2",
    bos_token_id: 0,
    pad_token_id: 1,
    eos_token_id: 2,
    ...(native ? { image_token_id: 51289 } : {}),
    is_encoder_decoder: true,
    projection_dim: recipe.d_model,
    tie_word_embeddings: recipe.tied,
    [native ? "dtype" : "torch_dtype"]: recipe.dtype,
    vocab_size: recipe.vocab_size,
    vision_config: visionConfig(recipe),
    text_config: native ? text : { ...text, ...generation },
  };
}

function configFiles(recipe: Recipe): Record<string, string> {
  const side = recipe.input_size;
  const generation = {
    bos_token_id: 0,
    pad_token_id: 1,
    eos_token_id: 2,
    decoder_start_token_id: 2,
    forced_bos_token_id: 0,
    forced_eos_token_id: 2,
    no_repeat_ngram_size: 3,
    num_beams: 3,
    early_stopping: true,
  };
  const preprocessor = {
    image_processor_type: "CLIPImageProcessor",
    do_resize: true,
    size: { height: side, width: side },
    resample: 3,
    do_center_crop: false,
    do_rescale: true,
    do_normalize: true,
    image_mean: [0.485, 0.456, 0.406],
    image_std: [0.229, 0.224, 0.225],
    image_seq_length: Math.floor(side / 32) ** 2 + 1,
  };
  return {
    "config.json": JSON.stringify(modelConfig(recipe)),
    "generation_config.json": JSON.stringify(generation),
    "preprocessor_config.json": JSON.stringify(preprocessor),
  };
}

function readPacked(name: string): string {
  const path = join(import.meta.dirname, "tokenizer", name);
  return gunzipSync(readFileSync(path)).toString("utf8");
}

function readBook(): RecipeBook {
  const path = join(import.meta.dirname, "recipes.json");
  return JSON.parse(readFileSync(path, "utf8")) as RecipeBook;
}

if (import.meta.main) {
  const [name, directory] = process.argv.slice(2);
  if (name === undefined || directory === undefined) {
    throw new Error("Usage: random-checkpoint.ts RECIPE OUT_FOLDER");
  }
  writeRandomCheckpoint(directory, loadRecipe(name));
  for (const [file, hash] of await fingerprint(directory)) {
    console.log(hash, "", file);
  }
}
