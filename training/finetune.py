"""
Teaches the detector of a box model new things from a few labeled photos, without forgetting the old ones.

    python training/finetune.py --photos DIR --labels FILE.jsonl --out DIR [--checkpoint models/box/checkpoint]

FILE.jsonl has the lines that `florence evaluate` reads: {"image", "width", "height", "objects": [{"label", "box": {"x_min", ...}}]}.
Ten photos take half a minute on one quiet core; what to expect is in README.md. Nothing of the old network is changed. Beside each class head a
copy of it learns to say how likely a labeled thing is in a cell, g; its boxes are those of the old regressor, which knows things of
any kind. Where g is above 0.27 the old classes give way and the objectness rises; everywhere else the network says exactly
what it said before. Photos of --keep, which need no labels, show what is not a new thing. Writes a checkpoint for `florence
convert`, and log.jsonl.
"""

import argparse
import json
import math
import random
import shutil
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image, ImageEnhance
from safetensors.torch import load_file, save_file

from model import prepare, read_boxes, run_plan
from runtime import plan_session

ROOT = Path(__file__).resolve().parents[1]


# --- labels -----------------------------------------------------------------------------------------------------------

def read_labels(file):
    """Lines of JSON -> [{"image", "boxes": [(label, (x1,y1,x2,y2) in pixels)]}]; a fault is told with its line."""
    rows = []
    for number, line in enumerate(Path(file).read_text(encoding="utf8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            boxes = []
            for o in row["objects"]:
                x1, y1, x2, y2 = (float(o["box"][k]) for k in ("x_min", "y_min", "x_max", "y_max"))
                if row.get("coordinates") == "normalized":
                    x1, y1, x2, y2 = x1 * row["width"], y1 * row["height"], x2 * row["width"], y2 * row["height"]
                if not (x1 < x2 and y1 < y2):
                    raise ValueError(f"the box {o['box']} has no area")
                if not str(o["label"]).strip():
                    raise ValueError("a label is empty")
                boxes.append((str(o["label"]).strip(), (x1, y1, x2, y2)))
            rows.append({"image": str(row["image"]), "boxes": boxes})
        except (ValueError, KeyError, TypeError) as fault:
            what = f"{fault.args[0]!r} is missing" if isinstance(fault, KeyError) else str(fault)
            raise SystemExit(f"{file}, line {number}: {what}. See docs/evaluate.md for the form of a line.") from None
    if not any(row["boxes"] for row in rows):
        raise SystemExit(f"{file} has no objects: there is nothing to learn.")
    return rows


# --- the detector's plan -----------------------------------------------------------------------------------------------------

class Heads:
    """The parts of a detector's plan that matter here, for each stride: the value that both heads begin with (stem), the
    steps from it to the class features (branch), and the three last convolutions: box, objectness, classes."""

    def __init__(self, tower):
        made = {step["output"]: step for step in tower["plan"]}
        self.strides, self.stems, self.branches, self.ends = tower["strides"], [], [], []
        for stride in tower["strides"]:
            box, objectness, classes = (made[name] for name in made[made[tower["outputs"][f"stride_{stride}"]]["input"]]["inputs"])
            above = [objectness]
            while "input" in above[-1] and above[-1]["input"] in made:
                above.append(made[above[-1]["input"]])
            above, branch = {step["output"] for step in above}, []
            step = made[classes["input"]]
            while step["output"] not in above:
                branch.insert(0, step)
                step = made[step["input"]]
            self.stems.append(step["output"]), self.branches.append(branch), self.ends.append((box, objectness, classes))

    def boxes(self, values):
        """The regressors' values, each [1,4,h,w] -> corners of all cells in the tower's pixels [N,4], middles [N,2], strides [N]."""
        boxes, middles, strides = [], [], []
        for stride, x in zip(self.strides, values):
            row, column = torch.meshgrid(torch.arange(x.shape[2]), torch.arange(x.shape[3]), indexing="ij")
            cell = torch.stack([column.flatten(), row.flatten()], dim=1)
            v = x[0].flatten(1).T  # [h*w,4]
            middle, half = (v[:, :2] + cell) * stride, v[:, 2:].exp() * stride / 2
            boxes.append(torch.cat([middle - half, middle + half], dim=1))
            middles.append((cell + 0.5) * stride), strides.append(torch.full((len(cell),), float(stride)))
        return torch.cat(boxes), torch.cat(middles), torch.cat(strides)


class Grown(torch.nn.Module):
    """The new branches: copies of the class branches, and a convolution to one logit for each taught label."""

    def __init__(self, heads, tensors, labels):
        super().__init__()
        self.plans = []
        for n, branch in enumerate(heads.branches):
            plan, x = [], "image"
            for step in branch:
                names = {k: f"{step[k]}.taught" for k in ("weight", "bias")}
                for k, name in names.items():
                    self.register_parameter(name.replace(".", "/"), torch.nn.Parameter(tensors[step[k]].clone()))
                plan.append({**step, **names, "input": x})
                x = step["output"]
            self.register_parameter(f"g{n}/weight", torch.nn.Parameter(torch.zeros(labels, tensors[branch[-1]["weight"]].shape[0], 1, 1)))
            self.register_parameter(f"g{n}/bias", torch.nn.Parameter(torch.full((labels,), -5.0)))
            plan.append({"op": "conv", "input": x, "weight": f"g{n}.weight", "bias": f"g{n}.bias", "stride": 1, "padding": [0] * 4, "groups": 1, "activation": "none", "output": "g"})
            self.plans.append(plan)

    def named(self):
        return {name.replace("/", "."): p for name, p in self.named_parameters()}

    def forward(self, stems):
        """A stem's values [B,C,h,w] for each stride -> logits of the taught labels in all cells [B,N,L]"""
        tensors = self.named()
        return torch.cat([run_plan(plan, tensors, x)["g"].flatten(2).transpose(1, 2) for plan, x in zip(self.plans, stems)], dim=1)


FAINT, PLAIN = 4.0, 1.0  # g is told from -4 on (0.02), and the old network gives way from -1 on (0.27)


def grow(tower, tensors, heads, grown, taught):
    """Writes the new branches into the tower's plan and tensors. From g come two values: n = relu(g + 4) and m = relu(g + 1). A new
    class's logit is n - 4; 8 m is added to the objectness, taken from the old classes, and added to a taught class that was known."""
    old, learned = len(tower["labels"]), {k: p.detach() for k, p in grown.named().items()}
    tower["labels"] = tower["labels"] + [label for label in taught if label not in tower["labels"]]
    count, rows = len(tower["labels"]), [tower["labels"].index(label) for label in taught]
    plan, prefix = tower["plan"], f"model.vision_tower.{tower['name']}."

    def conv(x, name, weight, bias, activation):
        tensors[f"{prefix}{name}.weight"], tensors[f"{prefix}{name}.bias"] = weight, bias
        return {"op": "conv", "input": x, "weight": f"{prefix}{name}.weight", "bias": f"{prefix}{name}.bias", "stride": 1,
                "padding": [0] * 4, "groups": 1, "activation": activation, "output": name}

    for n, (stride, (_, objectness, classes)) in enumerate(zip(heads.strides, heads.ends)):
        at, L = f"taught{stride}", len(taught)
        join = next(step for step in plan if step["op"] == "concat" and objectness["output"] in step["inputs"])
        new, x = [], heads.stems[n]
        for k, step in enumerate(grown.plans[n][:-1]):
            step = {**step, "input": x, "output": f"{at}_branch{k}"}
            for part in ("weight", "bias"):
                tensors[f"{prefix}{step['output']}.{part}"] = learned[step[part]]
                step[part] = f"{prefix}{step['output']}.{part}"
            new.append(step)
            x = step["output"]
        weight, bias = learned[f"g{n}.weight"], learned[f"g{n}.bias"]
        new.append(conv(x, f"{at}_seen", torch.cat([weight, weight]), torch.cat([bias + FAINT, bias + PLAIN]), "relu"))  # n, m
        rise = torch.cat([torch.zeros(1, L), torch.full((1, L), 8.0)], dim=1)
        shift = torch.zeros(count, 2 * L)
        shift[:, L:] = -8.0
        shift[rows] = 0.0  # taught things do not push each other away
        for j, row in enumerate(rows):
            if row < old:
                shift[row, L + j] = 8.0
            else:
                shift[row, j] = 1.0
        base = {k: tensors[classes[k]] for k in ("weight", "bias")}
        tensors[classes["weight"]] = torch.cat([base["weight"], torch.zeros(count - old, *base["weight"].shape[1:])])
        tensors[classes["bias"]] = torch.cat([base["bias"], torch.full((count - old,), -FAINT)])
        for end, change, size, name in ((objectness, rise, 1, "objectness"), (classes, shift, count, "classes")):
            new.append(conv(f"{at}_seen", f"{at}_{name}_change", change[:, :, None, None], torch.zeros(size), "none"))
            end["activation"] = "none"
            new.append({"op": "add", "inputs": [end["output"], f"{at}_{name}_change"], "output": f"{at}_{name}_sum"})
            new.append(conv(f"{at}_{name}_sum", f"{at}_{name}", torch.eye(size)[:, :, None, None], torch.zeros(size), "sigmoid"))
        join["inputs"] = [join["inputs"][0], f"{at}_objectness", f"{at}_classes"]
        where = plan.index(join)
        plan[where:where] = new


# --- views: each photo in several sizes and places -----------------------------------------------------------------------------

def view(image, boxes, R, plain, size):
    """PIL image, [(class, corners)] -> a square picture [3,S,S] as the tower takes it (by `prepare`'s spec) and the boxes in it:
    the photo whole, or mirrored, made smaller, moved over a ground of one shade, its colors changed; a part of it, if it has no boxes."""
    if plain:
        return image, boxes
    if not boxes:
        w, h = (round(side * R.uniform(0.25, 1.0)) for side in image.size)
        x, y = R.randint(0, image.width - w), R.randint(0, image.height - h)
        image = image.crop((x, y, x + w, y + h))
    w, h = image.size
    share = R.uniform(0.35, 1.0)
    scale = share * size / max(w, h)
    stretch = R.uniform(0.85, 1.15)
    small = image.resize((max(8, round(w * scale * min(1, stretch))), max(8, round(h * scale / max(1, stretch)))), Image.BICUBIC)
    sx, sy = small.width / w, small.height / h
    for kind in (ImageEnhance.Color, ImageEnhance.Brightness, ImageEnhance.Contrast):
        small = kind(small).enhance(R.uniform(0.7, 1.3))
    x, y = R.randint(0, size - small.width), R.randint(0, size - small.height)
    sheet = Image.new("RGB", (size, size), (R.choice((114, R.randint(0, 255))),) * 3)
    sheet.paste(small, (x, y))
    boxes = [(c, (b[0] * sx + x, b[1] * sy + y, b[2] * sx + x, b[3] * sy + y)) for c, b in boxes]
    if R.random() < 0.5:
        sheet = sheet.transpose(Image.FLIP_LEFT_RIGHT)
        boxes = [(c, (size - b[2], b[1], size - b[0], b[3])) for c, b in boxes]
    return sheet, boxes


def see(photos, tower, tensors, heads, labels, views, R):
    """[(PIL image, [(taught label's number, corners in pixels)])] -> [(stems' values, each [C,h,w] in float16; targets [N,labels], -1
    where it does not matter)]"""
    regressors = [box["output"] for box, _, _ in heads.ends]
    run, size = plan_session(tower, tensors, heads.stems + regressors), tower["input"]["size"]
    seen = []
    for image, boxes in photos:
        for n in range(views):
            picture, placed = view(image, boxes, R, n == 0, size)
            x, scale = prepare(picture, tower["input"])
            values = run(x[None])
            cells, middles, strides = heads.boxes([values[r] for r in regressors])
            target = torch.zeros(len(cells), labels)
            for label in range(labels):
                truth = torch.tensor([b for c, b in placed if c == label]).reshape(-1, 4) * scale
                if len(truth):
                    target[:, label] = targets_of(cells, truth, middles, strides)
            seen.append(([values[s][0].half() for s in heads.stems], target))
    return seen


# --- targets and training ------------------------------------------------------------------------------------------------------

def overlaps(a, b):
    """[n,4], [m,4] -> intersection over union [n,m]"""
    inside = (torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(a[:, None, :2], b[None, :, :2])).clamp(min=0).prod(2)
    area = lambda t: (t[:, 2:] - t[:, :2]).prod(1)
    return inside / (area(a)[:, None] + area(b)[None] - inside + 1e-9)


def targets_of(boxes, truth, middles, strides):
    """How good each cell's box is for a thing of one label: its overlap where the cell is taken, 0 elsewhere, -1 where another box of
    the same thing stands (those are removed afterwards). A thing takes cells as SimOTA of YOLOX (arXiv 2107.08430) has it, with
    overlap alone as cost: as many as the ten best overlaps sum to, whose middle lies in it and near its own."""
    overlap = overlaps(truth, boxes)  # [n,N]
    middle = (truth[:, :2] + truth[:, 2:]) / 2
    inside = ((middles > truth[:, None, :2]) & (middles < truth[:, None, 2:])).all(2)
    near = ((middles - middle[:, None]).abs() < 2.5 * strides[:, None]).all(2)
    free = torch.where(inside & near, overlap, torch.full_like(overlap, -1.0))
    target = torch.where((overlap > 0.4).any(0), -1.0, 0.0)
    for n in range(len(truth)):
        best = free[n].topk(10)
        for cell in best.indices[: max(1, round(best.values.clamp(min=0).sum().item()))].tolist():
            if free[n, cell] > 0:
                target[cell] = max(target[cell].item(), free[n, cell].item(), 0.5)
    return target


def train(grown, labeled, kept, steps, batch, rate, R, log):
    optimizer = torch.optim.AdamW(grown.parameters(), weight_decay=0.01)
    began, means = time.time(), {}
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 10) * 0.5 * (1 + math.cos(math.pi * step / steps))
        share = batch - batch // 3 if kept else batch
        views = R.choices(labeled, k=share) + (R.choices(kept, k=batch - share) if kept else [])
        said = grown([torch.stack([v[0][s] for v in views]).float() for s in range(len(grown.plans))])
        target = torch.stack([v[1] for v in views])
        each = F.binary_cross_entropy_with_logits(said, target.clamp(min=0), reduction="none")
        count = (target > 0).sum().clamp(min=1)
        parts = {"there": each[target > 0].sum() / count, "elsewhere": each[target == 0].sum() / count}
        optimizer.zero_grad()
        sum(parts.values()).backward()
        optimizer.step()
        for k, v in parts.items():
            means[k] = 0.9 * means.get(k, v.item()) + 0.1 * v.item()
        if step % 10 == 9 or step == steps - 1:
            log({"step": step + 1, "seconds": round(time.time() - began, 1), **{k: round(v, 4) for k, v in means.items()}})


# --- the whole ---------------------------------------------------------------------------------------------------------------

def recall(rows, tower, tensors, taught):
    """[(PIL image, [(taught label's number, corners)])] -> how many of the labeled things are found with a score of 0.3 and an overlap of 0.5, and how many there are."""
    run = plan_session(tower, tensors, list(tower["outputs"].values()))
    hit = total = 0
    for image, boxes in rows:
        x, scale = prepare(image, tower["input"])
        found = read_boxes(run(x[None]), {**tower, "score_threshold": 0.3, "max": 100}, scale)
        for c, box in boxes:
            own = torch.tensor([f[2] for f in found if f[0] == taught[c]]).reshape(-1, 4)
            total += 1
            hit += bool(len(own) and overlaps(own, torch.tensor([box])).max() >= 0.5)
    return hit, total


def open_photos(rows, folder, labels):
    photos = []
    for row in rows:
        file = Path(folder) / row["image"]
        if not file.exists():
            raise SystemExit(f"{file} is not there; the labels name it.")
        photos.append((Image.open(file).convert("RGB"), [(labels.index(label), box) for label, box in row["boxes"]]))
    return photos


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default=str(ROOT / "models" / "box" / "checkpoint"))
    parser.add_argument("--photos", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--keep", default=str(ROOT / "examples" / "photos"), help="photos without the new things and without labels; the more, the fewer false alarms")
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--views", type=int, default=12, help="of each labeled photo")
    parser.add_argument("--keep-views", type=int, default=16, help="of each photo of --keep")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    R, began = random.Random(args.seed), time.time()
    checkpoint, out = Path(args.checkpoint), Path(args.out)
    config = json.loads((checkpoint / "config.json").read_text())
    towers = [t for t in config.get("vision_config", {}).get("towers", []) if t["kind"] == "detector"]
    if not towers:
        raise SystemExit(f"{checkpoint} has no detector among its towers: this script teaches the box model's. For Florence-2 itself, see florence.py.")
    tower, rows = towers[0], read_labels(args.labels)
    tensors = {k: t.float() for k, t in load_file(str(checkpoint / "model.safetensors")).items()}
    heads = Heads(tower)
    taught = list(dict.fromkeys(label for row in rows for label, _ in row["boxes"]))
    photos = open_photos(rows, args.photos, taught)
    kept = [(Image.open(file).convert("RGB"), []) for file in sorted(Path(args.keep).iterdir()) if file.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")]
    out.mkdir(parents=True, exist_ok=True)
    (out / "log.jsonl").unlink(missing_ok=True)

    def log(line):
        print(json.dumps(line), flush=True)
        with open(out / "log.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")

    with torch.no_grad():
        labeled = see(photos, tower, tensors, heads, len(taught), args.views, R)
        held = see(kept, tower, tensors, heads, len(taught), args.keep_views, R)
    print(f"{len(photos)} photos with {sum(len(b) for _, b in photos)} things ({', '.join(taught)}), {len(kept)} photos without, seen in {time.time() - began:.0f} s", flush=True)
    grown = Grown(heads, tensors, len(taught))
    train(grown, labeled, held, args.steps, args.batch, args.rate, R, log)
    grow(tower, tensors, heads, grown, taught)
    tensors = {k: t.half().contiguous() for k, t in tensors.items()}
    for file in checkpoint.iterdir():
        if file.is_file() and file.name not in ("config.json", "model.safetensors", "log.jsonl"):
            shutil.copyfile(file, out / file.name)
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    (out / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n")
    hit, total = recall(photos, tower, tensors, taught)
    print(f"finds {hit} of the {total} things it was taught with (score 0.3, overlap 0.5); wrote {out} in {time.time() - began:.0f} s")
