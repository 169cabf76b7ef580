"""
Pictures made of photos, with exact boxes: object photos pasted side by side, cut-outs on a plain ground, rendered text.

Imported by figures.py; alone, `python composites.py --out DIR` writes a few of each to look at (10 seconds).
"""

import argparse
import io
import random
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from photos import read_captions, read_photos

# Labels of Caltech 101 and the COCO class that the detector knows them by.
KNOWN = {"airplane": "airplane", "car": "car", "motorbike": "motorcycle", "elephant": "elephant", "chair": "chair", "windsor chair": "chair", "cup": "cup",
         "laptop": "laptop", "scissors": "scissors", "umbrella": "umbrella", "stop sign": "stop sign", "soccer ball": "sports ball", "cellphone": "cell phone",
         "pizza": "pizza", "dalmatian": "dog", "helicopter": "airplane", "wild cat": "cat", "emu": "bird", "flamingo": "bird", "rooster": "bird", "pigeon": "bird"}


class Photos:
    """Photos by key, read from the tars."""

    def __init__(self, shared):
        self.shared, self.tars = Path(shared), {}
        self.rows = {r["key"]: r for r in read_photos(shared)}

    def open(self, row):
        tar = self.tars.setdefault(row["shard"], tarfile.open(self.shared / "photos" / row["shard"]))
        return Image.open(io.BytesIO(tar.extractfile(row["key"] + ".webp").read())).convert("RGB")


def cut_out(image, tolerance=28):
    """(RGB crop, mask crop) of the thing before a plain ground, or None where the border is not plain."""
    p = np.asarray(image, dtype=np.float32)
    border = np.concatenate([p[0], p[-1], p[:, 0], p[:, -1]])
    ground = np.median(border, axis=0)
    if (np.abs(border - ground).max(axis=1) > tolerance).mean() > 0.05:
        return None
    apart = Image.fromarray((np.abs(p - ground).max(axis=2) > tolerance).astype(np.uint8) * 255)
    flooded = apart.copy()
    for corner in ((0, 0), (image.width - 1, 0), (0, image.height - 1), (image.width - 1, image.height - 1)):
        if flooded.getpixel(corner) == 0:
            ImageDraw.floodfill(flooded, corner, 128)
    pieces, _ = ndimage.label(np.asarray(flooded) != 128)
    sizes = np.bincount(pieces.ravel())[1:]
    mask = Image.fromarray((pieces == 1 + (sizes.argmax() if len(sizes) else 0)).astype(np.uint8) * 255)
    box = mask.getbbox()
    if box is None or (box[2] - box[0]) * (box[3] - box[1]) < 0.1 * image.width * image.height:
        return None
    return image.crop(box), mask.crop(box)


def side_by_side(photos, rows, R):
    """2 x 2 photos of single things, each in a cell of its own, on a ground of one color -> image, [(label, box in pixels)]."""
    sheet = Image.new("RGB", (640, 640), tuple(R.randint(60, 220) for _ in range(3)))
    placed = []
    for cell, row in enumerate(rows):
        photo = photos.open(row)
        photo.thumbnail((R.randint(170, 290), R.randint(170, 290)), Image.BICUBIC)
        x = cell % 2 * 320 + R.randint(0, 320 - photo.width)
        y = cell // 2 * 320 + R.randint(0, 320 - photo.height)
        sheet.paste(photo, (x, y))
        placed.append((row["labels"][-1], (x, y, x + photo.width, y + photo.height)))
    return sheet, placed


def twins(photos, rows, R):
    """Cut-outs of two things of one kind and of a third, on a ground of one color: rows are (a, a, b).

    -> image, [(phrase, box in pixels, mask [h,w] of bool)]: 'the chair on the left', 'the chair on the right', 'the cup'; or
    None where a photo's ground is not plain."""
    cuts = [cut_out(photos.open(row)) for row in rows]
    if any(c is None for c in cuts):
        return None
    shade = R.randint(150, 235)
    sheet = Image.new("RGB", (640, 448), tuple(shade + R.randint(-15, 15) for _ in range(3)))
    columns = R.sample(range(3), 3)
    placed = []
    for row, column, (image, mask) in zip(rows, columns, cuts):
        scale = min(R.uniform(150, 205) / image.width, R.uniform(200, 300) / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        x, y = column * 213 + R.randint(2, max(2, 211 - size[0])), R.randint(20, 428 - size[1])
        mask = mask.resize(size, Image.BILINEAR)
        sheet.paste(image.resize(size, Image.BICUBIC), (x, y), mask)
        covered = Image.new("L", sheet.size)
        covered.paste(mask, (x, y))
        placed.append((row["labels"][-1], (x, y, x + size[0], y + size[1]), np.asarray(covered) > 127))
    a, b, other = placed
    left, right = sorted((a, b), key=lambda p: p[1][0])
    return sheet, [(f"the {left[0]} on the left", *left[1:]), (f"the {right[0]} on the right", *right[1:]), (f"the {other[0]}", *other[1:])]


def drawn_text(words, R):
    """Lines of words in Pillow's own font, black or colored on a light ground -> image, the words."""
    sheet = Image.new("RGB", (640, 400), tuple(R.randint(200, 255) for _ in range(3)))
    pen, y, written = ImageDraw.Draw(sheet), R.randint(8, 30), []
    while y < 340:
        size = R.randint(16, 40)
        font, x, line = ImageFont.load_default(size), R.randint(8, 60), []
        while True:
            word = R.choice(words)
            if font.getlength(" ".join(line + [word])) > 620 - x or len(line) > 6:
                break
            line.append(word)
        pen.text((x, y), " ".join(line), tuple(R.randint(0, 90) for _ in range(3)), font=font)
        written += line
        y += size + R.randint(10, 30)
    if R.random() < 0.5:
        sheet = sheet.rotate(R.uniform(-4, 4), resample=Image.BICUBIC, fillcolor=sheet.getpixel((0, 0)))
    return sheet, written


def test_sheets(shared, seed=1):
    """Composites of test photos only -> {"regions": [...], "twins": [...], "text": [...]}"""
    photos, R = Photos(shared), random.Random(seed)
    test = [r for r in photos.rows.values() if r["split"] == "test"]
    objects = [r for r in test if r["source"] in ("caltech101", "clothing", "grocery")]
    by_label = {}
    for r in test:
        if r["source"] == "caltech101" and r["labels"][-1] in KNOWN:
            by_label.setdefault(r["labels"][-1], []).append(r)
    regions = [side_by_side(photos, R.sample(objects, 4), R) for _ in range(50)]
    pairs = []
    plain = {label: [r for r in rows if cut_out(photos.open(r))] for label, rows in by_label.items()}
    plain = {label: rows for label, rows in plain.items() if len(rows) > 1}
    while len(pairs) < 50:
        label, other = R.sample(sorted(plain), 2)
        if KNOWN[label] != KNOWN[other]:
            made = twins(photos, [*R.sample(plain[label], 2), R.choice(plain[other])], R)
            pairs += [made] if made else []
    words = sorted({w for i, (_, c) in enumerate(sorted(read_captions(shared, list(photos.rows.values())).items())) if i < 300 for w in c[0].strip(".").split() if len(w) > 2})
    return {"regions": regions, "twins": pairs, "text": [drawn_text(words, R) for _ in range(30)]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for kind, sheets in test_sheets(args.shared).items():
        for number, (sheet, told) in enumerate(sheets[:4]):
            sheet.save(args.out / f"{kind}-{number}.png")
            print(kind, number, [t[:2] for t in told] if kind == "twins" else told)
