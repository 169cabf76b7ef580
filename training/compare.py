"""
What the language model is best told, by captions alone: hints, the classifier's features, or both; with and without captions that have
no pictures. Each learns for the same steps from the same photos, from nothing or from a checkpoint's language model.

    nice python training/compare.py --begin models/box/checkpoint --steps 250 --batch 24 --rate 5e-4
    nice python training/compare.py --steps 800 --batch 24 --rate 1.2e-3 --only "hints, with the text prior" --only hints

Takes 4 and 12 minutes of one core for each; prints one line of the table for each, with what it says of half of the captioned COCO photos that may
be trained on (held back here; but a checkpoint has learned them), of the COCO test set's, and of photos of single things. `--seen` tells of photos by another tower (distill.py).
"""

import argparse
import contextlib
import hashlib
import json
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F

from data import Encoder, World, read_hints
from evaluate_floors import names_it
from examples import caption, caption_object, caption_photo
from export import generation_json
from model import Bart, BoxModel, TextConfig, generate
from photos import fold_of, is_coco_test, is_validation
from train import schedule

TOKENS = 4  # that the pooled features become
PART = 12  # examples computed at once, alike in length
WAYS = {  # name: (hints, features, text prior)
    "hints, with the text prior": (True, False, True),
    "hints": (True, False, False),
    "features": (False, True, False),
    "both": (True, True, False),
    "both, with the text prior": (True, True, True),
}


class Seeing(nn.Module):
    """A Bart whose source may begin with tokens of a photo's features."""

    def __init__(self, config):
        super().__init__()
        self.bart, self.config = Bart(config), config
        self.project = nn.Sequential(nn.Linear(1280, TOKENS * config.d_model), nn.LayerNorm(TOKENS * config.d_model))

    @property
    def shared(self):
        return self.bart.shared

    def encode(self, ids, pooled=None):
        """ids [B,S]; pooled [B,1280], a row of zeros where there is no photo, or None -> [B,4+S,d], mask [B,1,1,4+S]"""
        if pooled is None:
            return self.bart.encode(ids)
        seen = self.project(pooled).view(len(ids), TOKENS, -1) * 0.05
        there = (pooled.abs().sum(1) > 0)[:, None].expand(-1, TOKENS)
        mask = torch.cat([there, ids != self.config.pad], dim=1)[:, None, None, :]
        return self.bart.encoder(torch.cat([seen, self.bart.shared(ids)], dim=1), mask), mask

    def decode(self, ids, memory, mask):
        return self.bart.decode(ids, memory, mask)


class Over:
    """`generate` asks for a source alone: this one has the photo's features in mind."""

    def __init__(self, seeing, pooled):
        self.seeing, self.pooled, self.shared, self.decode = seeing, pooled, seeing.shared, seeing.decode

    def encode(self, ids):
        return self.seeing.encode(ids, self.pooled)


def read_pooled(work):
    return {h["key"]: h["pooled"] for file in sorted((Path(work) / "hints").glob("part-*.pt")) for h in torch.load(file, weights_only=True)}


def is_apart(photo):
    """Half of the captioned photos that may be trained on: choices may be made on what is said of these."""
    return is_validation(photo) or fold_of("compare " + photo["key"]) == 0


def sources(hints, pooled, way, encode):
    """One example's ids without what this way is not told."""
    has_hints, has_features, _ = way
    source, _ = encode(hints if has_hints else {"tags": [], "boxes": []}, "caption", "", [])
    return source, pooled if has_features else None


def batch_of(world, encode, way, pooled, size):
    """-> parts of it, alike in length: source [B,S], features [B,1280] or None, target [B,T]"""
    rows = []
    kinds, weights = ((caption, caption_photo, caption_object), (10, 1, 4)) if way[2] else ((caption_photo, caption_object), (1, 2))
    for kind in world.random.choices(kinds, weights, k=size):
        hints, _, _, answer = kind(world)
        own = pooled[world.last] if kind is not caption else torch.zeros(1280)
        source, own = sources(hints, own, way, encode)
        rows.append((source, own, encode(hints, "caption", "", answer)[1]))
    pad = lambda ids: torch.tensor([r + [1] * (max(map(len, ids)) - len(r)) for r in ids])
    rows.sort(key=lambda r: len(r[0]))
    parts = [rows[at : at + PART] for at in range(0, size, PART)]
    return [(pad([r[0] for r in p]), torch.stack([r[1].float() for r in p]) if way[1] else None, pad([r[2] for r in p])) for p in parts]


class WorldOfOne(World):
    """Remembers which photo an example is of."""

    def real(self, key, drop=0.0):
        self.last = key
        return super().real(key, drop)


def train(world, tokenizer, way, pooled, steps, size, rate, begin=None):
    """begin: a Bart to go on from"""
    torch.manual_seed(0)
    world.random.seed(0)
    encode, seeing = Encoder(tokenizer), Seeing(TextConfig(vocab_size=tokenizer.get_vocab_size(), dropout=0.0))
    if begin is not None:
        seeing.bart.load_state_dict(begin.state_dict())
    optimizer = torch.optim.AdamW(seeing.parameters(), betas=(0.9, 0.98), eps=1e-6, weight_decay=0.02)
    seeing.train()
    began = time.process_time()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule(step / steps, rate)
        parts, total = batch_of(world, encode, way, pooled, size), 0.0
        count = sum((target != 1).sum() for _, _, target in parts)
        optimizer.zero_grad()
        for source, seen, target in parts:
            memory, mask = seeing.encode(source, seen)
            start = torch.full_like(target[:, :1], 2)
            hidden = seeing.decode(torch.cat([start, target[:, :-1]], dim=1), memory, mask)
            real = target != 1
            loss = F.cross_entropy(hidden[real] @ seeing.shared.weight.T, target[real], label_smoothing=0.02, reduction="sum") / count
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(seeing.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 49:
            print(f"  step {step + 1}: loss {total:.2f}, {(time.process_time() - began) / (step + 1):.2f} s a step", file=sys.stderr, flush=True)
    return seeing.eval()


def say(seeing, tokenizer, world, rows, way, pooled):
    encode, rules, said = Encoder(tokenizer), generation_json(tokenizer), {}
    for r in rows:
        source, own = sources(world.seen[r["key"]], pooled[r["key"]], way, encode)
        over = Over(seeing, own.float()[None] if own is not None else None)
        ids = generate(over, source, rules, 1, 48)
        said[r["key"]] = tokenizer.decode([i for i in ids if i not in (0, 1, 2)], skip_special_tokens=False)
    return said


def cider(rows, said):
    """CIDEr-D of each photo, document frequency from these photos."""
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
    with contextlib.redirect_stdout(sys.stderr):
        gold = PTBTokenizer().tokenize({r["key"]: [{"caption": c} for c in r["captions"]] for r in rows})
        told = PTBTokenizer().tokenize({r["key"]: [{"caption": said[r["key"]]}] for r in rows})
    return Cider().compute_score(gold, told)[1]


def share(values):
    """Mean and its 95 % bootstrap interval."""
    values, rng = np.asarray(values, dtype=float), np.random.default_rng(0)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(1000)]
    return f"{values.mean():.3f} [{np.percentile(means, 2.5):.3f}, {np.percentile(means, 97.5):.3f}]"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--work", default="/tmp/florence-training")
    parser.add_argument("--wordnet", default="/usr/share/wordnet")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--objects", type=int, default=200, help="photos of single things that are asked about")
    parser.add_argument("--only", choices=WAYS, action="append")
    parser.add_argument("--begin", type=Path, help="a checkpoint whose language model each goes on from; without it each begins from nothing")
    parser.add_argument("--seen", type=Path, help="a folder of distill.py: photos are told of by what that tower sees")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    random.seed(0)
    tokenizer = Tokenizer.from_file(str(Path(args.work) / "tokenizer" / "tokenizer.json"))
    pooled = read_pooled(args.seen or args.work)
    world = WorldOfOne(args.shared, args.work, args.wordnet)
    if args.seen:
        world.seen = read_hints(args.seen)
    apart = [r for r in world.photos if "captions" in r and r["key"] in world.seen and not is_coco_test(r) and is_apart(r)]
    test = [r for r in world.photos if "captions" in r and is_coco_test(r)]
    begin = BoxModel(args.begin).bart if args.begin else None
    unread = {r["image_id"] for r in apart}
    world.captioned = [r for r in world.captioned if r["image_id"] not in unread]
    world.image_ids = [i for i in world.image_ids if i not in unread]
    by_hash = sorted(world.photos, key=lambda r: hashlib.sha1(r["key"].encode()).hexdigest())
    objects = [r for r in by_hash if is_validation(r) and r["key"] in world.seen and r["source"] in ("caltech101", "clothing", "grocery")][: args.objects]
    synonyms = json.loads((Path(__file__).parent.parent / "test/data/synonyms.json").read_text())
    print(f"{len(world.captioned)} captioned photos and {len(world.objects)} of single things trained on; {args.steps} steps of {args.batch}")
    print(f"| the language model is told | CIDEr-D, {len(apart)} COCO photos held back | CIDEr-D, COCO test set, {len(test)} | right noun, {len(objects)} photos of single things | minutes |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    for name in args.only or WAYS:
        began, way = time.process_time(), WAYS[name]
        seeing = train(world, tokenizer, way, pooled, args.steps, args.batch, args.rate, begin)
        said = say(seeing, tokenizer, world, apart + test + objects, way, pooled)
        both = [cider(rows, said) for rows in (apart, test)]
        named = [names_it(said[r["key"]], r["labels"][-1], synonyms) for r in objects]
        print(f"| {name} | {share(both[0])} | {share(both[1])} | {share(named)} | {(time.process_time() - began) / 60:.1f} |", flush=True)
        for r in test[:3]:
            print(f"  {said[r['key']]}  ({r['captions'][0]})", file=sys.stderr, flush=True)
