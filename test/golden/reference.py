"""The reference side of the goldens: `transformers`' native Florence-2 class.

Loads a checkpoint of either naming into `Florence2ForConditionalGeneration`,
prepares photos as the goldens do, and turns requests into prompts. Imported by
the `make_*.py` scripts; not a script itself.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from tokenizers import AddedToken, Tokenizer
from transformers import (
    CLIPImageProcessorPil,
    Florence2Config,
    Florence2ForConditionalGeneration,
    Florence2Processor,
    PreTrainedTokenizerFast,
)

from random_weights import added_tokens

HERE = Path(__file__).parent

# Original names -> native names, first match wins.
NATIVE_NAMES = [
    (r"^vision_tower\.convs\.(\d+)\.proj\.", r"model.vision_tower.convs.\1.conv."),
    (r"^vision_tower\.convs\.(\d+)\.norm\.", r"model.vision_tower.convs.\1.norm."),
    (
        r"^vision_tower\.blocks\.(\d+)\.(\d+)\.(spatial|channel)_block\.conv([12])\.fn\.dw\.",
        r"model.vision_tower.blocks.\1.\2.\3_block.conv\4.",
    ),
    (
        r"^vision_tower\.blocks\.(\d+)\.(\d+)\.(spatial|channel)_block\.(window|channel)_attn\.norm\.",
        r"model.vision_tower.blocks.\1.\2.\3_block.norm1.",
    ),
    (
        r"^vision_tower\.blocks\.(\d+)\.(\d+)\.(spatial|channel)_block\.(window|channel)_attn\.fn\.(qkv|proj)\.",
        r"model.vision_tower.blocks.\1.\2.\3_block.\4_attn.\5.",
    ),
    (
        r"^vision_tower\.blocks\.(\d+)\.(\d+)\.(spatial|channel)_block\.ffn\.norm\.",
        r"model.vision_tower.blocks.\1.\2.\3_block.norm2.",
    ),
    (
        r"^vision_tower\.blocks\.(\d+)\.(\d+)\.(spatial|channel)_block\.ffn\.fn\.net\.fc([12])\.",
        r"model.vision_tower.blocks.\1.\2.\3_block.ffn.fc\4.",
    ),
    (r"^image_projection$", "model.multi_modal_projector.image_projection.weight"),
    (r"^image_proj_norm\.", "model.multi_modal_projector.image_proj_norm."),
    (r"^image_pos_embed\.", "model.multi_modal_projector.image_position_embed."),
    (r"^visual_temporal_embed\.", "model.multi_modal_projector.visual_temporal_embed."),
    (r"^language_model\.model\.", "model.language_model."),
    (r"^language_model\.lm_head\.weight$", "lm_head.weight"),
]

# Phrases that native's grounding parser drops; data of `processor_config.json`.
BANNED_PHRASES = (
    "it I me mine you your yours he him his she her hers they them their theirs "
    "one oneself we us our ours its itself myself yourself himself herself "
    "ourselves yourselves themselves this that these those who whom whose which "
    "what all another any anybody anyone anything each everybody everyone "
    "everything few many nobody none several some somebody someone something "
    "image images the a an lots"
).split(" ") + [
    "each other",
    "one another",
    "the image",
    "a group",
    "other objects",
    "a set",
]

ANSWER_TYPES = [
    "pure_text",
    "ocr",
    "description_with_bboxes",
    "bboxes",
    "phrase_grounding",
    "description_with_polygons",
    "polygons",
    "description_with_bboxes_or_polygons",
]

IMAGE_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGE_STD = np.array([0.229, 0.224, 0.225], np.float32)


def native_state(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of the folder in float32, under native names."""
    state: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        for name, value in load_file(path).items():
            value = value.float()
            if name == "language_model.final_logits_bias":
                assert not value.any()
                continue
            if name == "image_projection":
                value = value.T.contiguous()
            for pattern, native in NATIVE_NAMES:
                name, hits = re.subn(pattern, native, name)
                if hits:
                    break
            state[name] = value
    return state


def native_config(folder: Path) -> Florence2Config:
    """The checkpoint's config in native's words."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    vision, text = config["vision_config"], config["text_config"]
    if vision["model_type"] == "davit":
        vision["embed_dim"] = vision.pop("dim_embed")
        positions = vision.pop("image_pos_embed")["max_pos_embeddings"]
        vision["max_position_embeddings"] = positions
        frames = vision.pop("visual_temporal_embedding")["max_temporal_embeddings"]
        vision["max_temporal_embeddings"] = frames
        del vision["enable_checkpoint"], vision["image_feature_source"]
        # 51,289 rows have none for <image>; an unused word stands in for it
        config["image_token_id"] = 50263
    vision["model_type"] = "florence_vision"
    text["model_type"] = "bart"
    generation = "forced_bos_token_id num_beams no_repeat_ngram_size early_stopping"
    for key in [*generation.split(" "), "normalize_before"]:
        text.pop(key, None)
    return Florence2Config(
        vision_config=vision,
        text_config=text,
        image_token_id=config["image_token_id"],
        tie_word_embeddings=config["tie_word_embeddings"],
    )


def load_reference(
    folder: Path, dtype: torch.dtype
) -> Florence2ForConditionalGeneration:
    """The native class with the folder's weights, dropout off."""
    config = native_config(folder)
    config._attn_implementation = "eager"
    model = Florence2ForConditionalGeneration(config)
    state = native_state(folder)
    shared = state["model.language_model.shared.weight"]
    if config.tie_word_embeddings:
        assert "lm_head.weight" not in state
        state["lm_head.weight"] = shared
    for side in ("encoder", "decoder"):
        state[f"model.language_model.{side}.embed_tokens.weight"] = shared
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not missing and not unexpected, (missing, unexpected)
    model.tie_weights()
    tied = model.lm_head.weight is model.model.language_model.shared.weight
    assert tied == config.tie_word_embeddings
    return model.to(dtype).eval()


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The checkpoint's tokenizer.json, with the 1,024 added tokens and <image>."""
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokens = added_tokens(with_image=True)
    # in order: the original form's file lacks them, native's has them already
    backend.add_special_tokens([AddedToken(t, normalized=False) for t in tokens])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        mask_token="<mask>",
        extra_special_tokens={"image_token": "<image>"},
        clean_up_tokenization_spaces=False,
    )
    assert len(tokenizer) == 51290
    assert tokenizer.convert_tokens_to_ids("<and>") == 51288
    return tokenizer


def load_processor(tokenizer: PreTrainedTokenizerFast) -> Florence2Processor:
    """The native processor: prompts and parsing. Its image half is not used."""
    config: dict[str, dict[str, Any]] = {name: {} for name in ANSWER_TYPES}
    config["phrase_grounding"]["banned_grounding_tokens"] = BANNED_PHRASES
    images = CLIPImageProcessorPil(image_seq_length=577)
    return Florence2Processor(images, tokenizer, post_processor_config=config)


def read_pixels(path: Path, side: int) -> torch.Tensor:
    """[1, 3, side, side]: RGB without alpha, Pillow bicubic, normalized."""
    image = ImageOps.exif_transpose(Image.open(path))
    image = image.convert("RGBA").convert("RGB") if "A" in image.mode else image
    image = image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    pixels = np.asarray(image, np.float32) / np.float32(255)
    pixels = (pixels - IMAGE_MEAN) / IMAGE_STD
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]


# --- requests --------------------------------------------------------------

TASK_TOKENS = {
    ("caption", "short"): "<CAPTION>",
    ("caption", "detailed"): "<DETAILED_CAPTION>",
    ("caption", "full"): "<MORE_DETAILED_CAPTION>",
    ("detect", None): "<OD>",
    ("detect_open", None): "<OPEN_VOCABULARY_DETECTION>",
    ("ground", None): "<CAPTION_TO_PHRASE_GROUNDING>",
    ("dense_caption", None): "<DENSE_REGION_CAPTION>",
    ("propose", None): "<REGION_PROPOSAL>",
    ("segment", None): "<REFERRING_EXPRESSION_SEGMENTATION>",
    ("segment_regions", None): "<REGION_TO_SEGMENTATION>",
    ("classify_regions", None): "<REGION_TO_CATEGORY>",
    ("describe_regions", None): "<REGION_TO_DESCRIPTION>",
    ("ocr_regions", None): "<REGION_TO_OCR>",
    ("ocr", "text"): "<OCR>",
    ("ocr", "lines"): "<OCR_WITH_REGION>",
}


def task_token(request: dict[str, Any]) -> str:
    variant = request.get("detail", request.get("layout"))
    return TASK_TOKENS[request["task"], variant]


def region_text(
    processor: Florence2Processor, box: dict[str, float], size: tuple[int, int]
) -> str:
    """The four location tokens of a box in pixels, by native's quantizer."""
    corners = [box[key] for key in ("x_min", "y_min", "x_max", "y_max")]
    bins = processor.post_processor.quantize(torch.tensor([corners]), size)[0]
    # the same in double precision: the golden's boxes avoid the bins' borders
    sides = [size[0], size[1]] * 2
    exact = [int(v / (s / 1000)) for v, s in zip(corners, sides)]
    assert [min(bin, 999) for bin in exact] == bins.tolist(), (corners, bins)
    return "".join(f"<loc_{bin}>" for bin in bins.tolist())


def prompt_of(
    processor: Florence2Processor, request: dict[str, Any], size: tuple[int, int]
) -> str:
    """The prompt native sends for a request (the first region of a region task)."""
    token = task_token(request)
    if "phrase" in request:
        token += request["phrase"]
    elif "labels" in request:
        token += "<and>".join(request["labels"])
    elif "regions" in request:
        token += region_text(processor, request["regions"][0]["box"], size)
    return processor._construct_prompts(token)[0]
