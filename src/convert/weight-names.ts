// Names of tensors: Microsoft's original naming to the native one of
// huggingface/transformers. Source: `convert_florence2_original_pytorch_to_hf.py`
// there; checked on a whole state dict of each.

const ATTENTION = "(window|channel)_attn";
const BLOCK = String.raw`^vision_tower\.blocks\.(\d+)\.(\d+)\.(spatial|channel)_block\.`;

/** First match wins. */
const RULES: readonly (readonly [RegExp, string])[] = [
  [/^vision_tower\.convs\.(\d+)\.proj\./u, "model.vision_tower.convs.$1.conv."],
  [/^vision_tower\.convs\.(\d+)\.norm\./u, "model.vision_tower.convs.$1.norm."],
  [
    new RegExp(`${BLOCK}conv([12])\\.fn\\.dw\\.`, "u"),
    "model.vision_tower.blocks.$1.$2.$3_block.conv$4.",
  ],
  [
    new RegExp(`${BLOCK}${ATTENTION}\\.norm\\.`, "u"),
    "model.vision_tower.blocks.$1.$2.$3_block.norm1.",
  ],
  [
    new RegExp(`${BLOCK}${ATTENTION}\\.fn\\.(qkv|proj)\\.`, "u"),
    "model.vision_tower.blocks.$1.$2.$3_block.$4_attn.$5.",
  ],
  [
    new RegExp(`${BLOCK}ffn\\.norm\\.`, "u"),
    "model.vision_tower.blocks.$1.$2.$3_block.norm2.",
  ],
  [
    new RegExp(`${BLOCK}ffn\\.fn\\.net\\.fc([12])\\.`, "u"),
    "model.vision_tower.blocks.$1.$2.$3_block.ffn.fc$4.",
  ],
  [
    /^image_projection$/u,
    "model.multi_modal_projector.image_projection.weight",
  ],
  [/^image_proj_norm\./u, "model.multi_modal_projector.image_proj_norm."],
  [/^image_pos_embed\./u, "model.multi_modal_projector.image_position_embed."],
  [
    /^visual_temporal_embed\./u,
    "model.multi_modal_projector.visual_temporal_embed.",
  ],
  [/^language_model\.model\./u, "model.language_model."],
  [/^language_model\.lm_head\.weight$/u, "lm_head.weight"],
  [/^language_model\.final_logits_bias$/u, "final_logits_bias"],
];

/** A tensor's native name; a native name stays as it is. */
export function toNativeName(name: string): string {
  for (const [pattern, replacement] of RULES) {
    if (pattern.test(name)) return name.replace(pattern, replacement);
  }
  return name;
}

/** Whether the original naming stores this tensor transposed. */
export function isStoredTransposed(name: string): boolean {
  return name === "image_projection";
}
