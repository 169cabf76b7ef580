"""
Looks closer at training photos, and at pictures composed of them, for the tasks that ask for things by words: cut-outs
of several things, often two of a kind, on plain and on photographed grounds, and photos side by side.

    nice python sheets.py --count 3000

Takes 25 minutes on one core; resumable (parts of 100). Writes sheets/part-*.pt, each a list of
{"truth": [(label, color, box)], "photos": [key], "found": [(label, score, box)], "crops": [(tags, pooled float16 [1280])]}, boxes in
fractions; "truth" is empty for a photo as it is. The tags are ImageNet's only: those of our own heads are added from heads that did not see the
photo (data.py). `--show DIR` draws some of them instead.
"""

import argparse
import hashlib
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from safetensors.torch import load_file

from composites import Photos, cut_out
from photos import check_no_leak, is_validation, may_train
from spoken import colour_name
from runtime import Towers

PART = 100


def ground_of(size, photos, scenes, R):
    """Something to paste on: one color, or a photo of a scene, mostly blurred."""
    if R.random() < 0.6:
        shade = R.randint(40, 245)
        return Image.new("RGB", size, tuple(min(255, max(0, shade + R.randint(-25, 25))) for _ in range(3)))
    photo = photos.open(R.choice(scenes)).resize(size, Image.BICUBIC)
    return photo.filter(ImageFilter.GaussianBlur(R.choice((2, 5, 9, 14))))


def free_place(size, taken, sheet, R):
    for _ in range(30):
        x, y = R.randint(0, max(0, sheet[0] - size[0])), R.randint(0, max(0, sheet[1] - size[1]))
        if all(x >= t[2] + 4 or x + size[0] <= t[0] - 4 or y >= t[3] + 4 or y + size[1] <= t[1] - 4 for t in taken):
            return x, y
    return None


def things(photos, by_label, cuts, R):
    """Labels for one sheet -> photos: two or three of one kind most of the time, and others."""
    rows, labels = [], R.sample(sorted(by_label), R.choices((1, 2, 3), (3, 5, 2))[0])
    if R.random() < 0.75:
        rows += R.sample(by_label[labels[0]], min(len(by_label[labels[0]]), R.choices((2, 3), (4, 1))[0]))
    else:
        rows.append(R.choice(by_label[labels[0]]))
    rows += [R.choice(by_label[label]) for label in labels[1:]]
    R.shuffle(rows)
    return rows


def compose(photos, by_label, scenes, R):
    """-> image, [(label, color, box in pixels)], keys of the photos in it"""
    size = R.randint(440, 700), R.randint(340, 560)
    sheet, truth, taken, keys = ground_of(size, photos, scenes, R), [], [], []
    for row in things(photos, by_label, None, R):
        image, mask = cut_out(photos.open(row))
        scale = min(R.uniform(90, 250) / image.width, R.uniform(90, 300) / image.height)
        own = max(8, round(image.width * scale)), max(8, round(image.height * scale))
        at = free_place(own, taken, size, R)
        if at is None:
            continue
        inside = np.asarray(image)[np.asarray(mask) > 128]
        image, mask = image.resize(own, Image.BICUBIC), mask.resize(own, Image.BILINEAR)
        if R.random() < 0.3:
            image, mask = image.transpose(Image.FLIP_LEFT_RIGHT), mask.transpose(Image.FLIP_LEFT_RIGHT)
        sheet.paste(image, at, mask)
        box = (*at, at[0] + own[0], at[1] + own[1])
        taken.append(box)
        truth.append((row["labels"][-1], colour_name(np.median(inside, axis=0)) or "", box))
        keys.append(row["key"])
    return sheet, truth, keys


def beside(photos, objects, R):
    """Photos of single things, pasted whole -> as `compose`."""
    size = R.randint(480, 700), R.randint(400, 640)
    sheet, truth, taken, keys = ground_of(size, photos, objects, R), [], [], []
    for row in R.sample(objects, R.randint(2, 5)):
        photo = photos.open(row)
        photo.thumbnail((R.randint(130, 290), R.randint(130, 290)), Image.BICUBIC)
        at = free_place(photo.size, taken, size, R)
        if at is None:
            continue
        sheet.paste(photo, at)
        w, h = photo.size
        middle = np.asarray(photo)[h // 3 : 2 * h // 3 + 1, w // 3 : 2 * w // 3 + 1].reshape(-1, 3)
        box = (*at, at[0] + photo.width, at[1] + photo.height)
        taken.append(box)
        truth.append((row["labels"][-1], colour_name(np.median(middle, axis=0)) or "", box))
        keys.append(row["key"])
    return sheet, truth, keys


def seen(towers, image, truth, keys):
    """What is kept of one picture."""
    found, crops = towers.near_features(image)
    share = lambda box: tuple(v / s for v, s in zip(box, (*image.size, *image.size)))
    return {"truth": [(label, color, share(box)) for label, color, box in truth], "photos": keys,
            "found": [(label, score, share(box)) for label, score, box in found], "crops": [(tags, pooled.half()) for tags, pooled in crops]}


def draw(image, truth):
    pen = ImageDraw.Draw(image)
    for label, color, box in truth:
        pen.rectangle(box, outline="red")
        pen.text(box[:2], f"{color} {label}", fill="red")
    return image


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--work", default="/tmp/florence-training")
    parser.add_argument("--count", type=int, default=3000, help="composed pictures; a tenth more are made of validation photos only")
    parser.add_argument("--photos", type=int, default=700, help="photos of single things as they are, beside all scenes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--show", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    photos, R = Photos(args.shared), random.Random(0)
    train = [r for r in photos.rows.values() if may_train(r)]
    check_no_leak({}, train, list(photos.rows.values()))
    hashed = sorted(train, key=lambda r: hashlib.sha1(r["key"].encode()).hexdigest())
    objects = [r for r in hashed if r["source"] in ("caltech101", "clothing", "grocery")]
    scenes = [r for r in hashed if r["source"] == "coco" or r["source"].startswith("openimages")]
    plain = {False: {}, True: {}}
    began = time.time()
    for r in objects:
        if r["source"] == "caltech101" and (args.show is None or R.random() < 0.1) and cut_out(photos.open(r)):
            plain[is_validation(r)].setdefault(r["labels"][-1], []).append(r)
    print(f"{sum(len(v) for kind in plain.values() for v in kind.values())} cut-outs of {len(plain[False])} kinds, {time.time() - began:.0f} s", flush=True)
    jobs = [("compose" if n % 5 else "beside", False) for n in range(args.count)] + [("compose", True)] * (args.count // 10)
    jobs += [(r, is_validation(r)) for r in scenes + objects[: args.photos]]
    R.shuffle(jobs)
    for n in range(0, 12 if args.show else 0):
        args.show.mkdir(parents=True, exist_ok=True)
        image, truth, _ = compose(photos, plain[False], scenes, R) if n % 3 else beside(photos, objects, R)
        draw(image, truth).save(args.show / f"sheet-{n}.png")
    if args.show:
        raise SystemExit
    work = Path(args.work)
    vision = json.loads((work / "towers" / "towers.json").read_text())
    towers = Towers(vision, load_file(str(work / "towers" / "towers.safetensors")), args.threads)
    (work / "sheets").mkdir(parents=True, exist_ok=True)
    for at in range(0, len(jobs), PART):
        file = work / "sheets" / f"part-{at // PART:03d}.pt"
        if file.exists():
            continue
        R, kept = random.Random(at), []
        for job, held in jobs[at : at + PART]:
            if isinstance(job, dict):
                picture = (photos.open(job), [], [job["key"]])
            elif job == "compose":
                picture = compose(photos, plain[held], scenes, R)
            else:
                picture = beside(photos, [r for r in R.sample(objects, 40) if not is_validation(r)], R)
            kept.append(seen(towers, *picture) | {"validation": held})
        torch.save(kept, file)
        print(f"{at + PART} of {len(jobs)} pictures, {time.time() - began:.0f} s", flush=True)
