"""
Trains the box model's language model on hints: captions without pictures and with simulated hints, photos with stored
real ones, and places by copying.

    python train.py --wordnet /usr/share/wordnet --minutes 60
    python train.py --wordnet /usr/share/wordnet --minutes 20 --resume

Takes the minutes given, on two cores; see README.md for the losses to expect. Writes model.pt (weights, averaged), state.pt
(to go on from), log.jsonl and run.json (config, data hash, metrics) to --out every few minutes.

A run goes on from state.pt as if it had not been stopped: weights, average, optimizer, random numbers and the place in the data are in it. With
--steps the learning rate follows steps, and a stopped run's weights are those of one that was not, bit by bit (same machine, same --threads);
with --minutes it follows the clock.
"""

import argparse
import hashlib
import json
import math
import os
import random
import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from data import Encoder, World
from examples import draw
from model import Bart, BoxModel, TextConfig

LONGEST = (352, 160)  # ids of a source and of an answer; longer examples are drawn anew


class Batches:
    """Endless padded batches, alike in length: pool x size examples are drawn, sorted and dealt out."""

    def __init__(self, world, encode, size, pool=12, draw=draw):
        self.world, self.encode, self.size, self.pool, self.draw = world, encode, size, pool, draw
        self.groups, self.dealt, self.began = [], 0, world.random.getstate()

    def fill(self):
        self.began, self.dealt, drawn = self.world.random.getstate(), 0, []
        if len(self.encode.cache) > 100_000:  # of all texts ever drawn it would grow without end
            self.encode.cache.clear()
        while len(drawn) < self.pool * self.size:
            hints, task, text, answer = self.draw(self.world)
            source, target = self.encode(hints, task, text, answer)
            if len(source) <= LONGEST[0] and len(target) <= LONGEST[1]:
                drawn.append((source, target, task))
        drawn.sort(key=lambda d: len(d[0]) + 3 * len(d[1]))
        self.groups = [drawn[i : i + self.size] for i in range(0, len(drawn), self.size)]
        self.world.random.shuffle(self.groups)

    def __next__(self):
        """-> source ids [B,S], target ids [B,T], the B tasks"""
        if self.dealt == len(self.groups):
            self.fill()
        group = self.groups[self.dealt]
        self.dealt += 1
        pad = lambda rows: torch.tensor([r + [1] * (max(map(len, rows)) - len(r)) for r in rows])
        return pad([g[0] for g in group]), pad([g[1] for g in group]), [g[2] for g in group]

    def state(self):
        """The pool's beginning and how much of it was dealt: a pool is drawn again rather than stored."""
        return {"began": self.began, "dealt": self.dealt}

    def load_state(self, state):
        version, numbers, gauss = state["began"]
        self.world.random.setstate((version, tuple(numbers), gauss))
        if state["dealt"]:
            self.fill()
            self.dealt = state["dealt"]


def loss_of(bart, source, target, smoothing=0.0, reduce=True):
    """Cross-entropy of <s> ... </s> after the start token 2. source [B,S], target [B,T]."""
    start = torch.full_like(target[:, :1], 2)
    hidden = bart(source, torch.cat([start, target[:, :-1]], dim=1))  # [B,T,d]
    real = target != 1
    logits = hidden[real].float() @ bart.shared.weight.T  # only where there is an answer: [n,V]
    each = F.cross_entropy(logits, target[real], reduction="none", label_smoothing=smoothing)
    return each.mean() if reduce else (each, real)


def schedule(now, peak, warm=0.04):
    """Warm up over 4 % of the time, then a cosine down to 2 %. now in 0..1."""
    return peak * (now / warm if now < warm else 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1, (now - warm) / (1 - warm)))))


class Training:
    """The model that learns, its average, the optimizer and the running losses."""

    def __init__(self, config, begin=None, smoothing=0.02, most=24_000, bf16=False):
        """begin: a Bart to start from. most: what is computed at once, in ids of sources and four times those of answers."""
        self.config, self.smoothing, self.most, self.bf16 = config, smoothing, most, bf16
        self.bart, self.average = Bart(config), Bart(config)
        if begin is not None:
            self.bart.load_state_dict(begin.state_dict())
        self.average.load_state_dict(self.bart.state_dict())
        decay = [p for p in self.bart.parameters() if p.dim() > 1]
        plain = [p for p in self.bart.parameters() if p.dim() <= 1]
        self.optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}], betas=(0.9, 0.98), eps=1e-6)
        self.step, self.losses = 0, {}
        self.bart.train()

    def learn(self, source, target, tasks, rate):
        """One step. The memory it takes is that of its largest part: the logits of 64 answers of 160 ids alone would be 1.5 GB."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        # One loss per answer, so that long lists of places do not outweigh captions: tokens count by the root of the length.
        length = (target != 1).sum(1, keepdim=True).float()
        total = length.sqrt().sum()  # of all tokens' weights
        rows = max(1, self.most // (source.shape[1] + 4 * target.shape[1]))
        sums = {}
        self.optimizer.zero_grad(set_to_none=True)
        for at in range(0, len(tasks), rows):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
                each, real = loss_of(self.bart, source[at : at + rows], target[at : at + rows], self.smoothing, reduce=False)
            weight = length[at : at + rows].rsqrt().expand_as(real)[real]
            ((each * weight).sum() / total).backward()
            row = torch.arange(len(real))[:, None].expand_as(real)[real]
            mine = torch.zeros(len(real)).index_add_(0, row, each.detach())
            for task, loss, count in zip(tasks[at : at + rows], mine.tolist(), real.sum(1).tolist()):
                s = sums.setdefault(task, [0.0, 0])
                s[0], s[1] = s[0] + loss, s[1] + count
        torch.nn.utils.clip_grad_norm_(self.bart.parameters(), 1.0)
        self.optimizer.step()
        keep = min(0.99, 1 - 1 / (self.step + 1))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.bart.parameters()), 1 - keep)
        for task, (loss, count) in sums.items():
            self.losses[task] = round(0.98 * self.losses.get(task, loss / count) + 0.02 * loss / count, 4)
        self.step += 1

    def state(self):
        return {"model": self.bart.state_dict(), "average": self.average.state_dict(), "optimizer": self.optimizer.state_dict(),
                "step": self.step, "losses": self.losses, "torch": torch.get_rng_state()}

    def load_state(self, state):
        """Also takes a state.pt from before random numbers were kept: such a run goes on, but not bit by bit."""
        self.bart.load_state_dict(state["model"]), self.average.load_state_dict(state["average"]), self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.losses = state["step"], state.get("losses", {})
        if "torch" in state:
            torch.set_rng_state(state["torch"])


def write(file, value):
    """All of it or nothing: a run that is killed while it writes keeps the file of before."""
    torch.save(value, file.with_suffix(".tmp"))
    file.with_suffix(".tmp").rename(file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--work", default="/tmp/florence-training")
    parser.add_argument("--wordnet", default="/usr/share/wordnet")
    parser.add_argument("--out", default="/tmp/florence-training/run")
    parser.add_argument("--minutes", type=float, default=60, help="of all runs together")
    parser.add_argument("--steps", type=int, help="of all runs together, instead of minutes")
    parser.add_argument("--stop", type=int, help="stop after this step, for --resume to go on")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.0, help="an hour sees each caption once or twice: nothing to forget")
    parser.add_argument("--bf16", action="store_true", help="faster where the processor has it")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--begin", help="a checkpoint directory whose language model to begin from, such as models/box/checkpoint")
    args = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of words are walked through while examples are made: in one order in every run
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(Path(args.work) / "tokenizer" / "tokenizer.json"))
    config = TextConfig(vocab_size=tokenizer.get_vocab_size(), dropout=args.dropout)
    begin = BoxModel(args.begin).bart if args.begin and not args.resume else None
    training = Training(config, begin, bf16=args.bf16)
    world = World(args.shared, args.work, args.wordnet, seed=0)
    batches = Batches(world, Encoder(tokenizer), args.batch)
    data_hash = hashlib.sha1(json.dumps([sorted(world.captions.items()), sorted(r["key"] for r in world.train)]).encode()).hexdigest()
    spent = 0.0  # seconds of all runs together
    if args.resume:
        state = torch.load(out / "state.pt", weights_only=True)
        training.load_state(state)
        spent = state["spent"]
        if state.get("data", data_hash) != data_hash:
            print("The data is not what this run began with: it goes on, but not bit by bit.", flush=True)
        if "batches" in state:
            batches.load_state(state["batches"])
        else:
            world.random.seed(training.step)
    print(f"{sum(p.numel() for p in training.bart.parameters()):,} parameters, {len(world.images)} images' captions, {len(world.train)} photos, data {data_hash[:8]}", flush=True)

    def save():
        write(out / "model.pt", {"config": asdict(config), "model": training.average.state_dict()})
        write(out / "state.pt", {**training.state(), "batches": batches.state(), "data": data_hash, "spent": spent})
        run = {"config": asdict(config), "args": vars(args), "data": data_hash, "step": training.step, "minutes": spent / 60, "losses": training.losses}
        (out / "run.json").write_text(json.dumps(run, indent=1) + "\n")

    saved = logged = time.time()
    done = lambda: training.step / args.steps if args.steps else spent / (60 * args.minutes)
    while done() < 1:
        source, target, tasks = next(batches)
        began = time.time()
        training.learn(source, target, tasks, schedule(done(), args.rate))
        now = time.time()
        spent += now - began
        last = done() >= 1 or training.step == args.stop
        if now - logged > 30 or last:
            logged = now
            line = {"step": training.step, "minutes": round(spent / 60, 2), "rate": round(training.optimizer.param_groups[0]["lr"], 6), **training.losses}
            print(json.dumps(line), flush=True)
            with open(out / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
        if now - saved > 180 or last:
            saved = now
            save()
        if last:
            break
