"""
Trains Florence-2 itself, from a checkpoint in transformers' naming (florence-community/Florence-2-base, -large, -ft), on photos
with questions and answers.

    python florence.py --checkpoint Florence-2-base-ft --photos DIR --labels FILE.jsonl --out DIR --lora 8 --steps 500
    python florence.py ... --resume          the same arguments once more

FILE.jsonl has a line an example; `examples_of` says what each of the 15 tasks takes. Lines of `florence evaluate` (captions,
objects) are examples of caption and detect as they are. The loss is cross-entropy on the answer's tokens only. With --lora R only matrices of rank R beside those
of the language model are learned; without it all of the language model is, and with --vision the vision tower too. Where the
vision tower does not learn, it sees every photo once. Writes a checkpoint for `florence convert` (matrices merged), state.pt to
go on from, bit by bit on the same machine, and log.jsonl. Minutes and losses are in README.md.

On a GPU of 24 GB: base in full with --batch 8 --rate 1e-6, or --lora 8 --rate 1e-4 (huggingface/blog, finetune-florence2). Needs `pip install transformers`.
"""

import argparse
import hashlib
import json
import math
import random
import shutil
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from model import PROMPTS, quantise
from train import schedule, write

PROMPTS = {**PROMPTS, "segment": "Locate {input} in the image with mask", "segment_regions": "What is the polygon mask of region {input}",
           "ocr": "What is the text in the image?", "ocr:lines": "What is the text in the image, with regions?",
           "ocr_regions": "What text is in the region {input}?"}


# --- examples -----------------------------------------------------------------------------------------------------------

def places(numbers, row):
    """x, y, x, y, ... in pixels -> location tokens"""
    return "".join(f"<loc_{quantise(v, row['height' if n % 2 else 'width'])}>" for n, v in enumerate(numbers))


def corners(box):
    return [box[k] for k in ("x_min", "y_min", "x_max", "y_max")]


def labeled(objects, row):
    """Objects in Florence-2's manner: a label, then all of its boxes."""
    boxes = {}
    for o in objects:
        boxes.setdefault(o["label"], []).append(places(corners(o["box"]), row))
    return "".join(label + "".join(b) for label, b in boxes.items())


def outline(row):
    """`polygons`: lists of x, y, x, y, ...; parts of one thing stand with <sep> between them."""
    return "<sep>".join(places(p, row) for p in row["polygons"])


def examples_of(row):
    """A line -> [(prompt, answer)]. `task` is one of the API's names:

    caption, caption:detailed, caption:full   text, or captions: several texts
    detect, dense_caption, propose            objects: label (a description for dense_caption, none for propose) and box
    ground, detect_open                       phrase, or labels: a list; objects, whose labels are the words asked for
    segment                                   phrase, polygons
    segment_regions                           region: a box; polygons
    classify_regions, describe_regions, ocr_regions    region, text
    ocr                                       text
    ocr:lines                                 lines: text and quad (eight numbers)

    Boxes and points are in pixels of width and height. A line without task is caption for its captions and detect for its objects."""
    task = row.get("task")
    if task is None:
        found = [(PROMPTS["caption"], text) for text in row.get("captions", [])]
        return found + ([(PROMPTS["detect"], labeled(row["objects"], row))] if row.get("objects") else [])
    if task not in PROMPTS:
        raise ValueError(f"there is no task {task!r}; there are {', '.join(PROMPTS)}")
    prompt = PROMPTS[task]
    if task in ("ground", "segment"):
        prompt = prompt.replace("{input}", row["phrase"])
    elif task == "detect_open":
        prompt = prompt.replace("{input}", "<and>".join(row["labels"]))
    elif "{input}" in prompt:
        prompt = prompt.replace("{input}", places(corners(row["region"]), row))
    if task in ("detect", "dense_caption", "ground", "detect_open"):
        return [(prompt, labeled(row["objects"], row))]
    if task == "propose":
        return [(prompt, "".join(places(corners(o["box"]), row) for o in row["objects"]))]
    if task in ("segment", "segment_regions"):
        return [(prompt, outline(row))]
    if task == "ocr:lines":
        return [(prompt, "".join(line["text"] + places(line["quad"], row) for line in row["lines"]))]
    return [(prompt, text) for text in (row["captions"] if "captions" in row else [row["text"]])]


def read_examples(file):
    """-> [(image, prompt, answer)]; a fault is told with its line."""
    found = []
    for number, line in enumerate(Path(file).read_text(encoding="utf8").splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
                found += [(row["image"], prompt, answer) for prompt, answer in examples_of(row)]
            except (ValueError, KeyError, TypeError) as fault:
                what = f"{fault.args[0]!r} is missing" if isinstance(fault, KeyError) else str(fault)
                raise SystemExit(f"{file}, line {number}: {what}.") from None
    if not found:
        raise SystemExit(f"{file} has no examples.")
    return found


def pixels_of(file, spec):
    """[3,S,S]: upright, RGB, stretched to the square, as the checkpoint's preprocessor_config.json has it."""
    size = spec["size"]["height"]
    image = ImageOps.exif_transpose(Image.open(file)).convert("RGB").resize((size, size), Image.BICUBIC)
    x = np.asarray(image, np.float32) / np.float32(255)
    return torch.from_numpy(((x - np.float32(spec["image_mean"])) / np.float32(spec["image_std"])).transpose(2, 0, 1).copy())


# --- LoRA (arXiv 2106.09685) ---------------------------------------------------------------------------------------------

class Lora(nn.Module):
    """A linear layer that stays, and beside it B A of rank r; B begins as zeros, so that nothing changes at first."""

    def __init__(self, linear, rank):
        super().__init__()
        self.linear = linear
        self.a = nn.Parameter(torch.randn(rank, linear.in_features, dtype=torch.float32) / math.sqrt(linear.in_features))
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x):
        return self.linear(x) + 2.0 * (x @ self.a.T.to(x.dtype)) @ self.b.T.to(x.dtype)  # alpha is twice the rank

    @torch.no_grad()
    def merge(self):
        self.linear.weight += (2.0 * self.b @ self.a).to(self.linear.weight.dtype)
        return self.linear


LORA_LAYERS = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


def each_lora_place(module):
    return [(parent, name) for parent in module.modules() for name, child in parent.named_children()
            if name in LORA_LAYERS and isinstance(child, (nn.Linear, Lora))]


def add_lora(model, rank):
    for parent, name in each_lora_place(model.model.language_model):
        setattr(parent, name, Lora(getattr(parent, name), rank))


def merge_lora(model):
    for parent, name in each_lora_place(model.model.language_model):
        if isinstance(getattr(parent, name), Lora):
            setattr(parent, name, getattr(parent, name).merge())


# --- checkpoints ---------------------------------------------------------------------------------------------------------

def open_checkpoint(folder, dropout=None):
    """-> the model in float32, its tokenizer, its preprocessor's settings. dropout: instead of the checkpoint's own."""
    from transformers import Florence2Config, Florence2ForConditionalGeneration

    folder = Path(folder)
    if not (folder / "config.json").exists():
        raise SystemExit(f"{folder} is no checkpoint: it has no config.json.")
    kind = json.loads((folder / "config.json").read_text()).get("vision_config", {}).get("model_type")
    if kind == "hint_towers":
        raise SystemExit(f"{folder} is a box model: train.py trains it, finetune.py teaches its detector new things.")
    if kind == "davit":
        raise SystemExit(f"{folder} is in Microsoft's naming. Take the same weights in transformers' (florence-community/Florence-2-…), or rename them with "
                         "transformers' convert_florence2_original_pytorch_to_hf.py.")
    settings = Florence2Config.from_pretrained(folder)
    if dropout is not None:
        text, settings.vision_config.drop_path_rate = settings.text_config, dropout
        text.dropout = text.attention_dropout = text.activation_dropout = dropout
    model = Florence2ForConditionalGeneration.from_pretrained(folder, config=settings, dtype=torch.float32)
    return model, Tokenizer.from_file(str(folder / "tokenizer.json")), json.loads((folder / "preprocessor_config.json").read_text())


def write_checkpoint(source, out, model):
    """The files of `source` with this model's weights, by the names and in the types that were there."""
    source, out = Path(source), Path(out)
    out.mkdir(parents=True, exist_ok=True)
    before = {}
    for file in sorted(source.glob("*.safetensors")):
        before |= {name: t.dtype for name, t in load_file(str(file)).items()}
    now = model.state_dict()
    save_file({name: now[name].to(dtype).contiguous().clone() for name, dtype in before.items()}, out / "model.safetensors", metadata={"format": "pt"})
    for file in source.iterdir():
        if file.suffix in (".json", ".txt", ".md") and file.name != "model.safetensors.index.json":
            shutil.copyfile(file, out / file.name)


# --- training --------------------------------------------------------------------------------------------------------------

class Rows:
    """Endless batches of example numbers, each example once an epoch; `state` is where it stands."""

    def __init__(self, count, size, seed):
        self.count, self.size, self.random, self.order = count, min(size, count), random.Random(seed), []

    def __next__(self):
        while len(self.order) < self.size:
            more = list(range(self.count))
            self.random.shuffle(more)
            self.order += more
        taken, self.order = self.order[: self.size], self.order[self.size :]
        return taken

    def state(self):
        return {"random": self.random.getstate(), "order": self.order}

    def load_state(self, state):
        version, numbers, gauss = state["random"]
        self.random.setstate((version, tuple(numbers), gauss))
        self.order = state["order"]


def lines_until(file, step):
    """The log's whole lines up to a step: what a killed run wrote after its last state.pt is learned, and told, again."""
    whole = file.read_text().rpartition("\n")[0].splitlines() if file.exists() else []
    return "".join(line + "\n" for line in whole if json.loads(line)["step"] <= step)


class Learner:
    def __init__(self, model, tokenizer, examples, pixels, vision, device="cpu", bf16=False):
        """pixels: a function from an image's name to [3,S,S]."""
        self.model, self.examples, self.pixels, self.vision, self.device, self.bf16 = model.to(device), examples, pixels, vision, device, bf16
        encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
        self.ids = [([0] + encode(prompt) + [2], [0] + encode(answer) + [2]) for _, prompt, answer in examples]
        longest = model.config.text_config.max_position_embeddings
        if max(len(answer) for _, answer in self.ids) > longest:
            raise SystemExit(f"An answer has more than {longest} tokens: split it.")
        self.seen = {}
        self.learned = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(self.learned.values(), weight_decay=0.01)
        self.step, self.loss = 0, None
        model.train()
        if not vision:
            model.model.vision_tower.eval()

    def features(self, images):
        """[B,n,d]: the projected image tokens."""
        if self.vision:
            return self.model.model.get_image_features(torch.stack([self.pixels(i) for i in images]).to(self.device)).pooler_output
        for image in images:
            if image not in self.seen:
                with torch.no_grad():
                    self.seen[image] = self.model.model.get_image_features(self.pixels(image)[None].to(self.device)).pooler_output[0]
        return torch.stack([self.seen[i] for i in images])

    def loss_of(self, rows):
        """Mean cross-entropy of the answers' tokens of some examples."""
        pad = lambda ids, value: torch.tensor([i + [value] * (max(map(len, ids)) - len(i)) for i in ids], device=self.device)
        prompts, labels = pad([self.ids[r][0] for r in rows], 1), pad([self.ids[r][1] for r in rows], -100)
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.bf16):
            seen = self.features([self.examples[r][0] for r in rows])
            joined = torch.cat([seen, self.model.get_input_embeddings()(prompts).to(seen.dtype)], dim=1)  # [B,n+t,d]
            mask = torch.cat([torch.ones(seen.shape[:2], dtype=torch.long, device=self.device), (prompts != 1).long()], dim=1)
            encoded = self.model.model.language_model.encoder(inputs_embeds=joined, attention_mask=mask)
            return self.model(encoder_outputs=encoded, attention_mask=mask, labels=labels).loss

    def learn(self, rows, rate):
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss_of(rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learned.values(), 1.0)
        self.optimizer.step()
        self.step += 1
        self.loss = loss.item() if self.loss is None else 0.9 * self.loss + 0.1 * loss.item()
        return loss.item()

    def state(self):
        random = {"cpu": torch.get_rng_state()} | ({"cuda": torch.cuda.get_rng_state()} if self.device == "cuda" else {})
        return {"learned": {n: p.detach() for n, p in self.learned.items()}, "optimizer": self.optimizer.state_dict(), "step": self.step, "loss": self.loss, "random": random}

    @torch.no_grad()
    def load_state(self, state):
        if state["learned"].keys() != self.learned.keys():
            raise SystemExit("state.pt is of a run with other --lora or --vision.")
        for n, p in self.learned.items():
            p.copy_(state["learned"][n])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.loss = state["step"], state["loss"]
        torch.set_rng_state(state["random"]["cpu"].cpu())
        if self.device == "cuda":
            torch.cuda.set_rng_state(state["random"]["cuda"].cpu())


def prepare_model(model, lora, vision):
    """Says what is learned."""
    model.requires_grad_(False)
    if lora:
        add_lora(model, lora)
        for parent, name in each_lora_place(model.model.language_model):
            layer = getattr(parent, name)
            layer.a.requires_grad_(), layer.b.requires_grad_()
    else:
        model.model.language_model.requires_grad_(True)
        model.lm_head.requires_grad_(True)
    if vision:
        model.model.vision_tower.requires_grad_(True)
        model.model.multi_modal_projector.requires_grad_(True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--photos", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--lora", type=int, default=0, metavar="RANK")
    parser.add_argument("--vision", action="store_true", help="the vision tower learns too")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--stop", type=int, help="stop after this step, for --resume to go on")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, help="1e-4 with --lora, else 1e-6, if left out")
    parser.add_argument("--dropout", type=float, help="the checkpoint's own, 0.1, if left out; 0 to learn few examples by heart")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, help="where the GPU has it, if left out")
    parser.add_argument("--save-every", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    bf16 = args.bf16 if args.bf16 is not None else device == "cuda" and torch.cuda.is_bf16_supported()
    rate = args.rate or (1e-4 if args.lora else 1e-6)
    out, examples = Path(args.out), read_examples(args.labels)
    if out.resolve() == Path(args.checkpoint).resolve():
        raise SystemExit("--out is --checkpoint: it would be written over.")
    if args.resume and not (out / "state.pt").exists():
        raise SystemExit(f"{out / 'state.pt'} is not there: nothing to go on from. Leave --resume out.")
    for image in {e[0] for e in examples}:
        if not (Path(args.photos) / image).exists():
            raise SystemExit(f"{Path(args.photos) / image} is not there; the labels name it.")
    model, tokenizer, spec = open_checkpoint(args.checkpoint, args.dropout)
    prepare_model(model, args.lora, args.vision)
    learner = Learner(model, tokenizer, examples, lambda image: pixels_of(Path(args.photos) / image, spec), args.vision, device, bf16)
    rows = Rows(len(examples), args.batch, args.seed)
    out.mkdir(parents=True, exist_ok=True)
    what = hashlib.sha1(json.dumps([examples, rate, bf16, *(getattr(args, k) for k in ("lora", "vision", "steps", "batch", "dropout", "seed"))]).encode()).hexdigest()
    kept = ""
    if args.resume:
        state = torch.load(out / "state.pt", weights_only=True, map_location=device)
        learner.load_state(state), rows.load_state(state["rows"])
        kept = lines_until(out / "log.jsonl", learner.step)
        if state["what"] != what:
            print("The labels or the settings are not what this run began with: it goes on, but not bit by bit.", flush=True)
    (out / "log.jsonl").write_text(kept)
    total = sum(p.numel() for p in model.parameters())
    print(f"{len(examples)} examples, {sum(p.numel() for p in learner.learned.values()):,} of {total:,} parameters learn, {device}{', bfloat16' if bf16 else ''}", flush=True)
    began = time.time()
    while learner.step < min(args.steps, args.stop or args.steps):
        loss = learner.learn(next(rows), schedule((learner.step + 1) / args.steps, rate))
        last = learner.step == min(args.steps, args.stop or args.steps)
        if learner.step % 10 == 0 or last:
            line = {"step": learner.step, "seconds": round(time.time() - began, 1), "loss": round(loss, 4), "mean": round(learner.loss, 4)}
            print(json.dumps(line), flush=True)
            with open(out / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
        if learner.step % args.save_every == 0 or last:
            write(out / "state.pt", {**learner.state(), "rows": rows.state(), "what": what})
    merge_lora(model)
    write_checkpoint(args.checkpoint, out, model)
    (out / "run.json").write_text(json.dumps({"args": vars(args), "step": learner.step, "loss": learner.loss}, indent=1) + "\n")
    print(f"wrote {out}")
