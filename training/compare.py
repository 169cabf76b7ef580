"""
What the language model is best told, by captions alone: hints, the classifier's features, or both; with and without captions that have
no pictures. Each is trained from nothing for the same steps on the same photos.

    nice python compare.py --steps 400

Should take some 10 minutes of one quiet core for each of the five (tried with 6 steps, not run whole yet); prints one line of the table for each, with what it says of photos that none was
trained on: half of the captioned COCO photos (the text prior has no captions of theirs), the COCO test set's, and single things.
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

from data import Encoder, World
from evaluate_floors import names_it
from examples import caption, caption_object, caption_photo
from export import generation_json
from model import Bart, TextConfig, generate
from photos import fold_of, is_coco_test, is_validation
from train import schedule

TOKENS = 4  # that the pooled features become
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
    """-> source [B,S], features [B,1280] or None, target [B,T]"""
    rows = []
    kinds, weights = ((caption, caption_photo, caption_object), (10, 1, 4)) if way[2] else ((caption_photo, caption_object), (1, 2))
    for kind in world.random.choices(kinds, weights, k=size):
        hints, _, _, answer = kind(world)
        own = pooled[world.last] if kind is not caption else torch.zeros(1280)
        source, own = sources(hints, own, way, encode)
        rows.append((source, own, encode(hints, "caption", "", answer)[1]))
    pad = lambda ids: torch.tensor([r + [1] * (max(map(len, ids)) - len(r)) for r in ids])
    seen = torch.stack([r[1].float() for r in rows]) if way[1] else None
    return pad([r[0] for r in rows]), seen, pad([r[2] for r in rows])


class WorldOfOne(World):
    """Remembers which photo an example is of."""

    def real(self, key, drop=0.0):
        self.last = key
        return super().real(key, drop)


def train(world, tokenizer, way, pooled, steps, size, rate):
    torch.manual_seed(0)
    world.random.seed(0)
    encode, seeing = Encoder(tokenizer), Seeing(TextConfig(vocab_size=tokenizer.get_vocab_size(), dropout=0.0))
    optimizer = torch.optim.AdamW(seeing.parameters(), betas=(0.9, 0.98), eps=1e-6, weight_decay=0.02)
    seeing.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule(step / steps, rate)
        source, seen, target = batch_of(world, encode, way, pooled, size)
        memory, mask = seeing.encode(source, seen)
        start = torch.full_like(target[:, :1], 2)
        hidden = seeing.decode(torch.cat([start, target[:, :-1]], dim=1), memory, mask)
        real = target != 1
        loss = F.cross_entropy(hidden[real] @ seeing.shared.weight.T, target[real], label_smoothing=0.02)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(seeing.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 49:
            print(f"  step {step + 1}: loss {loss.item():.2f}", file=sys.stderr, flush=True)
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
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    random.seed(0)
    tokenizer = Tokenizer.from_file(str(Path(args.work) / "tokenizer" / "tokenizer.json"))
    pooled = read_pooled(args.work)
    world = WorldOfOne(args.shared, args.work, args.wordnet)
    apart = [r for r in world.photos if "captions" in r and r["key"] in world.seen and not is_coco_test(r) and is_apart(r)]
    test = [r for r in world.photos if "captions" in r and is_coco_test(r)]
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
        seeing = train(world, tokenizer, way, pooled, args.steps, args.batch, args.rate)
        said = say(seeing, tokenizer, world, apart + test + objects, way, pooled)
        both = [cider(rows, said) for rows in (apart, test)]
        named = [names_it(said[r["key"]], r["labels"][-1], synonyms) for r in objects]
        print(f"| {name} | {share(both[0])} | {share(both[1])} | {share(named)} | {(time.process_time() - began) / 60:.1f} |", flush=True)
        for r in test[:3]:
            print(f"  {said[r['key']]}  ({r['captions'][0]})", file=sys.stderr, flush=True)
