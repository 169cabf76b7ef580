// The architecture of a checkpoint: what config.json states in either naming,
// and what the tensors' shapes say. Where both speak, the shape holds.

import * as v from "valibot";
import { FlorenceError } from "../shared/errors.ts";
import type { Checkpoint } from "./checkpoint.ts";

/** One stage of DaViT. */
export interface DavitStage {
  readonly width: number;
  readonly depth: number;
  /** Heads of window attention. */
  readonly heads: number;
  /** Groups of channel attention. */
  readonly groups: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  /** Whether the convolution's norm comes before it. */
  readonly prenorm: boolean;
}

export interface DavitConfig {
  readonly stages: readonly DavitStage[];
  readonly window: number;
  /** Rows, and columns, of the position tables: the largest feature map. */
  readonly positions: number;
}

export interface TextConfig {
  readonly width: number;
  readonly heads: number;
  readonly headWidth: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly encoderFfn: number;
  readonly decoderFfn: number;
  readonly vocabulary: number;
  /** Positions, without the two rows that are never used. */
  readonly positions: number;
  /** Whether the head is the embedding. */
  readonly isTied: boolean;
}

const Count = v.pipe(v.number(), v.integer(), v.minValue(1));
const Counts = v.array(Count);

const VisionSection = v.object({
  num_heads: Counts,
  num_groups: Counts,
  window_size: v.optional(Count, 12),
  patch_stride: v.optional(Counts, [4, 2, 2, 2]),
  patch_padding: v.optional(
    v.array(v.pipe(v.number(), v.integer(), v.minValue(0))),
    [3, 1, 1, 1],
  ),
  patch_prenorm: v.optional(v.array(v.boolean()), [false, true, true, true]),
});

const TextSection = v.object({
  encoder_attention_heads: Count,
  decoder_attention_heads: Count,
  activation_function: v.optional(v.string(), "gelu"),
  scale_embedding: v.optional(v.boolean(), false),
  normalize_before: v.optional(v.boolean(), false),
});

const BLOCKS = "model.vision_tower.blocks";
const PROJECTOR = "model.multi_modal_projector";
const TEXT = "model.language_model";

/** `davit` or a tower of our own; `davit` where the config does not say. */
export function visionKind(checkpoint: Checkpoint): "davit" | "hint_towers" {
  const kind = section(checkpoint, "vision_config")["model_type"] ?? "davit";
  if (kind === "hint_towers") return kind;
  // Native checkpoints say florence_vision, older ones of Microsoft's davit.
  if (kind === "davit" || kind === "florence_vision" || kind === "")
    return "davit";
  throw new FlorenceError(
    "bundle_invalid",
    `vision_config.model_type of config.json is ${JSON.stringify(kind)}; known are davit, florence_vision and hint_towers.`,
  );
}

/**
 * The vision tower of Florence-2.
 *
 * @throws FlorenceError `bundle_invalid` if the config or a tensor is missing.
 */
export function readDavitConfig(checkpoint: Checkpoint): DavitConfig {
  const config = parse(VisionSection, checkpoint, "vision_config");
  const stages: DavitStage[] = [];
  for (;;) {
    const index = stages.length;
    const conv = checkpoint.tensors.get(
      `model.vision_tower.convs.${index}.conv.weight`,
    );
    if (conv === undefined) break;
    let depth = 0;
    while (
      checkpoint.tensors.has(
        `${BLOCKS}.${index}.${depth}.spatial_block.norm1.weight`,
      )
    ) {
      depth += 1;
    }
    const [width, , kernel] = conv.shape as [number, number, number];
    const of = <T>(name: string, values: readonly T[]): T => {
      const value = values[index];
      if (value === undefined)
        throw wrongSection("vision_config", `${name} has no entry ${index}`);
      return value;
    };
    const stage = {
      width,
      depth,
      kernel,
      heads: of("num_heads", config.num_heads),
      groups: of("num_groups", config.num_groups),
      stride: of("patch_stride", config.patch_stride),
      padding: of("patch_padding", config.patch_padding),
      prenorm: of("patch_prenorm", config.patch_prenorm),
    };
    if (width % stage.heads !== 0 || width % stage.groups !== 0) {
      throw wrongSection(
        "vision_config",
        `${width} channels do not divide into ${stage.heads} heads or ${stage.groups} groups`,
      );
    }
    stages.push(stage);
  }
  if (stages.length === 0) {
    // The message of the missing tensor says what to do.
    checkpoint.tensor("model.vision_tower.convs.0.conv.weight");
  }
  const rows = checkpoint.tensor(
    `${PROJECTOR}.image_position_embed.row_embeddings.weight`,
  );
  const columns = checkpoint.tensor(
    `${PROJECTOR}.image_position_embed.column_embeddings.weight`,
  );
  return {
    stages,
    window: config.window_size,
    positions: Math.min(rows.shape[0]!, columns.shape[0]!),
  };
}

/**
 * The language model.
 *
 * @throws FlorenceError `bundle_invalid` if the config or a tensor is missing
 *   or asks for something Florence-2 does not have.
 */
export function readTextConfig(checkpoint: Checkpoint): TextConfig {
  const config = parse(TextSection, checkpoint, "text_config");
  if (
    config.activation_function !== "gelu" ||
    config.scale_embedding ||
    config.normalize_before
  ) {
    throw wrongSection(
      "text_config",
      "Florence-2 has activation_function gelu, no scale_embedding and no normalize_before",
    );
  }
  const heads = config.encoder_attention_heads;
  if (heads !== config.decoder_attention_heads) {
    throw wrongSection(
      "text_config",
      "encoder and decoder have different numbers of heads",
    );
  }
  const shared = checkpoint.tensor(`${TEXT}.shared.weight`);
  const [vocabulary, width] = shared.shape as [number, number];
  if (width % heads !== 0) {
    throw wrongSection(
      "text_config",
      `width ${width} does not divide into ${heads} heads`,
    );
  }
  const positionRows = (["encoder", "decoder"] as const).map(
    (side) =>
      checkpoint.tensor(`${TEXT}.${side}.embed_positions.weight`).shape[0]!,
  );
  const ffn = (side: string): number =>
    checkpoint.tensor(`${TEXT}.${side}.layers.0.fc1.weight`).shape[0]!;
  return {
    width,
    heads,
    headWidth: width / heads,
    encoderLayers: countLayers(checkpoint, "encoder"),
    decoderLayers: countLayers(checkpoint, "decoder"),
    encoderFfn: ffn("encoder"),
    decoderFfn: ffn("decoder"),
    vocabulary,
    positions: Math.min(...positionRows) - 2,
    isTied: !checkpoint.tensors.has("lm_head.weight"),
  };
}

/**
 * Whether the original's `final_logits_bias` says anything; it is all zeros in
 * everything published.
 */
export async function hasLogitsBias(checkpoint: Checkpoint): Promise<boolean> {
  const bias = checkpoint.tensors.get("final_logits_bias");
  if (bias === undefined) return false;
  const values = await bias.read(0, bias.count);
  return values.some((value) => value !== 0);
}

function countLayers(checkpoint: Checkpoint, side: string): number {
  let count = 0;
  while (checkpoint.tensors.has(`${TEXT}.${side}.layers.${count}.fc1.weight`))
    count += 1;
  return count;
}

function section(
  checkpoint: Checkpoint,
  name: string,
): Record<string, unknown> {
  const value = checkpoint.config[name];
  if (typeof value === "object" && value !== null)
    return value as Record<string, unknown>;
  throw wrongSection(name, "it is missing");
}

function parse<const Schema extends v.GenericSchema>(
  schema: Schema,
  checkpoint: Checkpoint,
  name: string,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, section(checkpoint, name));
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  throw wrongSection(
    name,
    `${issue.message} at ${v.getDotPath(issue) ?? name}`,
  );
}

function wrongSection(name: string, reason: string): FlorenceError {
  return new FlorenceError(
    "bundle_invalid",
    `${name} of config.json does not describe a Florence-2: ${reason}. Take the config.json that belongs to the weights.`,
  );
}
