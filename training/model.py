"""
The box model: two towers that look, and a small BART that speaks. THE reference for a checkpoint whose
`vision_config.model_type` is "hint_towers".

    image --> towers (plans of convolutions) --> hints: tags and boxes, as token ids
    [hints, <s> prompt </s>] --> encoder --> decoder --> <s> answer </s>

Used by the other scripts; alone, `python model.py --checkpoint DIR --image FILE` prints the hints and the answers
(about a second). Long, because a reference is read as one.
"""

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image

import near
from polygons import outline_ids, outline_of

PROMPTS = {  # API name -> Florence-2's own prose; {input} is filled in
    "caption": "What does the image describe?",
    "caption:detailed": "Describe in detail what is shown in the image.",
    "caption:full": "Describe with a paragraph what is shown in the image.",
    "detect": "Locate the objects with category name in the image.",
    "propose": "Locate the region proposals in the image.",
    "detect_open": "Locate {input} in the image.",
    "ground": "Locate the phrases in the caption: {input}",
    "segment": "Locate {input} in the image with mask",
    "dense_caption": "Locate the objects in the image, with their descriptions.",
    "classify_regions": "What is the region {input}?",
    "describe_regions": "What does the region {input} describe?",
    "segment_regions": "What is the polygon mask of region {input}",
}
NEAR_TASKS = ("caption:full", "detect_open", "ground", "segment", "dense_caption")  # things are told apart: see near.py


# --- towers --------------------------------------------------------------------------------------------------------

ACTIVATIONS = {"none": lambda x: x, "relu": F.relu, "relu6": F.relu6, "silu": F.silu, "sigmoid": torch.sigmoid}


def run_plan(plan, tensors, image, known=None):
    """Executes a tower's steps in order over named values. image [B,3,S,S]; returns all values by name. known: values of steps
    that ran before, for a plan that goes on from them."""
    v = {"image": image, **(known or {})}
    for step in plan:
        op = step["op"]
        x = v[step["input"]] if "input" in step else None
        if op == "conv":
            top, left, bottom, right = step["padding"]
            x = F.pad(x, (left, right, top, bottom)) if any(step["padding"]) else x
            y = F.conv2d(x, tensors[step["weight"]], tensors[step["bias"]], stride=step["stride"], groups=step["groups"])
            y = ACTIVATIONS[step["activation"]](y)
        elif op == "max_pool":
            top, left, bottom, right = step["padding"]
            y = F.max_pool2d(F.pad(x, (left, right, top, bottom), value=-math.inf), step["kernel"], step["stride"])
        elif op == "average_pool":
            y = F.adaptive_avg_pool2d(x, step["size"])  # only size 1, the mean, is in use
        elif op == "upsample_nearest":
            y = F.interpolate(x, scale_factor=step["scale"], mode="nearest")
        elif op == "concat":
            y = torch.cat([v[name] for name in step["inputs"]], dim=1)  # channels
        elif op == "add":
            a, b = step["inputs"]
            y = v[a] + v[b]
        elif op == "space_to_depth":  # [B,C,h,w] -> [B,4C,h/2,w/2]: top left, bottom left, top right, bottom right
            y = torch.cat([x[:, :, 0::2, 0::2], x[:, :, 1::2, 0::2], x[:, :, 0::2, 1::2], x[:, :, 1::2, 1::2]], dim=1)
        elif op == "linear":
            y = F.linear(x.flatten(1), tensors[step["weight"]], tensors[step["bias"]])
        elif op == "flatten_grid":
            y = x.flatten(2).transpose(1, 2)  # [B,C,h,w] -> [B,h*w,C]
        else:
            raise ValueError(f"unknown step {op}")
        v[step["output"]] = y
    return v


def prepare(image, spec):
    """PIL image -> [3,S,S] float32 and the scale from the original to the tower's pixels (1 where stretched)."""
    image = image.convert("RGB")
    S, scale = spec["size"], 1.0
    if spec["resize"] == "stretch":
        pixels = np.asarray(image.resize((S, S), Image.BICUBIC))
    else:  # letterbox: the picture in the top left corner, the rest is padding
        w, h = image.size
        scale = min(S / w, S / h)
        small = image.resize((max(1, int(w * scale)), max(1, int(h * scale))), Image.BICUBIC)
        pixels = np.full((S, S, 3), spec["pad"], dtype=np.uint8)
        pixels[: small.height, : small.width] = np.asarray(small)
    if spec["order"] == "bgr":
        pixels = pixels[:, :, ::-1]
    x = (pixels.astype(np.float32) - np.float32(spec["mean"])) / np.float32(spec["std"])
    return torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1))), scale


def read_tags(values, tower):
    """Tower values of ONE image -> [(name, score)], best first over all heads; a repeated name keeps its better score."""
    tags = []
    for head in tower["heads"]:
        logits = values[tower["outputs"][head["output"]]][0].float()
        p = logits.softmax(-1) if head["activation"] == "softmax" else logits.sigmoid()
        p = p.tolist()
        best = sorted(range(len(p)), key=lambda i: -p[i])[: head["max"]]  # stable: ties go to the lower index
        tags += [(head["labels"][i], p[i]) for i in best if p[i] >= head["threshold"]]
    tags.sort(key=lambda tag: -tag[1])  # stable: ties go to the earlier head
    seen = set()
    return [tag for tag in tags if not (tag[0] in seen or seen.add(tag[0]))]


def overlap(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def read_boxes(values, tower, scale):
    """Tower values of ONE image -> [(label, score, (x1,y1,x2,y2) in original pixels)], best first, after class-wise NMS."""
    found = []
    S = tower["input"]["size"]
    for stride in tower["strides"]:
        p = values[tower["outputs"][f"stride_{stride}"]][0].float()  # [h*w, 4+1+classes]
        score, label = (p[:, 4:5] * p[:, 5:]).max(dim=1)  # objectness x best class; ties go to the lower class
        for i in (score >= tower["score_threshold"]).nonzero()[:, 0].tolist():
            row, column = divmod(i, S // stride)
            cx, cy = (p[i, 0].item() + column) * stride, (p[i, 1].item() + row) * stride
            w, h = math.exp(p[i, 2].item()) * stride, math.exp(p[i, 3].item()) * stride
            found.append((label[i].item(), score[i].item(), (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)))
    found.sort(key=lambda d: -d[1])  # stable: ties go to the smaller stride, then row-major
    kept = []
    for d in found:
        if len(kept) == tower["max"]:
            break
        if all(k[0] != d[0] or overlap(k[2], d[2]) <= tower["nms_iou"] for k in kept):
            kept.append(d)
    return [(tower["labels"][c], s, tuple(x / scale for x in box)) for c, s, box in kept]


def told_and_hinted(values, tower, scale):
    """What a detector answers itself, and what it hints: the same boxes, down to two different scores."""
    told = tower.get("answers", {"score_threshold": math.inf, "max": 0})
    wide = {**tower, "score_threshold": min(tower["score_threshold"], told["score_threshold"]), "max": max(tower["max"], told["max"])}
    found = read_boxes(values, wide, scale)
    down_to = lambda rules: [b for b in found if b[1] >= rules["score_threshold"]][: rules["max"]]
    return down_to(told), down_to(tower)


def look(image, vision, tensors, kinds=("classifier", "detector")):
    """PIL image -> {"tags": [...], "boxes": [...], "size": (w, h)}: all that the language model will know of it; "told": the
    boxes that the detector answers with itself; "cells": all of the detector's cells, for a closer look; "outline": the map of the
    classifier's outline head, if it has one."""
    hints = {"tags": [], "boxes": [], "told": [], "size": image.size}
    dtype = next(iter(tensors.values())).dtype
    for tower in vision["towers"]:
        if tower["kind"] not in kinds:
            continue
        x, scale = prepare(image, tower["input"])
        values = run_plan(tower["plan"], tensors, x[None].to(dtype))
        if tower["kind"] == "classifier":
            hints["tags"] += read_tags(values, tower)
            if "outline" in tower:
                hints["outline"] = values[tower["outputs"][tower["outline"]["output"]]][0, 0].float().numpy()  # [S,S]
        else:
            told, hinted = told_and_hinted(values, tower, scale)
            hints["told"] += told
            hints["boxes"] += hinted
            hints["cells"] = (*near.cells(values, tower, scale), tower["labels"])
    return hints


CLOSER = 0.1  # share of a region's sides that is added around it


def closer_corners(size, box):
    """The whole pixels of a region with a margin, for a closer look. size: (w, h); box: (x1,y1,x2,y2) in pixels."""
    x1, y1, x2, y2 = box
    dx, dy = CLOSER * (x2 - x1), CLOSER * (y2 - y1)
    left, top = max(0, math.floor(x1 - dx)), max(0, math.floor(y1 - dy))
    return left, top, max(left + 1, min(size[0], math.ceil(x2 + dx))), max(top + 1, min(size[1], math.ceil(y2 + dy)))


def closer(image, box):
    return image.crop(closer_corners(image.size, box))


# --- hints and prompts as token ids --------------------------------------------------------------------------------

def quantise(v, size):
    return min(999, max(0, math.floor(v / (size / 1000))))


def loc_ids(box, size, tokenizer):
    """(x1,y1,x2,y2) in pixels -> four ids of <loc_...>."""
    (w, h), first = size, tokenizer.token_to_id("<loc_0>")
    return [first + quantise(v, s) for v, s in zip(box, (w, h, w, h))]


def encode(text, tokenizer):
    return tokenizer.encode(text, add_special_tokens=False).ids


def hint_ids(hints, tokenizer, prompt=None):
    """<cap> name <score> ... </cap> <od> label <loc>x4 <score> ... </od>; for near hints with what the words have in common with
    the text of the prompt, as a second score."""
    id_of = tokenizer.token_to_id
    score = lambda s: id_of("<score_0>") + min(9, int(10 * s))
    ids = [id_of("<cap>")]
    for name, s in hints["tags"]:
        ids += encode(name, tokenizer) + [score(s)]
    ids += [id_of("</cap>"), id_of("<od>")]
    for label, s, box in hints["boxes"]:
        ids += encode(label, tokenizer) + loc_ids(box, hints["size"], tokenizer) + [score(s)]
        ids += [] if prompt is None else [id_of("<score_0>") + near.matches(label, prompt)]
    return ids + [id_of("</od>")]


def prompt_ids(task, tokenizer, text=""):
    return tokenizer.encode(PROMPTS[task].replace("{input}", text)).ids  # <s> ... </s> by the post-processor


def object_ids(boxes, size, tokenizer, labels=True):
    """The answer a detector gives itself: a label before the boxes it holds for, best first."""
    ids, before = [0], None
    for label, _, box in boxes:
        if labels and label != before:
            ids += encode(label, tokenizer)
        ids, before = ids + loc_ids(box, size, tokenizer), label
    return ids + [2]


def line_ids(lines, size, tokenizer):
    """The reader's own answer: each text and the eight coordinates of its corners."""
    first, ids = tokenizer.token_to_id("<loc_0>"), [0]
    for line in lines:
        ids += encode(line["text"], tokenizer) + [first + quantise(v, s) for corner in line["quad"] for v, s in zip(corner, size)]
    return ids + [2]


# --- BART ----------------------------------------------------------------------------------------------------------

@dataclass
class TextConfig:
    vocab_size: int = 8192
    d_model: int = 256
    encoder_layers: int = 2
    decoder_layers: int = 3
    heads: int = 4
    ffn_dim: int = 1024
    max_position_embeddings: int = 512
    dropout: float = 0.1
    pad: int = 1


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads = c.heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(c.d_model, c.d_model) for _ in range(4))

    def forward(self, x, memory, mask=None, causal=False):  # x [B,T,d], memory [B,S,d], mask [B,1,1,S] True where seen
        split = lambda t: t.view(t.shape[0], t.shape[1], self.heads, -1).transpose(1, 2)  # [B,heads,T,d/heads]
        q, k, v = split(self.q_proj(x)), split(self.k_proj(memory)), split(self.v_proj(memory))
        with torch.autocast("cpu", enabled=False):  # in bfloat16 its backward pass is three times slower here
            y = F.scaled_dot_product_attention(q.to(x.dtype), k.to(x.dtype), v.to(x.dtype), attn_mask=mask, is_causal=causal)
        return self.out_proj(y.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Post-LN: h = LN(h + f(h)) for self-attention, cross-attention (decoder only) and the feed-forward part."""

    def __init__(self, c, cross):
        super().__init__()
        self.self_attn, self.self_attn_layer_norm = Attention(c), nn.LayerNorm(c.d_model)
        if cross:
            self.encoder_attn, self.encoder_attn_layer_norm = Attention(c), nn.LayerNorm(c.d_model)
        self.fc1, self.fc2 = nn.Linear(c.d_model, c.ffn_dim), nn.Linear(c.ffn_dim, c.d_model)
        self.final_layer_norm = nn.LayerNorm(c.d_model)
        self.drop = nn.Dropout(c.dropout)

    def forward(self, h, mask, memory=None):
        causal = memory is not None
        h = self.self_attn_layer_norm(h + self.drop(self.self_attn(h, h, None if causal else mask, causal)))
        if causal:
            h = self.encoder_attn_layer_norm(h + self.drop(self.encoder_attn(h, memory, mask)))
        return self.final_layer_norm(h + self.drop(self.fc2(F.gelu(self.fc1(h)))))


class Stack(nn.Module):
    def __init__(self, c, layers, cross):
        super().__init__()
        self.embed_positions = nn.Embedding(c.max_position_embeddings + 2, c.d_model)  # BART's offset: rows 0, 1 unused
        self.layernorm_embedding = nn.LayerNorm(c.d_model)
        self.layers = nn.ModuleList(Layer(c, cross) for _ in range(layers))
        self.drop = nn.Dropout(c.dropout)

    def forward(self, x, mask, memory=None):  # x [B,T,d]: embeddings
        h = self.drop(self.layernorm_embedding(x + self.embed_positions.weight[2 : 2 + x.shape[1]]))
        for layer in self.layers:
            h = layer(h, mask, memory)
        return h


class Bart(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.config = c
        self.shared = nn.Embedding(c.vocab_size, c.d_model)
        self.encoder = Stack(c, c.encoder_layers, cross=False)
        self.decoder = Stack(c, c.decoder_layers, cross=True)
        for name, p in self.named_parameters():
            if "embed_positions" in name:  # begins as waves, so that "the token before" is a rotation away: copying needs it
                angle = torch.arange(p.shape[0])[:, None] * torch.exp(torch.arange(0, c.d_model, 2) * (-math.log(1000) / c.d_model))
                p.data = 0.07 * torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)  # [rows,d]
            elif p.dim() > 1:
                nn.init.normal_(p, std=0.05) if "shared" in name else nn.init.xavier_uniform_(p)

    def encode(self, ids):  # [B,S] -> [B,S,d], mask [B,1,1,S]
        mask = (ids != self.config.pad)[:, None, None, :]
        return self.encoder(self.shared(ids), mask), mask

    def decode(self, ids, memory, mask):  # [B,T] -> hidden [B,T,d]; logits are hidden @ shared^T
        return self.decoder(self.shared(ids), mask, memory)

    def forward(self, source, decoder_input):
        return self.decode(decoder_input, *self.encode(source))


# --- decoding ------------------------------------------------------------------------------------------------------

def banned_places(ids, boxes, first, choose=None):
    """Location ids that continue no box of the hints (lists of four ids); a box is named once for each label. choose: from ids to
    those of the boxes that may be named there."""
    boxes = choose(ids) if choose else boxes
    is_place = lambda i: first <= i < first + 1000
    run = []
    for i in reversed(ids):
        if not is_place(i):
            break
        run.insert(0, i)
    begun = len(run) % 4
    done = [run[k : k + 4] for k in range(0, len(run) - begun, 4)]
    open_ = run[len(run) - begun :]
    following = {b[begun] for b in boxes if b not in done and b[:begun] == open_}
    return [i for i in range(first, first + 1000) if i not in following]


def matching_places(boxes, words, prompt, first, tokenizer):
    """Near hints: the boxes that have most words in common with what the answer said last, or with the prompt where it said
    nothing; none where none has any."""
    def choose(ids):
        phrase = tokenizer.decode(words_before_places(ids, first)) or prompt
        common = [near.matches(w, phrase) for w in words]
        return [b for b, c in zip(boxes, common) if c == max(common) > 0]
    return choose


def boxes_in(ids, first):
    """Every four location ids that follow one another."""
    boxes, run = [], []
    for i in ids:
        run = run + [i] if first <= i < first + 1000 else []
        if len(run) == 4:
            boxes, run = boxes + [run], []
    return boxes


def words_before_places(ids, first):
    """The ids of text that stand before the last run of locations, or at the end: what the next place is for."""
    is_place = lambda i: first <= i < first + 1000
    end = len(ids)
    while end and is_place(ids[end - 1]):
        end -= 1
    begin = end
    while begin and not is_place(ids[begin - 1]) and ids[begin - 1] > 2:
        begin -= 1
    return ids[begin:end]


def forbid(lp, ids, rules, longest, places=None):
    """Processors on the log-probabilities lp [V] of one beam whose ids so far are `ids` (decoder start included). places:
    (boxes, id of <loc_0>) where only the hints' boxes may be named, and for near hints a choice among them."""
    if places:
        lp[banned_places(ids, *places)] = -math.inf
    n = rules["no_repeat_ngram_size"]
    if n and len(ids) >= n - 1:
        tail = ids[len(ids) - n + 1 :]
        for i in range(len(ids) - n + 1):
            if ids[i : i + n - 1] == tail:
                lp[ids[i + n - 1]] = -math.inf
    lp[rules["suppress_tokens"]] = -math.inf
    forced = rules["forced_bos_token_id"] if len(ids) == 1 else rules["forced_eos_token_id"] if len(ids) == longest - 1 else None
    if forced is not None:
        lp[:] = -math.inf
        lp[forced] = 0.0


@torch.no_grad()
def generate(bart, source, rules, beams=1, longest=128, places=None):
    """Beam search as Hugging Face does it (greedy where beams is 1). source: list of ids; returns the decoder's ids."""
    K, eos = beams, rules["eos_token_id"]
    memory, mask = bart.encode(torch.tensor([source]))
    memory, mask = memory.expand(K, -1, -1), mask.expand(K, -1, -1, -1)
    running, scores = [[rules["decoder_start_token_id"]]] * K, [0.0] + [-1e9] * (K - 1)
    done = []  # (score, ids), at most K
    while True:
        hidden = bart.decode(torch.tensor(running), memory, mask)[:, -1]  # [K,d]
        lp = F.log_softmax(hidden @ bart.shared.weight.T, dim=-1)  # [K,V]
        for k in range(K):
            forbid(lp[k], running[k], rules, longest, places)
        if K == 1:
            running = [running[0] + [int(lp[0].argmax())]]
            if running[0][-1] == eos or len(running[0]) >= longest:
                return running[0]
            continue
        total = lp + torch.tensor(scores, dtype=lp.dtype)[:, None]
        top, flat = total.flatten().topk(2 * K)
        candidates = [(s, running[f // lp.shape[1]] + [f % lp.shape[1]]) for s, f in zip(top.tolist(), flat.tolist())]
        ended = lambda ids: ids[-1] == eos or len(ids) >= longest
        full = len(done) == K
        if not (full and rules["early_stopping"]):
            for s, ids in candidates[:K]:
                if ended(ids):
                    done.append((s / (len(ids) - 1) ** rules["length_penalty"], ids))
        done = sorted(done, key=lambda d: -d[0])[:K]
        alive = [(s, ids) for s, ids in candidates if not ended(ids)][:K]
        if not alive:
            return done[0][1]
        scores, running = [s for s, _ in alive], [ids for _, ids in alive]
        bound = scores[0] / (len(running[0]) - 1) ** rules["length_penalty"]
        if len(done) == K and (rules["early_stopping"] or bound <= done[-1][0]):
            return done[0][1]


# --- a checkpoint from disk ----------------------------------------------------------------------------------------

class BoxModel:
    """A checkpoint directory, in float32 (or float64 for the stability check)."""

    def __init__(self, directory, dtype=torch.float32):
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        directory = Path(directory)
        self.config = json.loads((directory / "config.json").read_text())
        self.rules = json.loads((directory / "generation_config.json").read_text())
        self.tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        tensors = {k: t.to(dtype) for k, t in load_file(str(directory / "model.safetensors")).items()}
        language = "model.language_model."
        self.towers = {k: t for k, t in tensors.items() if k.startswith("model.vision_tower.")}
        self.bart = Bart(text_config(self.config["text_config"])).to(dtype).eval()
        self.bart.load_state_dict({k[len(language) :]: t for k, t in tensors.items() if k.startswith(language)})

    def look(self, image):
        return look(image, self.config["vision_config"], self.towers)

    def glance(self, crop):
        """What the classifier alone sees: for crops."""
        return look(crop, self.config["vision_config"], self.towers, kinds=("classifier",))

    def look_closer(self, image, hints, box):
        """The hints for a prompt about a region (corners in pixels): its own tags, then, where the checkpoint says so, itself
        under the detector's name, and the boxes of the whole picture."""
        boxes = hints["boxes"]
        if self.config["vision_config"].get("region_labels"):
            boxes = near.region_boxes(box, *near.region_label(*hints["cells"], box), boxes, image.size)
        return {**hints, "tags": self.glance(closer(image, box))["tags"], "boxes": boxes}

    def look_near(self, image, hints):
        """The hints for a prompt of NEAR_TASKS."""
        rules = self.config["vision_config"]["near"]
        found = near.candidates(*hints["cells"], rules)
        crops = [closer(image, box) for _, _, box in found[: rules["closer"]]]
        return {**hints, "boxes": near.near_boxes(found, [self.glance(crop)["tags"] for crop in crops], image.size, rules)}

    def outline(self, image, box):
        """The outline of what a region (corners in pixels) holds, as `outline_of` tells it."""
        return outline_of(self.glance(closer(image, box))["outline"], closer_corners(image.size, box), box, image.size)

    def outlines(self, image, hints):
        """{four location ids: ids of the outline} of all candidates of a prompt of NEAR_TASKS."""
        found = near.candidates(*hints["cells"], self.config["vision_config"]["near"])
        return {tuple(loc_ids(box, image.size, self.tokenizer)): outline_ids(self.outline(image, box)[0], self.tokenizer) for _, _, box in found}

    def source(self, hints, task, text=""):
        is_near = "near" in self.config["vision_config"] and task in NEAR_TASKS
        words = PROMPTS[task].replace("{input}", text) if is_near else None
        return hint_ids(hints, self.tokenizer, words) + prompt_ids(task, self.tokenizer, text)

    def places(self, hints, task="", text=""):
        """The rule of `forbid` for these hints; None for a checkpoint without it."""
        if self.config["vision_config"].get("places") != "hinted":
            return None
        first = self.tokenizer.token_to_id("<loc_0>")
        boxes = boxes_in(hint_ids(hints, self.tokenizer), first)
        if "near" in self.config["vision_config"] and task in NEAR_TASKS:
            return boxes, first, matching_places(boxes, [words for words, _, _ in hints["boxes"]], PROMPTS[task].replace("{input}", text), first, self.tokenizer)
        return boxes, first

    def answer_ids(self, hints, task, text="", beams=None, longest=None):
        """Ids with the decoder's start token; those of `detect` and `propose` are the detector's, where it answers itself."""
        if task in ("detect", "propose") and "answers" in self.config["vision_config"]["towers"][1]:
            return [2] + object_ids(hints["told"], hints["size"], self.tokenizer, labels=task == "detect")
        if beams is None:  # words are searched for, places are copied
            beams = self.rules["num_beams"] if task.startswith("caption") else 1
        longest = longest or self.config["text_config"]["max_position_embeddings"]
        return generate(self.bart, self.source(hints, task, text), self.rules, beams, longest, self.places(hints, task, text))

    def answer(self, hints, task, text="", beams=None, longest=None):
        ids = [i for i in self.answer_ids(hints, task, text, beams, longest) if i not in (0, 1, 2)]
        return self.tokenizer.decode(ids, skip_special_tokens=False)


def text_config(c):
    return TextConfig(
        vocab_size=c["vocab_size"], d_model=c["d_model"], encoder_layers=c["encoder_layers"],
        decoder_layers=c["decoder_layers"], heads=c["encoder_attention_heads"], ffn_dim=c["encoder_ffn_dim"],
        max_position_embeddings=c["max_position_embeddings"], dropout=c["dropout"], pad=c["pad_token_id"],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--image", required=True)
    args = parser.parse_args()
    model = BoxModel(args.checkpoint)
    hints = model.look(Image.open(args.image).convert("RGB"))
    print(hints)
    for task in model.config["florence_tasks"]:
        if "{input}" not in PROMPTS[task]:
            print(f"{task}: {model.answer(hints, task)}")
