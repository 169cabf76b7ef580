"""Deterministic random Florence-2 checkpoints: the same bytes in any language.

A weight is a pure function of (seed, tensor name, flat index): a 32-bit hash
gives 24 bits, these a number in [-1, 1), and the tensor's kind an offset and a
scale. `random-checkpoint.ts` writes the same files; `recipes.json` is read by
both. No weight is ever committed.

Long, as its TypeScript twin is: config, names, shapes and scales of a whole
checkpoint in one place, so that the two can be read side by side.

Command:  python test/golden/random_weights.py RECIPE OUT_FOLDER
          (RECIPE is a name of recipes.json; prints each file's SHA-256)
Expected: 5 seconds for a small recipe; the large ones want the TypeScript twin.
"""

import gzip
import hashlib
import json
import math
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
Recipe = dict[str, Any]


@dataclass(frozen=True)
class Tensor:
    """One stored tensor: value = offset + scale * row_scale * u, u in [-1, 1)."""

    name: str
    shape: tuple[int, ...]
    offset: float
    scale: float
    # "hash", or "sinusoid" for the fixed temporal table
    fill: str = "hash"
    # scaled rows: the token embedding and the head
    by_row: bool = False


def load_recipe(name: str) -> Recipe:
    """One recipe, defaults filled in."""
    book = json.loads((HERE / "recipes.json").read_text("utf-8"))
    recipe = {**book["recipes"], **book["benchmarks"]}[name]
    gains = {**book["defaults"]["gains"], **recipe.get("gains", {})}
    return {**book["defaults"], **recipe, "gains": gains, "name": name}


def recipe_names() -> list[str]:
    book = json.loads((HERE / "recipes.json").read_text("utf-8"))
    return list(book["recipes"])


# --- tensors ---------------------------------------------------------------


def list_tensors(recipe: Recipe) -> list[Tensor]:
    """Every tensor of the checkpoint, in file order, under its stored name."""
    gains = recipe["gains"]
    original = recipe["naming"] == "original"
    tensors: list[Tensor] = []

    def add(name: str, shape: tuple[int, ...], gain: float, fan_in: int) -> None:
        """A weight: variance gain^2 / fan_in."""
        scale = gain * math.sqrt(3 / fan_in)
        tensors.append(Tensor(f"{name}.weight", shape, 0.0, scale))

    def bias(name: str, size: int) -> None:
        tensors.append(Tensor(f"{name}.bias", (size,), 0.0, gains["bias"]))

    def linear(name: str, rows: int, columns: int, gain: float) -> None:
        add(name, (rows, columns), gain, columns)
        bias(name, rows)

    def norm(name: str, size: int) -> None:
        tensors.append(Tensor(f"{name}.weight", (size,), 1.0, gains["norm"]))
        bias(name, size)

    # vision tower
    tower = "vision_tower" if original else "model.vision_tower"
    dims = recipe["embed_dim"]
    for i, width in enumerate(dims):
        before = 3 if i == 0 else dims[i - 1]
        kernel = recipe["patch_size"][i]
        conv = f"{tower}.convs.{i}." + ("proj" if original else "conv")
        shape = (width, before, kernel, kernel)
        add(conv, shape, gains["conv"], before * kernel * kernel)
        bias(conv, width)
        norm(
            f"{tower}.convs.{i}.norm",
            before if recipe["patch_prenorm"][i] else width,
        )
    for i, width in enumerate(dims):
        for j in range(recipe["depths"][i]):
            for kind, attention in (
                ("spatial", "window_attn"),
                ("channel", "channel_attn"),
            ):
                block = f"{tower}.blocks.{i}.{j}.{kind}_block"
                for n in (1, 2):
                    conv = f"{block}.conv{n}" + (".fn.dw" if original else "")
                    add(conv, (width, 1, 3, 3), gains["depthwise"], 9)
                    bias(conv, width)
                inner = f"{block}.{attention}" + (".fn" if original else "")
                first = f"{block}.{attention}.norm" if original else f"{block}.norm1"
                second = f"{block}.ffn.norm" if original else f"{block}.norm2"
                mlp = f"{block}.ffn" + (".fn.net" if original else "")
                norm(first, width)
                linear(f"{inner}.qkv", 3 * width, width, gains["vision_query_key"])
                linear(f"{inner}.proj", width, width, gains["vision_out"])
                norm(second, width)
                linear(f"{mlp}.fc1", 4 * width, width, gains["vision_mlp"])
                linear(f"{mlp}.fc2", width, 4 * width, gains["vision_mlp"])

    # projector
    d = recipe["d_model"]
    last = dims[-1]
    projector = "" if original else "model.multi_modal_projector."
    scale = gains["projection"] * math.sqrt(3 / last)
    if original:
        tensors.append(Tensor("image_projection", (last, d), 0.0, scale))
    else:
        name = f"{projector}image_projection.weight"
        tensors.append(Tensor(name, (d, last), 0.0, scale))
    norm(f"{projector}image_proj_norm", d)
    table = "image_pos_embed" if original else f"{projector}image_position_embed"
    for axis in ("row", "column"):
        name = f"{table}.{axis}_embeddings.weight"
        shape = (recipe["max_image_positions"], last // 2)
        tensors.append(Tensor(name, shape, 0.0, gains["image_position"]))
    name = f"{projector}visual_temporal_embed.pos_idx_to_embed"
    shape = (recipe["max_temporal_embeddings"], last)
    tensors.append(Tensor(name, shape, 0.0, 0.0, fill="sinusoid"))

    # language model
    text = "language_model.model" if original else "model.language_model"
    ffn = recipe["ffn_dim"]
    vocab = recipe["vocab_size"]
    embedding = gains["embedding"] / math.sqrt(d) * math.sqrt(3)
    tensors.append(
        Tensor(f"{text}.shared.weight", (vocab, d), 0.0, embedding, by_row=True)
    )

    def attention(name: str) -> None:
        linear(f"{name}.k_proj", d, d, gains["query_key"])
        linear(f"{name}.v_proj", d, d, gains["value"])
        linear(f"{name}.q_proj", d, d, gains["query_key"])
        linear(f"{name}.out_proj", d, d, gains["out"])

    for side in ("encoder", "decoder"):
        position = gains["text_position"] / math.sqrt(d) * math.sqrt(3)
        shape = (recipe["text_positions"] + 2, d)
        tensors.append(
            Tensor(f"{text}.{side}.embed_positions.weight", shape, 0.0, position)
        )
        norm(f"{text}.{side}.layernorm_embedding", d)
        for n in range(recipe[f"{side}_layers"]):
            layer = f"{text}.{side}.layers.{n}"
            attention(f"{layer}.self_attn")
            norm(f"{layer}.self_attn_layer_norm", d)
            if side == "decoder":
                attention(f"{layer}.encoder_attn")
                norm(f"{layer}.encoder_attn_layer_norm", d)
            linear(f"{layer}.fc1", ffn, d, gains["mlp"])
            linear(f"{layer}.fc2", d, ffn, gains["mlp"])
            norm(f"{layer}.final_layer_norm", d)

    if not recipe["tied"]:
        head = "language_model.lm_head" if original else "lm_head"
        scale = gains["head"] / math.sqrt(d) * math.sqrt(3)
        tensors.append(Tensor(f"{head}.weight", (vocab, d), 0.0, scale, by_row=True))
    if original:
        tensors.append(Tensor("language_model.final_logits_bias", (1, vocab), 0.0, 0.0))
    return tensors


# --- values ----------------------------------------------------------------


def hash_name(name: str, seed: int) -> int:
    """FNV-1a over the name's UTF-8 bytes, the seed mixed in."""
    h = 0x811C9DC5 ^ ((seed * 0x9E3779B1) & 0xFFFFFFFF)
    for byte in name.encode("utf-8"):
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    return h


def hash_indices(base: int, count: int) -> np.ndarray:
    """u in [-1, 1) for flat indices 0..count-1, exact in float32."""
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1)
    h += np.uint32(base)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return ((h >> np.uint32(8)).astype(np.float64) - 8388608) / 8388608


def sinusoid(rows: int, columns: int) -> np.ndarray:
    """Row p: sin, cos of p * 10000^(-2i / columns), interleaved."""
    table = np.empty((rows, columns), np.float64)
    for i in range(0, columns, 2):
        rate = math.pow(10000, -i / columns)
        for p in range(rows):
            table[p, i] = math.sin(p * rate)
            table[p, i + 1] = math.cos(p * rate)
    return table


def values_of(recipe: Recipe, tensor: Tensor) -> np.ndarray:
    """The tensor in float32."""
    if tensor.fill == "sinusoid":
        return sinusoid(*tensor.shape).astype(np.float32)
    count = math.prod(tensor.shape)
    u = hash_indices(hash_name(tensor.name, recipe["seed"]), count)
    if not tensor.by_row:
        values = tensor.offset + tensor.scale * u
        return values.astype(np.float32).reshape(tensor.shape)
    scales = np.ones(tensor.shape[0])
    for rule in recipe["row_scales"]:
        scales[rule["from"] : rule["to"]] = rule["scale"]
    values = (tensor.scale * scales)[:, None] * u.reshape(tensor.shape)
    return values.astype(np.float32)


def encode(values: np.ndarray, dtype: str) -> bytes:
    """Little-endian bytes, rounded to nearest even."""
    if dtype == "float32":
        return values.astype("<f4").tobytes()
    if dtype == "float16":
        return values.astype("<f2").tobytes()
    bits = values.astype("<f4").view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (rounded >> np.uint32(16)).astype("<u2").tobytes()


# --- files -----------------------------------------------------------------

DTYPES = {"float32": ("F32", 4), "float16": ("F16", 2), "bfloat16": ("BF16", 2)}


def safetensors_header(recipe: Recipe, tensors: list[Tensor]) -> bytes:
    code, size = DTYPES[recipe["dtype"]]
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for tensor in tensors:
        end = at + math.prod(tensor.shape) * size
        header[tensor.name] = {
            "dtype": code,
            "shape": list(tensor.shape),
            "data_offsets": [at, end],
        }
        at = end
    text = to_json(header)
    return text + b" " * (-len(text) % 8)


def split_shards(recipe: Recipe) -> list[list[Tensor]]:
    """Tensors dealt to shards in file order, by equal shares of bytes."""
    tensors = list_tensors(recipe)
    shards: list[list[Tensor]] = [[] for _ in range(recipe["shards"])]
    total = sum(math.prod(tensor.shape) for tensor in tensors)
    at = 0
    for tensor in tensors:
        shards[at * recipe["shards"] // total].append(tensor)
        at += math.prod(tensor.shape)
    return shards


def to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def added_tokens(with_image: bool) -> list[str]:
    """Ids 50265 and on."""
    tokens = ["<od>", "</od>", "<ocr>", "</ocr>"]
    tokens += [f"<loc_{k}>" for k in range(1000)]
    for name in ("cap", "ncap", "dcap", "grounding", "seg"):
        tokens += [f"<{name}>", f"</{name}>"]
    tokens += ["<sep>"]
    for name in ("region_cap", "region_to_desciption", "proposal", "poly"):
        tokens += [f"<{name}>", f"</{name}>"]
    tokens += ["<and>"]
    return tokens + (["<image>"] if with_image else [])


def tokenizer_files(recipe: Recipe) -> dict[str, bytes]:
    """As published: the native form lists the added tokens, the original not."""
    native = recipe["naming"] == "native"
    folder = HERE / "tokenizer"
    vocab_text = gzip.decompress((folder / "vocab.json.gz").read_bytes())
    merges_text = gzip.decompress((folder / "merges.txt.gz").read_bytes())
    vocab = json.loads(vocab_text)
    # newer libraries store a merge as a pair, older ones as one string
    lines = merges_text.decode("utf-8").split("\n")[1:]
    merges = [line.split(" ") if native else line for line in lines if line]
    extra = added_tokens(with_image=True) if native else []

    def entry(token_id: int, content: str) -> dict[str, Any]:
        return {
            "id": token_id,
            "content": content,
            "single_word": False,
            "lstrip": content == "<mask>",
            "rstrip": False,
            "normalized": False,
            "special": True,
        }

    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    entries = [entry(vocab[token], token) for token in specials]
    entries += [entry(50265 + i, token) for i, token in enumerate(extra)]
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    files = {
        "vocab.json": vocab_text,
        "merges.txt": merges_text,
        "tokenizer.json": to_json(
            {
                "version": "1.0",
                "truncation": None,
                "padding": None,
                "added_tokens": entries,
                "normalizer": None,
                "pre_tokenizer": byte_level,
                "post_processor": {
                    "type": "RobertaProcessing",
                    "sep": ["</s>", 2],
                    "cls": ["<s>", 0],
                    "trim_offsets": True,
                    "add_prefix_space": False,
                },
                "decoder": byte_level,
                "model": {
                    "type": "BPE",
                    "dropout": None,
                    "unk_token": None,
                    "continuing_subword_prefix": "",
                    "end_of_word_suffix": "",
                    "fuse_unk": False,
                    "byte_fallback": False,
                    "ignore_merges": False,
                    "vocab": vocab,
                    "merges": merges,
                },
            }
        ),
    }
    roles = {
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "mask_token": "<mask>",
        "pad_token": "<pad>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
    }
    if native:
        files["added_tokens.json"] = to_json(
            {token: 50265 + i for i, token in enumerate(extra)}
        )
        files["tokenizer_config.json"] = to_json(
            {
                "add_prefix_space": False,
                **roles,
                "extra_special_tokens": {"image_token": "<image>"},
                "model_max_length": 1024,
                "tokenizer_class": "BartTokenizer",
            }
        )
    else:
        files["tokenizer_config.json"] = to_json({"model_max_length": 1024})
    return files


def vision_config(recipe: Recipe) -> dict[str, Any]:
    shared = {
        "drop_path_rate": 0.1,
        "patch_size": recipe["patch_size"],
        "patch_stride": recipe["patch_stride"],
        "patch_padding": recipe["patch_padding"],
        "patch_prenorm": recipe["patch_prenorm"],
        "num_heads": recipe["num_heads"],
        "num_groups": recipe["num_groups"],
        "depths": recipe["depths"],
        "window_size": recipe["window_size"],
        "projection_dim": recipe["d_model"],
    }
    positions = recipe["max_image_positions"]
    frames = recipe["max_temporal_embeddings"]
    if recipe["naming"] == "native":
        return {
            "model_type": "florence_vision",
            **shared,
            "embed_dim": recipe["embed_dim"],
            "in_channels": 3,
            "qkv_bias": True,
            "activation_function": "gelu",
            "max_position_embeddings": positions,
            "max_temporal_embeddings": frames,
        }
    return {
        "model_type": "davit",
        **shared,
        "dim_embed": recipe["embed_dim"],
        "enable_checkpoint": False,
        "visual_temporal_embedding": {
            "type": "COSINE",
            "max_temporal_embeddings": frames,
        },
        "image_pos_embed": {
            "type": "learned_abs_2d",
            "max_pos_embeddings": positions,
        },
        "image_feature_source": ["spatial_avg_pool", "temporal_avg_pool"],
    }


def model_config(recipe: Recipe) -> dict[str, Any]:
    native = recipe["naming"] == "native"
    text = {
        "model_type": "bart" if native else "florence2_language",
        "vocab_size": recipe["vocab_size"],
        "d_model": recipe["d_model"],
        "encoder_layers": recipe["encoder_layers"],
        "decoder_layers": recipe["decoder_layers"],
        "num_hidden_layers": recipe["encoder_layers"],
        "encoder_attention_heads": recipe["text_heads"],
        "decoder_attention_heads": recipe["text_heads"],
        "encoder_ffn_dim": recipe["ffn_dim"],
        "decoder_ffn_dim": recipe["ffn_dim"],
        "activation_function": "gelu",
        "max_position_embeddings": recipe["text_positions"],
        "scale_embedding": False,
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "activation_dropout": 0.1,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "decoder_start_token_id": 2,
        "forced_bos_token_id": 0,
        "forced_eos_token_id": 2,
        "is_encoder_decoder": True,
        "tie_word_embeddings": recipe["tied"],
    }
    if not native:
        text = {**text, "num_beams": 3, "no_repeat_ngram_size": 3}
        text = {**text, "early_stopping": True, "normalize_before": False}
    return {
        "architectures": ["Florence2ForConditionalGeneration"],
        "model_type": "florence2",
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        **({"image_token_id": 51289} if native else {}),
        "is_encoder_decoder": True,
        "projection_dim": recipe["d_model"],
        "tie_word_embeddings": recipe["tied"],
        "dtype" if native else "torch_dtype": recipe["dtype"],
        "vocab_size": recipe["vocab_size"],
        "vision_config": vision_config(recipe),
        "text_config": text,
    }


def config_files(recipe: Recipe) -> dict[str, bytes]:
    side = recipe["input_size"]
    generation = {
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "decoder_start_token_id": 2,
        "forced_bos_token_id": 0,
        "forced_eos_token_id": 2,
        "no_repeat_ngram_size": 3,
        "num_beams": 3,
        "early_stopping": True,
    }
    preprocessor = {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"height": side, "width": side},
        "resample": 3,
        "do_center_crop": False,
        "do_rescale": True,
        "do_normalize": True,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
        "image_seq_length": (side // 32) ** 2 + 1,
    }
    return {
        "config.json": to_json(model_config(recipe)),
        "generation_config.json": to_json(generation),
        "preprocessor_config.json": to_json(preprocessor),
    }


def write_random_checkpoint(folder: Path, recipe: Recipe) -> None:
    """Write the whole Hugging Face directory."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {**config_files(recipe), **tokenizer_files(recipe)}.items():
        (folder / name).write_bytes(content)
    shards = split_shards(recipe)
    size = DTYPES[recipe["dtype"]][1]
    weight_map: dict[str, str] = {}
    total = 0
    for n, tensors in enumerate(shards):
        name = "model.safetensors"
        if len(shards) > 1:
            name = f"model-{n + 1:05d}-of-{len(shards):05d}.safetensors"
        with (folder / name).open("wb") as file:
            header = safetensors_header(recipe, tensors)
            file.write(struct.pack("<Q", len(header)) + header)
            for tensor in tensors:
                file.write(encode(values_of(recipe, tensor), recipe["dtype"]))
                weight_map[tensor.name] = name
                total += math.prod(tensor.shape) * size
    if len(shards) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": weight_map}
        (folder / "model.safetensors.index.json").write_bytes(to_json(index))


def fingerprint(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, by name."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    write_random_checkpoint(folder, load_recipe(name))
    for file, digest in fingerprint(folder).items():
        print(digest, file)


if __name__ == "__main__":
    main()
