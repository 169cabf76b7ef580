"""
Looks closer at every annotated box of the training scenes: the classifier's tags of the crop, for the region tasks.

    nice python region_tags.py

Takes 2 minutes on one core. Writes region-tags.json: {key: [(box in fractions, label, [(name, score)],
(the detector's name for it, how sure))]}.
"""

import argparse
import json
import tarfile
import io
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file

from photos import may_train, read_photos
from model import closer
from near import region_label
from runtime import Towers

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--work", default="/tmp/florence-training")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    work = Path(args.work) / "towers"
    vision = json.loads((work / "vision.json").read_text())
    towers = Towers(vision, load_file(work / "towers.safetensors") | load_file(work / "photo_tags.safetensors"), args.threads)
    found, tars = {}, {}
    for r in read_photos(args.shared):
        if not may_train(r) or not r.get("boxes"):
            continue
        tar = tars.setdefault(r["shard"], tarfile.open(Path(args.shared) / "photos" / r["shard"]))
        image = Image.open(io.BytesIO(tar.extractfile(r["key"] + ".webp").read())).convert("RGB")
        w, h = image.size
        boxes = [b for b in r["boxes"] if (b["x1"] - b["x0"]) * w >= 16 and (b["y1"] - b["y0"]) * h >= 16 and not b.get("crowd")]
        boxes.sort(key=lambda b: -(b["x1"] - b["x0"]) * (b["y1"] - b["y0"]))
        cells = towers.cells(image)
        for b in boxes[:8]:
            box = (b["x0"], b["y0"], b["x1"], b["y1"])
            pixels = (box[0] * w, box[1] * h, box[2] * w, box[3] * h)
            tags, _ = towers.tags([closer(image, pixels)])[0]
            found.setdefault(r["key"], []).append((box, b["label"], tags, region_label(*cells, pixels)))
    (Path(args.work) / "region-tags.json").write_text(json.dumps(found))
    print(f"{sum(map(len, found.values()))} boxes of {len(found)} photos")
