"""
A small pure DaViT, Florence-2's own vision tower (arXiv 2204.03645), distilled from the two towers of the box model: the honest reference for
what convolutional towers that already know are worth.

    nice python training/distill.py --minutes 25
    nice python training/compare.py --seen /tmp/florence-training/davit --begin models/box/checkpoint --only hints --only features --only both

The student learns, from photos that may be trained on and no label of people, three things of one pass: the classifier's pooled features (their direction,
and the 1,000 classes that its last layer makes of them), and from a grid of 8 x 8 cells the detector's boxes. Then it writes what it sees of every photo, as
hints.py and photo_tags.py write it of the towers. Resumable; prints the loss, and how far it agrees with its teachers on validation photos.
"""

import argparse
import io
import json
import math
import os
import tarfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from data import own_tags
from hints import looks
from model import overlap
from photos import fold_of, is_validation, may_train, read_photos
from train import schedule

SIZE, CELLS, KNOWN = 128, 8, 0.25  # pixels; cells of a side; teachers' boxes below this score are not taught
DIMS, DEPTHS = (32, 64, 128, 256), (1, 1, 3, 1)


class Student(nn.Module):
    """[B,3,128,128] in 0..1 -> pooled features [B,1280], classes of each cell [B,80,8,8], sides [B,4,8,8]"""

    def __init__(self, classes=80):
        super().__init__()
        from transformers.models.florence2.configuration_florence2 import Florence2VisionConfig
        from transformers.models.florence2.modeling_florence2 import Florence2VisionBackbone

        heads = [d // 16 for d in DIMS]
        config = Florence2VisionConfig(depths=DEPTHS, embed_dim=DIMS, num_heads=heads, num_groups=heads, window_size=4, drop_path_rate=0.0)
        self.tower = Florence2VisionBackbone(config)
        self.norm, self.features = nn.LayerNorm(DIMS[-1]), nn.Linear(DIMS[-1], 1280)
        self.mix, self.out = nn.Conv2d(DIMS[2] + DIMS[3], 128, 3, padding=1), nn.Conv2d(128, classes + 4, 1)
        nn.init.constant_(self.out.bias[:classes], -4.6)  # one in a hundred, as focal losses begin
        self.classes = classes

    def forward(self, x):
        maps = []
        x = (x - 0.45) / 0.25
        for conv, blocks in zip(self.tower.convs, self.tower.blocks):
            x = conv(x)
            for block in blocks:
                x = block(x)
            maps.append(x)
        pooled = self.features(self.norm(maps[3].mean((2, 3))))
        seen = torch.cat([maps[2], F.interpolate(maps[3], scale_factor=2)], dim=1)
        grid = self.out(F.gelu(self.mix(seen)))
        return pooled, grid[:, : self.classes], F.softplus(grid[:, self.classes :] - 1.5)


def small_photos(rows, photos, file):
    """uint8 [N,128,128,3], stretched; kept in `file`."""
    if not file.exists():
        tars, out = {}, np.lib.format.open_memmap(str(file) + ".part", mode="w+", dtype=np.uint8, shape=(len(rows), SIZE, SIZE, 3))
        for n, r in enumerate(rows):
            tar = tars.setdefault(r["shard"], tarfile.open(Path(photos) / r["shard"]))
            image = Image.open(io.BytesIO(tar.extractfile(r["key"] + ".webp").read())).convert("RGB")
            out[n] = np.asarray(image.resize((SIZE, SIZE), Image.BICUBIC, reducing_gap=2.0))
        out.flush()
        os.rename(str(file) + ".part", file)
    return np.load(file, mmap_mode="r")


def taught(boxes, labels):
    """Boxes in fractions -> (scores [80,8,8], sides [4,8,8] from the cell's middle, cells that hold a box [8,8])"""
    scores, sides, there = torch.zeros(len(labels), CELLS, CELLS), torch.zeros(4, CELLS, CELLS), torch.zeros(CELLS, CELLS)
    for label, score, (x1, y1, x2, y2) in sorted(boxes, key=lambda b: b[1]):  # the surest of a cell comes last
        if score < KNOWN:
            continue
        column, row = (min(CELLS - 1, int((a + b) / 2 * CELLS)) for a, b in ((x1, x2), (y1, y2)))
        x, y = (column + 0.5) / CELLS, (row + 0.5) / CELLS
        scores[labels[label], row, column] = score
        sides[:, row, column] = torch.tensor([x - x1, y - y1, x2 - x, y2 - y])
        there[row, column] = 1
    return scores, sides, there


def boxes_of_cells(scores, sides, labels, least=0.05, most=60):
    """One photo's cells -> [(label, score, box in fractions)], best first, those of one name overlapping at most 0.45"""
    found = []
    for score, at in zip(*scores.flatten().topk(200)):
        score, (label, cell) = score.item(), divmod(at.item(), CELLS * CELLS)
        if score < least or len(found) == most:
            break
        row, column = divmod(cell, CELLS)
        left, top, right, bottom = sides[:, row, column].tolist()
        x, y = (column + 0.5) / CELLS, (row + 0.5) / CELLS
        box = tuple(min(1.0, max(0.0, v)) for v in (x - left, y - top, x + right, y + bottom))
        if all(name != labels[label] or overlap(box, other) < 0.45 for name, _, other in found):
            found.append((labels[label], score, box))
    return found


def loss_of(said, pooled, scores, sides, there, last):
    """last: weight [1000,1280] and bias [1000] of the classifier -> (loss, its three parts)"""
    own, grid, far = said
    direction = 1 - F.cosine_similarity(own, pooled).mean()
    to, of = (F.log_softmax(p @ last[0].T + last[1], dim=1) for p in (pooled, own))
    classes = F.kl_div(of, to, log_target=True, reduction="batchmean")
    weight = (grid.sigmoid() - scores).abs() ** 2
    cells = (weight * F.binary_cross_entropy_with_logits(grid, scores, reduction="none")).sum() / len(own)
    cells = cells + 5 * ((far - sides).abs() * there[:, None]).sum() / there.sum().clamp(min=1)
    return 2 * direction + classes + cells, (direction.item(), classes.item(), cells.item())


def batch_images(pixels, numbers, mirrored):
    x = torch.from_numpy(np.stack([pixels[n] for n in numbers])).permute(0, 3, 1, 2).float() / 255
    return torch.where(mirrored[:, None, None, None], x.flip(3), x)


def agreement(seen, teachers, rows):
    """How often the surest class is the teacher's, and recall and precision of its boxes above 0.35 at an overlap of 0.5."""
    same = [s["best"] == teachers[r["key"]]["best"] for r in rows for s in [seen[r["key"]]]]
    found = known = right = 0
    for r in rows:
        theirs, ours = ([b for b in h[r["key"]]["fractions"] if b[1] >= 0.35] for h in (teachers, seen))
        known, found = known + len(theirs), found + len(ours)
        for label, _, box in ours:
            hit = next((b for b in theirs if b[0] == label and overlap(b[2], box) >= 0.5), None)
            if hit:
                theirs.remove(hit)
                right += 1
    return sum(same) / len(same), right / max(1, known), right / max(1, found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--work", type=Path, default=Path("/tmp/florence-training"))
    parser.add_argument("--out", type=Path, default=Path("/tmp/florence-training/davit"))
    parser.add_argument("--minutes", type=float, default=25, help="of processor time; the rate falls to nothing by its end")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    args.out.mkdir(parents=True, exist_ok=True)
    vision = json.loads((args.work / "towers/towers.json").read_text())
    tensors = load_file(args.work / "towers/towers.safetensors")
    last = [tensors[f"model.vision_tower.efficientnet_lite2.imagenet.{kind}"] for kind in ("weight", "bias")]
    names, labels = vision["towers"][0]["heads"][0], vision["towers"][1]["labels"]
    number = {label: n for n, label in enumerate(labels)}
    teachers = {}
    for file in sorted((args.work / "hints").glob("part-*.pt")):
        for h in torch.load(file, weights_only=True):
            w, height = h["size"]
            h["fractions"] = [(l, s, tuple(min(1.0, max(0.0, v / side)) for v, side in zip(b, (w, height, w, height)))) for l, s, b in h["boxes"]]
            h["best"] = (last[0] @ h["pooled"].float() + last[1]).argmax().item()
            teachers[h["key"]] = h
    rows = [r for r in read_photos(args.shared) if r["key"] in teachers]
    pixels = small_photos(rows, Path(args.shared) / "photos", args.out / f"photos-{SIZE}.npy")
    learned = [n for n, r in enumerate(rows) if may_train(r) and not is_validation(r)]
    student = Student()
    optimizer = torch.optim.AdamW(student.parameters(), weight_decay=0.05, betas=(0.9, 0.98))
    print(f"{sum(p.numel() for p in student.tower.parameters()):,} parameters of the tower, {sum(p.numel() for p in student.parameters()):,} with heads; {len(learned)} photos", flush=True)

    state, step, spent, order = args.out / "state.pt", 0, 0.0, []
    if state.exists():
        saved = torch.load(state, weights_only=True)
        student.load_state_dict(saved["student"]), optimizer.load_state_dict(saved["optimizer"])
        step, spent = saved["step"], saved["spent"]
    began, R = time.process_time() - spent, np.random.default_rng(step)
    student.train()
    while (spent := time.process_time() - began) < 60 * args.minutes:
        if len(order) < args.batch:
            order = R.permutation(learned).tolist()
        chosen, order = order[: args.batch], order[args.batch :]
        for group in optimizer.param_groups:
            group["lr"] = schedule(spent / 60 / args.minutes, args.rate)
        mirrored = torch.from_numpy(R.random(len(chosen)) < 0.5)
        known = [teachers[rows[n]["key"]] for n in chosen]
        boxes = [[(l, s, (1 - b[2], b[1], 1 - b[0], b[3]) if m else b) for l, s, b in h["fractions"]] for h, m in zip(known, mirrored.tolist())]
        scores, sides, there = map(torch.stack, zip(*(taught(b, number) for b in boxes)))
        loss, parts = loss_of(student(batch_images(pixels, chosen, mirrored)), torch.stack([h["pooled"].float() for h in known]), scores, sides, there, last)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        step += 1
        assert math.isfinite(loss.item()), f"the loss of step {step} is {loss.item()}"
        if step % 100 == 0:
            print(f"step {step}, {spent / 60:.1f} min: loss {loss.item():.3f} (direction {parts[0]:.3f}, classes {parts[1]:.3f}, cells {parts[2]:.3f})", flush=True)
            torch.save({"student": student.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "spent": spent}, str(state) + ".part")
            os.replace(str(state) + ".part", state)

    student.eval()
    folds = torch.load(args.work / "folds.pt", weights_only=True)
    (args.out / "hints").mkdir(exist_ok=True)
    seen, told = {}, {}
    with torch.no_grad():
        for at in range(0, len(rows), 128):
            numbers = range(at, min(len(rows), at + 128))
            pooled, grid, far = student(batch_images(pixels, numbers, torch.zeros(len(numbers), dtype=torch.bool)))
            for n, own, scores, sides in zip(numbers, pooled, grid.sigmoid(), far):
                r, logits = rows[n], last[0] @ own + last[1]
                p, best = logits.softmax(0).topk(names["max"])
                tags = [(names["labels"][i], s) for s, i in zip(p.tolist(), best.tolist()) if s >= names["threshold"]]
                w, height = teachers[r["key"]]["size"]
                fractions = boxes_of_cells(scores, sides, labels)
                boxes = [(l, s, tuple(v * side for v, side in zip(b, (w, height, w, height)))) for l, s, b in fractions]
                seen[r["key"]] = {"key": r["key"], "size": (w, height), "pooled": own.half(), "tags": tags, "boxes": boxes, "looks": looks(Image.fromarray(pixels[n])),
                                  "fractions": fractions, "best": best[0].item()}
                told[r["key"]] = own_tags(own, *folds["folds"][fold_of(r["key"])], folds["heads"], [])
    kept = ("key", "size", "pooled", "tags", "boxes", "looks")
    torch.save([{k: h[k] for k in kept} for h in seen.values()], args.out / "hints/part-000.pt")
    (args.out / "photo-tags.json").write_text(json.dumps(told))
    apart = [r for r in rows if is_validation(r)]
    same, recall, precision = agreement(seen, teachers, apart)
    print(f"{step} steps, {step * args.batch / len(learned):.1f} times each photo; {len(apart)} validation photos: the surest class is the classifier's in {same:.3f}, "
          f"the detector's boxes are found with recall {recall:.3f} and precision {precision:.3f}")
