"""
Writes a trained model as a checkpoint directory in Hugging Face's manner and compares what it wrote with what was trained.

    python export.py --run /tmp/florence-training/run --out models/box/checkpoint

Takes 10 seconds. Ends with the largest difference of the logits between the float16 checkpoint and the trained model.
Without a trained model in --run it writes random weights, to try the form.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from model import CLOSER, NEAR_TASKS, PROMPTS, Bart, BoxModel, TextConfig
from near import NEAR
from tokenizer import FLORENCE, SCORES

# `dense_caption` is trained but not listed: three words may not repeat in an answer, and its phrases would have to.
TASKS = ["caption", "caption:detailed", "caption:full", "detect", "propose", "detect_open", "ground", "segment", "segment_regions",
         "classify_regions", "describe_regions", "ocr_regions", "ocr", "ocr:lines"]
# The detector answers these prompts itself: nothing is lost in copying, and there is room for all it sees.
ANSWERS = {"labeled": PROMPTS["detect"], "unlabeled": PROMPTS["propose"], "score_threshold": 0.1, "max": 100}


def config_json(c, vision, tasks):
    text = {
        "model_type": "bart", "d_model": c.d_model, "encoder_layers": c.encoder_layers, "decoder_layers": c.decoder_layers,
        "encoder_attention_heads": c.heads, "decoder_attention_heads": c.heads, "encoder_ffn_dim": c.ffn_dim,
        "decoder_ffn_dim": c.ffn_dim, "vocab_size": c.vocab_size, "max_position_embeddings": c.max_position_embeddings,
        "activation_function": "gelu", "scale_embedding": False, "normalize_before": False, "dropout": c.dropout,
        "attention_dropout": 0.0, "activation_dropout": 0.0, "init_std": 0.02, "is_encoder_decoder": True,
        "tie_word_embeddings": True, "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2,
        "forced_bos_token_id": 0, "forced_eos_token_id": 2,
    }
    return {
        "architectures": ["Florence2ForConditionalGeneration"], "model_type": "florence2", "torch_dtype": "float16",
        "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2, "is_encoder_decoder": True,
        "tie_word_embeddings": True, "projection_dim": c.d_model, "vocab_size": c.vocab_size, "florence_tasks": tasks,
        "text_config": text, "vision_config": {**vision, "projection_dim": c.d_model},
    }


def generation_json(tokenizer):
    never = [1, 3] + [tokenizer.token_to_id(t) for t in FLORENCE + SCORES if not t.startswith("<loc_")]
    return {
        "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2, "forced_bos_token_id": 0,
        "forced_eos_token_id": 2, "num_beams": 3, "no_repeat_ngram_size": 3, "early_stopping": True, "length_penalty": 1.0,
        "suppress_tokens": sorted(never),
    }


def add_outline(tower, head):
    """The steps of outline.py's head go on from the classifier's plan, and the prompts it is for."""
    tower["plan"] += head["plan"]
    tower["outputs"][head["output"]] = head["value"]
    tower["outline"] = {"output": head["output"], "region": PROMPTS["segment_regions"].split("{input}")[0], "phrase": PROMPTS["segment"]}


MIN_SCORES = {"detect": 0.3}  # left out unless asked for: of the boxes around 0.3 a third is right


def write_checkpoint(out, bart, vision, towers, tokenizer_files, tasks, thresholds):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for file in ("tokenizer.json", "vocab.json", "merges.txt"):
        shutil.copyfile(Path(tokenizer_files) / file, out / file)
    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    write = lambda name, value: (out / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    write("config.json", config_json(bart.config, vision, tasks) | {"florence_thresholds": thresholds, "florence_min_scores": MIN_SCORES})
    write("generation_config.json", generation_json(tokenizer))
    write("preprocessor_config.json", {
        "image_processor_type": "HintTowersImageProcessor", "do_convert_rgb": True, "resample": 3,
        "inputs": {t["name"]: t["input"] for t in vision["towers"]},
        "image_seq_length": vision["image_tokens"],
    })
    tensors = {f"model.language_model.{k}": t for k, t in bart.state_dict().items()}
    tensors = {k: t.half().contiguous() for k, t in {**tensors, **towers}.items()}
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    return sum(t.numel() for t in tensors.values())


def replace_language_model(kept, out, bart):
    """A checkpoint that is another's but for its language model."""
    kept, out = Path(kept), Path(out)
    if kept.resolve() != out.resolve():
        shutil.copytree(kept, out, dirs_exist_ok=True)
    tensors = load_file(str(kept / "model.safetensors"))
    tensors |= {f"model.language_model.{k}": t.half().contiguous() for k, t in bart.state_dict().items()}
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    return sum(t.numel() for t in tensors.values())


def read_towers(directory, reader, out):
    """-> the vision section and the towers' tensors; the reader's graphs are copied to `out`."""
    looking = Path(directory)  # with the photo tags' head, once photo_tags.py has run
    vision = json.loads((looking / "vision.json" if (looking / "vision.json").exists() else looking / "towers.json").read_text())
    towers = load_file(str(looking / "towers.safetensors"))
    if (looking / "photo_tags.safetensors").exists():
        towers |= load_file(str(looking / "photo_tags.safetensors"))
    if (looking / "outline.json").exists():
        towers |= load_file(str(looking / "outline.safetensors"))
        add_outline(vision["towers"][0], json.loads((looking / "outline.json").read_text()))
    vision |= {"closer": CLOSER, "region_labels": True, "places": "hinted"}
    vision["near"] = NEAR | {"prompts": [PROMPTS[task] for task in NEAR_TASKS]}
    vision["towers"][1]["answers"] = ANSWERS
    if (Path(reader) / "reader.json").exists():
        vision["reader"] = json.loads((Path(reader) / "reader.json").read_text())
        Path(out).mkdir(parents=True, exist_ok=True)
        for part in ("detector", "recognizer"):
            file = vision["reader"][part]["graph"]["file"]
            shutil.copyfile(Path(reader) / file, Path(out) / file)
    return vision, towers


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="/tmp/florence-training/run")
    parser.add_argument("--towers", default="/tmp/florence-training/towers")
    parser.add_argument("--mix", help="a checkpoint directory whose language model is mixed in, such as the one --begin named")
    parser.add_argument("--share", type=float, default=0.6, help="of the newly trained weights in the mixture")
    parser.add_argument("--keep", help="a checkpoint directory of which all but the language model is kept, thresholds too")
    parser.add_argument("--reader", default="/tmp/florence-training/reader")
    parser.add_argument("--thresholds", default="/tmp/florence-training/thresholds.json", help="by thresholds.py, if it has run")
    parser.add_argument("--tokenizer", default="/tmp/florence-training/tokenizer")
    parser.add_argument("--tasks", default=",".join(TASKS), help="what the model answers well enough to be listed")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.manual_seed(0)
    tokenizer = Tokenizer.from_file(str(Path(args.tokenizer) / "tokenizer.json"))
    bart = Bart(TextConfig(vocab_size=tokenizer.get_vocab_size()))
    trained = Path(args.run) / "model.pt"
    if trained.exists():
        saved = torch.load(trained, map_location="cpu", weights_only=True)
        bart = Bart(TextConfig(**saved["config"]))
        bart.load_state_dict(saved["model"])
    else:
        print(f"no {trained}: random weights")
    if args.mix:  # the mean of two trainings, the one begun from the other, keeps what the first knew better
        before = BoxModel(args.mix).bart.state_dict()
        bart.load_state_dict({k: args.share * t + (1 - args.share) * before[k] for k, t in bart.state_dict().items()})
    bart.eval()
    if args.keep:
        count = replace_language_model(args.keep, args.out, bart)
    else:
        vision, towers = read_towers(args.towers, args.reader, args.out)
        thresholds = json.loads(Path(args.thresholds).read_text()) if Path(args.thresholds).exists() else {}
        count = write_checkpoint(args.out, bart, vision, towers, args.tokenizer, args.tasks.split(","), thresholds)
    again = BoxModel(args.out)
    source = torch.tensor([again.source({"tags": [("dog", 0.7)], "boxes": [("dog", 0.9, (1, 2, 30, 40))], "size": (64, 64)}, "caption")])
    with torch.no_grad():
        logits = [m(source, source[:, :8]) @ m.shared.weight.T for m in (bart, again.bart)]
    size = (Path(args.out) / "model.safetensors").stat().st_size
    print(f"wrote {args.out}: {count:,} parameters, {size / 1e6:.1f} MB, largest difference of the logits "
          f"{(logits[0] - logits[1]).abs().max().item():.1e} (they reach {logits[0].abs().max().item():.1f})")
