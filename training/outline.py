"""
Trains the outline head: a few convolutions over the classifier tower's inner maps that say which pixels of a region belong
to the thing the region is of. The tower stays as it is; it looks at regions already (`closer` in model.py).

    nice -n 5 python outline.py

Takes 30 minutes on one core: 12 to look at 10,000 regions once (stored as float16, 4.5 GB), 15 to train (1,200 steps; more gain nothing),
3 to measure. Regions are COCO objects with polygons (of photos that may be trained on), cut-outs of Caltech's photos and of those objects
on plain grounds and on photos, one before the other, and boxes of Open Images, of which only the box is known (`boxed_loss`). Boxes are
off by up to a tenth of their sides. Prints the loss, then the mean IoU on held-out COCO objects and composites beside that of the box
itself and of an ellipse in it. Writes towers/outline.json (the steps that export.py adds to the plan) and towers/outline.safetensors.
Long, because the head, what it is shown and what it is told belong together.
"""

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageChops, ImageCms, ImageDraw, ImageEnhance, ImageFilter
from safetensors.torch import load_file, save_file

from composites import Photos, cut_out
from photos import check_no_leak, is_coco_test, may_train
from model import closer, closer_corners, prepare, run_plan
from polygons import outline_of, pixels_of
from runtime import plan_session

LAB = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
SIDE = 65  # of the map: stride 4 of 260 pixels
LEVELS = [("block3_add", 24, 65), ("block6_add", 48, 33), ("block14_add", 120, 17), ("block20_project", 352, 9)]  # value, channels, side


# --- the head, as steps of the tower's plan ---------------------------------------------------------------------------

WIDTHS = [20, 32, 48, 56]  # channels at strides 4, 8, 16, 32


def head(tower, generator):
    """-> steps, tensors: from the coarse maps to the fine ones. Twice the coarser map is one wider than the finer: a 2x2
    convolution of each channel takes that away and smooths the steps."""
    steps, tensors = [], {}

    def conv(output, x, c_in, c_out, kernel, padding, groups=1, activation="relu"):
        name = f"model.vision_tower.{tower}.outline_{output}"
        std = (2 / (c_in // groups * kernel**2)) ** 0.5
        tensors[name + ".weight"] = std * torch.randn(c_out, c_in // groups, kernel, kernel, generator=generator)
        tensors[name + ".bias"] = torch.zeros(c_out)
        if groups == c_in:
            tensors[name + ".weight"].fill_(1 / kernel**2)
        steps.append({"op": "conv", "input": x, "weight": name + ".weight", "bias": name + ".bias", "stride": 1,
                      "padding": [padding] * 4, "groups": groups, "activation": activation, "output": f"outline_{output}"})
        return f"outline_{output}"

    x = None
    for level in (3, 2, 1, 0):
        (value, channels, _), width = LEVELS[level], WIDTHS[level]
        y = conv(f"from{level}", value, channels, width, 1, 0, activation="none")
        if x is not None:
            x = conv(f"narrow{level}", x, WIDTHS[level + 1], width, 1, 0, activation="none")
            steps.append({"op": "upsample_nearest", "input": x, "scale": 2, "output": f"outline_twice{level}"})
            x = conv(f"fit{level}", f"outline_twice{level}", width, width, 2, 0, groups=width, activation="none")
            steps.append({"op": "add", "inputs": [x, y], "output": f"outline_sum{level}"})
            y = f"outline_sum{level}"
        x = conv(f"a{level}", y, width, width, 3, 1)
        x = conv(f"b{level}", x, width, width, 3, 1)
    conv("logits", x, WIDTHS[0], 1, 3, 1, activation="none")
    return steps, tensors


# --- regions with exact masks -----------------------------------------------------------------------------------------

def rings_in(part):
    """A part of a polygon as rings: some hold several, holes too, each of which comes back to where it began."""
    ring = []
    for point in zip(part[::2], part[1::2]):
        ring.append(point)
        if len(ring) > 3 and point == ring[0]:
            yield ring
            ring = []
    if len(ring) > 2:
        yield ring


def drawn(polygon, size):
    """A polygon's parts, in fractions -> mask, 0 or 255."""
    w, h = size
    mask = Image.new("1", (3 * w, 3 * h), 0)
    for part in polygon["parts"]:
        for ring in rings_in(part):
            own = Image.new("1", mask.size, 0)
            ImageDraw.Draw(own).polygon([(3 * w * x, 3 * h * y) for x, y in ring], fill=1)
            mask = ImageChops.logical_xor(mask, own)
    return mask.convert("L").resize(size, Image.BOX)


def coco_objects(photos, rows, least):
    """-> [(photo, mask, box in pixels)] of annotated objects whose sides have `least` pixels or more."""
    found = []
    for r in rows:
        image = photos.open(r)
        w, h = image.size
        for polygon in r.get("polygons", []):
            b = None if polygon["box"] is None else r["boxes"][polygon["box"]]
            if b is None or b.get("crowd"):
                continue
            box = (b["x0"] * w, b["y0"] * h, b["x1"] * w, b["y1"] * h)
            if min(box[2] - box[0], box[3] - box[1]) >= least:
                found.append((image, drawn(polygon, image.size), box))
    return found


def cut_out_object(image, mask, box):
    """An annotated object as `cut_out` gives things before a plain ground."""
    x1, y1, x2, y2 = (int(round(v)) for v in box)
    corners = (max(0, x1), max(0, y1), min(image.width, x2 + 1), min(image.height, y2 + 1))
    return image.crop(corners), mask.crop(corners)


def ground(backgrounds, R):
    """A plain, shaded or photographed ground."""
    w, h = R.randint(260, 480), R.randint(260, 480)
    kind = R.random()
    if kind < 0.2:
        return Image.new("RGB", (w, h), tuple(R.randint(0, 255) for _ in range(3)))
    if kind < 0.3:
        corners = np.array([[[R.randint(0, 255) for _ in range(3)] for _ in range(2)] for _ in range(2)], dtype=np.uint8)
        return Image.fromarray(corners).resize((w, h), Image.BICUBIC)
    photo = R.choice(backgrounds)()
    scale = max(w / photo.width, h / photo.height) * R.uniform(1, 1.6)
    photo = photo.resize((max(w, round(photo.width * scale)), max(h, round(photo.height * scale))), Image.BICUBIC)
    x, y = R.randint(0, photo.width - w), R.randint(0, photo.height - h)
    return photo.crop((x, y, x + w, y + h))


def composite(cuts, backgrounds, R):
    """Cut-outs on a ground, one of them asked for -> image, its visible mask, box; or None where too little is to be seen."""
    sheet = ground(backgrounds, R)
    w, h = sheet.size
    size_of = lambda: R.uniform(0.25, 0.85)
    count, asked, whole = R.choice((1, 2, 2, 3, 4)), None, 0
    order = [False] * (count - 1)
    order.insert(R.randint(0, count - 1), True)
    spot = (R.uniform(0.25, 0.75) * w, R.uniform(0.25, 0.75) * h)
    extent = size_of()
    for is_asked in order:
        cut, mask = R.choice(cuts)
        if R.random() < 0.5:
            cut, mask = cut.transpose(Image.FLIP_LEFT_RIGHT), mask.transpose(Image.FLIP_LEFT_RIGHT)
        share = extent if is_asked else extent * R.uniform(0.5, 1.4)
        scale = share * min(w / cut.width, h / cut.height)
        size = (max(4, round(cut.width * scale * R.uniform(0.85, 1.15))), max(4, round(cut.height * scale * R.uniform(0.85, 1.15))))
        cut = ImageEnhance.Brightness(cut.resize(size, Image.BICUBIC)).enhance(R.uniform(0.7, 1.25))
        cut = ImageEnhance.Color(cut).enhance(R.uniform(0.5, 1.5))
        mask = mask.resize(size, Image.BILINEAR)
        soft = mask.filter(ImageFilter.GaussianBlur(R.choice((0.4, 0.8, 1.2))))
        if is_asked:
            x, y = spot
        else:  # beside it, touching it or half behind it
            angle, away = R.uniform(0, 6.283), R.uniform(0.45, 1.0)
            x, y = spot[0] + away * extent * w * np.cos(angle), spot[1] + away * extent * h * np.sin(angle)
        at = (round(x - size[0] / 2), round(y - size[1] / 2))
        sheet.paste(cut, at, soft)
        layer = Image.new("L", (w, h), 0)
        layer.paste(mask, at)
        if is_asked:
            asked, whole = layer, np.asarray(layer).sum()
        elif asked is not None:
            asked = ImageChops.subtract(asked, layer)
    seen = np.asarray(asked) > 127
    if seen.sum() < 150 or np.asarray(asked).sum() < 0.5 * whole:
        return None
    ys, xs = np.where(seen)
    return sheet, asked, (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)


def jittered(box, size, R, share=0.1):
    """A box whose sides are off, as a detector's are; inside the picture."""
    x1, y1, x2, y2 = box
    off = lambda side: max(-share, min(share, R.gauss(0, share / 2))) * side
    x1, x2 = x1 + off(x2 - x1), x2 + off(x2 - x1)
    y1, y2 = y1 + off(y2 - y1), y2 + off(y2 - y1)
    return max(0, x1), max(0, y1), min(size[0], x2), min(size[1], y2)


def seen_closer(image, mask, box):
    """-> the crop that the tower looks at, and its mask as floats [SIDE, SIDE]"""
    mask = np.asarray(closer(mask, box).resize((SIDE, SIDE), Image.BOX), dtype=np.float32) / 255
    return closer(image, box), mask


def altered(image, R):
    """Other light and colours, sometimes out of focus."""
    image = ImageEnhance.Brightness(image).enhance(R.uniform(0.75, 1.3))
    image = ImageEnhance.Contrast(image).enhance(R.uniform(0.75, 1.3))
    image = ImageEnhance.Color(image).enhance(R.uniform(0.4, 1.5))
    return image.filter(ImageFilter.GaussianBlur(R.uniform(0, 1.2))) if R.random() < 0.3 else image


def boxed_things(photos, rows, least):
    """-> [(photo, box in pixels)] of boxes of Open Images, whose shapes nobody has drawn."""
    found = []
    for r in rows:
        boxes = [(b["x0"] * r["width"], b["y0"] * r["height"], b["x1"] * r["width"], b["y1"] * r["height"]) for b in r["boxes"] if b.get("origin") != "model"]
        found += [(r, box) for box in boxes if min(box[2] - box[0], box[3] - box[1]) >= least]
    return found


def training_regions(photos, objects, boxed, cuts, backgrounds, count, R):
    """Yields (crop, mask [SIDE, SIDE], drawn): a third are annotated objects where they stand, two fifths composites, a quarter
    boxes whose shapes nobody has drawn: their mask is the box."""
    while count > 0:
        kind = R.random()
        if kind < 0.32:
            image, mask, box = R.choice(objects)
        elif kind < 0.75:
            made = composite(cuts, backgrounds, R)
            if made is None:
                continue
            image, mask, box = made
        else:
            row, box = R.choice(boxed)
            image = photos.open(row)
            mask = Image.new("L", image.size, 0)
            ImageDraw.Draw(mask).rectangle(box, fill=255)
        crop, mask = seen_closer(image, mask, jittered(box, image.size, R))
        if R.random() < 0.5:
            crop, mask = crop.transpose(Image.FLIP_LEFT_RIGHT), mask[:, ::-1]
        count -= 1
        yield altered(crop, R), mask, kind < 0.75


# --- looking, training, measuring -------------------------------------------------------------------------------------

def look_at(regions, see, spec):
    """(crop, mask, drawn) triples -> the tower's inner maps, float16; masks uint8 [n,SIDE,SIDE], drawn bool [n], colors (CIE Lab)
    uint8 [n,3,SIDE,SIDE]."""
    maps, masks, known, colors, batch = {value: [] for value, _, _ in LEVELS}, [], [], [], []

    def look():
        for value, map_ in see(torch.stack(batch)).items():
            maps[value].append(map_.half())
        batch.clear()

    for crop, mask, drawn_ in regions:
        batch.append(prepare(crop, spec)[0])
        masks.append(torch.from_numpy(np.round(mask * 255).astype(np.uint8)))
        known.append(drawn_)
        colors.append(torch.from_numpy(np.asarray(LAB.apply(crop.resize((SIDE, SIDE), Image.BOX))).transpose(2, 0, 1).copy()))
        if len(batch) == 16:
            look()
        if len(masks) % 400 == 0:
            print(f"{len(masks)} regions, {time.time() - started:.0f} s", flush=True)
    if batch:
        look()
    return {value: torch.cat(parts) for value, parts in maps.items()}, torch.stack(masks), torch.tensor(known), torch.stack(colors)


def logits_of(steps, tensors, maps):
    values = run_plan(steps, tensors, None, maps)
    return values["outline_logits"][:, 0].float()  # [B,SIDE,SIDE]


def loss_of(logits, target):
    """Of drawn regions: cross-entropy of each pixel, and one less the overlap (dice). -> [B]"""
    p = logits.sigmoid()
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean((1, 2)) + less_overlap(p, target, (1, 2))


def less_overlap(p, target, axes):
    return 1 - (2 * (p * target).sum(axes) + 1) / ((p + target).sum(axes) + 1)


def boxed_loss(logits, box, colors, close=6.0):
    """Of regions of which only the box is known (BoxInst, arXiv 2012.02310): the thing reaches each side of it and does not leave it,
    and neighbours (two points apart) of the same color belong together. -> [B]"""
    p = logits.sigmoid()
    reach = sum(less_overlap(p.amax(axis), box.amax(axis), 1) for axis in (1, 2))
    apart, count = 0, 1
    for dy, dx in ((0, 2), (2, 0), (2, 2), (2, -2)):
        a = (slice(None), slice(0, SIDE - dy), slice(max(0, -dx), SIDE - max(0, dx)))
        b = (slice(None), slice(dy, SIDE), slice(max(0, dx), SIDE + min(0, dx)))
        ca, cb = colors[:, :, a[1], a[2]], colors[:, :, b[1], b[2]]
        alike = ((ca - cb).norm(dim=1) < close) & ((box[a] > 0.5) | (box[b] > 0.5))
        same = p[a] * p[b] + (1 - p[a]) * (1 - p[b])
        apart = apart - (same.clamp(min=1e-4).log() * alike).sum((1, 2))
        count = count + alike.sum((1, 2))
    return reach + apart / count


def overlaps(logits, masks):
    """IoU on the map's own grid."""
    a, b = logits > 0, masks > 127
    return (a & b).sum((1, 2)) / (a | b).sum((1, 2)).clamp(min=1)


def rasterised(rings, size):
    """Polygons in pixels -> bool [h,w]"""
    canvas = Image.new("L", (4 * size[0], 4 * size[1]), 0)
    for ring in rings:
        ImageDraw.Draw(canvas).polygon([(4 * x, 4 * y) for x, y in ring], fill=255)
    return np.asarray(canvas.resize(size, Image.BOX)) > 127


def measure(name, regions, see, steps, tensors, spec):
    """Mean IoU of polygons as the product tells them, with the boxes given, and of the box and an ellipse in it."""
    ours, boxes, ellipses, big = [], [], [], []
    for image, mask, box in regions:
        maps = see(prepare(closer(image, box), spec)[0][None])
        with torch.no_grad():
            logits = logits_of(steps, tensors, maps)[0]
        rings, _ = outline_of(logits.numpy(), closer_corners(image.size, box), box, image.size)
        truth = np.asarray(mask) > 127
        iou = lambda a: (a & truth).sum() / max(1, (a | truth).sum())
        x1, y1, x2, y2 = box
        angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        ellipse = [((x1 + x2) / 2 + (x2 - x1) / 2 * np.cos(a), (y1 + y2) / 2 + (y2 - y1) / 2 * np.sin(a)) for a in angles]
        ours.append(iou(rasterised(pixels_of(rings, image.size), image.size)))
        boxes.append(iou(rasterised([[(x1, y1), (x2, y1), (x2, y2), (x1, y2)]], image.size)))
        ellipses.append(iou(rasterised([ellipse], image.size)))
        big.append(min(x2 - x1, y2 - y1) >= 32)
    big = np.array(big)
    row = lambda v: f"{np.mean(v):.3f} (sides of 32 pixels and more: {np.mean(np.array(v)[big]):.3f})"
    print(f"{name}: n {len(ours)} ({big.sum()}), mean IoU {row(ours)}; of the box {row(boxes)}; of an ellipse in it {row(ellipses)}", flush=True)
    return ours


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--work", default="/tmp/florence-training")
    parser.add_argument("--regions", type=int, default=10000)
    parser.add_argument("--minutes", type=float, default=15, help="of training")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--begin", help="goes on from this outline.safetensors")
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    started, R = time.time(), random.Random(0)
    towers = Path(args.work) / "towers"
    vision, weights = json.loads((towers / "towers.json").read_text()), load_file(str(towers / "towers.safetensors"))
    eyes = vision["towers"][0]
    see = plan_session(eyes, weights, [value for value, _, _ in LEVELS])
    photos = Photos(args.shared)
    rows = list(photos.rows.values())
    train = [r for r in rows if may_train(r)]
    check_no_leak({}, train, rows)

    stored = Path(args.work) / "outline-regions.pt"
    if stored.exists():
        maps, masks, known, colors = torch.load(stored, weights_only=True)
    else:
        coco = [r for r in train if r["source"] == "coco"]
        objects = coco_objects(photos, coco, least=20)
        plain = R.sample([r for r in train if r["source"] == "caltech101"], 1500)
        cuts = [c for c in (cut_out(photos.open(r)) for r in plain) if c is not None]
        print(f"{len(objects)} COCO objects, {len(cuts)} cut-outs of Caltech, {time.time() - started:.0f} s", flush=True)
        cuts += [cut_out_object(*o) for o in objects if min(o[2][2] - o[2][0], o[2][3] - o[2][1]) >= 48]
        scenes = [r for r in train if r["source"].startswith("openimages")]
        backgrounds = [lambda r=r: photos.open(r) for r in scenes]
        boxed = boxed_things(photos, scenes, least=40)
        regions = training_regions(photos, objects, boxed, cuts, backgrounds, args.regions, R)
        maps, masks, known, colors = look_at(regions, see, eyes["input"])
        torch.save((maps, masks, known, colors), stored)

    generator = torch.Generator().manual_seed(0)
    steps, tensors = head(eyes["name"], generator)
    for level, (value, _, _) in enumerate(LEVELS):  # the tower's maps differ in scale
        tensors[f"model.vision_tower.{eyes['name']}.outline_from{level}.weight"] /= maps[value][:64].float().std()
    if args.begin:
        tensors = load_file(args.begin)
    print(f"{sum(t.numel() for t in tensors.values()):,} parameters, {len(masks)} regions", flush=True)
    for t in tensors.values():
        t.requires_grad_()
    optimizer = torch.optim.AdamW(tensors.values(), lr=args.lr, weight_decay=1e-2)
    began, step, mean, order = time.time(), 0, None, []
    while (spent := (time.time() - began) / 60 / args.minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * spent)))
        if len(order) < 32:
            order = torch.randperm(len(masks), generator=generator)
        batch, order = order[:32], order[32:]
        drop = lambda map_: F.dropout2d(map_, 0.1)  # whole channels: few photos are drawn, and would be learned by heart
        part = {value: drop(map_[batch].bfloat16()).contiguous(memory_format=torch.channels_last) for value, map_ in maps.items()}
        target = masks[batch].float() / 255
        with torch.autocast("cpu", torch.bfloat16):  # five times faster here
            logits = logits_of(steps, tensors, part)
        sure = known[batch]
        loss = loss_of(logits, target)[sure].sum()
        if not sure.all():
            loss = loss + 0.5 * boxed_loss(logits[~sure], target[~sure], colors[batch][~sure].float()).sum()
        loss = loss / len(batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(tensors.values()), 1.0)
        optimizer.step()
        now = torch.stack([loss.detach(), overlaps(logits.detach(), masks[batch])[sure].mean()])
        mean = now if mean is None else 0.98 * mean + 0.02 * now
        step += 1
        if step % 50 == 0:
            print(f"step {step}, {(time.time() - began) / 60:.1f} minutes: loss {mean[0]:.3f}, IoU on the map {mean[1]:.3f}", flush=True)
    tensors = {k: t.detach() for k, t in tensors.items()}
    (towers / "outline.json").write_text(json.dumps({"tower": eyes["name"], "output": "outline", "value": "outline_logits", "plan": steps}))
    save_file(tensors, str(towers / "outline.safetensors"))

    test = [r for r in rows if is_coco_test(r) and "polygons" in r]
    measure("COCO test set", coco_objects(photos, test, least=1), see, steps, tensors, eyes["input"])
    R = random.Random(1)
    held_out = [r for r in rows if r["split"] == "test"]
    plain = [cut_out(photos.open(r)) for r in held_out if r["source"] == "caltech101"]
    scenes = [lambda r=r: photos.open(r) for r in held_out if r["source"].startswith("openimages")]
    sheets = (composite([c for c in plain if c is not None], scenes, R) for _ in range(240))
    measure("composites", [s for s in sheets if s is not None][:200], see, steps, tensors, eyes["input"])
