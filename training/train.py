"""
Trains the box model's language model on hints: captions without pictures and with simulated hints, photos with stored
real ones, and places by copying.

    python train.py --wordnet /usr/share/wordnet --minutes 60
    python train.py --wordnet /usr/share/wordnet --minutes 20 --resume

Takes the minutes given, on two cores; see README.md for the losses to expect. Writes model.pt (weights, averaged), state.pt
(to go on from), log.jsonl and run.json (config, data hash, metrics) to --out every few minutes.
"""

import argparse
import hashlib
import json
import math
import random
import time
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from data import Encoder, World
from examples import draw
from model import Bart, BoxModel, TextConfig


def batches(world, encode, size, pool=12):
    """Endless padded batches, alike in length: pool x size examples are drawn, sorted and dealt out."""
    while True:
        drawn = []
        while len(drawn) < pool * size:
            hints, task, text, answer = draw(world)
            source, target = encode(hints, task, text, answer)
            if len(source) <= 320 and len(target) <= 160:
                drawn.append((source, target, task))
        drawn.sort(key=lambda d: len(d[0]) + 3 * len(d[1]))
        groups = [drawn[i : i + size] for i in range(0, len(drawn), size)]
        world.random.shuffle(groups)
        for group in groups:
            pad = lambda rows: torch.tensor([r + [1] * (max(map(len, rows)) - len(r)) for r in rows])
            yield pad([g[0] for g in group]), pad([g[1] for g in group]), [g[2] for g in group]


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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--work", default="/tmp/florence-training")
    parser.add_argument("--wordnet", default="/usr/share/wordnet")
    parser.add_argument("--out", default="/tmp/florence-training/run")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.0, help="an hour sees each caption once or twice: nothing to forget")
    parser.add_argument("--bf16", action="store_true", help="faster where the processor has it")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--begin", help="a checkpoint directory whose language model to begin from, such as models/box/checkpoint")
    args = parser.parse_args()
    random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(Path(args.work) / "tokenizer" / "tokenizer.json"))
    config = TextConfig(vocab_size=tokenizer.get_vocab_size(), dropout=args.dropout)
    bart = Bart(config)
    if args.begin and not args.resume:
        bart.load_state_dict(BoxModel(args.begin).bart.state_dict())
    average = Bart(config)
    average.load_state_dict(bart.state_dict())
    world = World(args.shared, args.work, args.wordnet, seed=int(time.time()) if args.resume else 0)
    data_hash = hashlib.sha1(json.dumps([sorted(world.captions.items()), sorted(r["key"] for r in world.train)]).encode()).hexdigest()
    decay = [p for p in bart.parameters() if p.dim() > 1]
    plain = [p for p in bart.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}], betas=(0.9, 0.98), eps=1e-6)
    step, spent = 0, 0.0  # spent: seconds of all runs together
    if args.resume:
        state = torch.load(out / "state.pt", weights_only=True)
        bart.load_state_dict(state["model"]), average.load_state_dict(state["average"]), optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["spent"]
    total = args.minutes * 60  # of all runs together
    print(f"{sum(p.numel() for p in bart.parameters()):,} parameters, {len(world.images)} images' captions, {len(world.train)} photos, data {data_hash[:8]}", flush=True)

    def save():
        torch.save({"config": asdict(config), "model": average.state_dict()}, out / "model.tmp")
        (out / "model.tmp").rename(out / "model.pt")
        torch.save({"model": bart.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "spent": spent}, out / "state.tmp")
        (out / "state.tmp").rename(out / "state.pt")
        run = {"config": asdict(config), "args": vars(args), "data": data_hash, "step": step, "minutes": spent / 60, "losses": losses}
        (out / "run.json").write_text(json.dumps(run, indent=1) + "\n")

    losses, saved, logged = {}, time.time(), time.time()
    bart.train()
    for source, target, tasks in batches(world, Encoder(tokenizer), args.batch):
        began = time.time()
        rate = schedule(spent / total, args.rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bf16):
            each, real = loss_of(bart, source, target, smoothing=0.02, reduce=False)
        # One loss per answer, so that long lists of places do not outweigh captions: tokens count by the root of the length.
        length = real.sum(1, keepdim=True).expand_as(real)[real].float()
        weight = length.rsqrt()
        loss = (each * weight).sum() / weight.sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(bart.parameters(), 1.0)
        optimizer.step()
        keep = min(0.99, 1 - 1 / (step + 1))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(bart.parameters()), 1 - keep)
        row = torch.arange(len(tasks))[:, None].expand_as(real)[real]
        for task in set(tasks):
            which = torch.tensor([t == task for t in tasks])[row]
            losses[task] = round(0.98 * losses.get(task, each[which].mean().item()) + 0.02 * each[which].mean().item(), 4)
        step += 1
        now = time.time()
        spent += now - began
        if now - logged > 30:
            logged = now
            line = {"step": step, "minutes": round(spent / 60, 2), "rate": round(rate, 6), **losses}
            print(json.dumps(line), flush=True)
            with open(out / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
        if now - saved > 180 or spent >= total:
            saved = now
            save()
        if spent >= total:
            break
