"""
Runs the towers over all photos once and stores what they see, so that training never touches a pixel.

    nice -n 5 python hints.py --out /tmp/florence-training/hints

Takes about 25 minutes on one core for 15,743 photos; resumable (parts of 512 photos). Each part is a .pt file of a list of
{"key", "size", "pooled": float16 [1280], "tags": [(name, p)], "boxes": [(label, score, (x1,y1,x2,y2))], "looks": {...}}; the tags are
ImageNet's only. `looks` is plain arithmetic on pixels: what the border and the middle of the photo are like.
"""

import argparse
import io
import json
import tarfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from runtime import Towers

FIRST = ("coco", "openimages-validation", "openimages-person-car", "openimages-extra")  # scenes come first


def looks(image):
    """Mean and spread of the border's and the middle's pixels in RGB, 0..255, of a 32 x 32 reduction."""
    p = np.asarray(image.resize((32, 32), Image.BOX), dtype=np.float32)
    border = np.concatenate([p[:3].reshape(-1, 3), p[-3:].reshape(-1, 3), p[:, :3].reshape(-1, 3), p[:, -3:].reshape(-1, 3)])
    return {"border": border.mean(0).tolist(), "spread": float(border.std(0).mean()),
            "middle": np.median(p[10:22, 10:22].reshape(-1, 3), axis=0).tolist(), "grey": float(np.ptp(p, axis=2).mean())}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", default="../shared/photos")
    parser.add_argument("--towers", default="/tmp/florence-training/towers")
    parser.add_argument("--out", default="/tmp/florence-training/hints")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help="first part, for a second process beside the first")
    parser.add_argument("--least", type=float, default=0.05, help="boxes are stored down to this score; training cuts them again")
    parser.add_argument("--most", type=int, default=60)
    parser.add_argument("--every", type=int, default=1, help="take only each n-th training photo of a part that is not there yet")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    vision = json.loads((Path(args.towers) / "towers.json").read_text())
    tensors = load_file(str(Path(args.towers) / "towers.safetensors"))
    vision["towers"][1] |= {"score_threshold": args.least, "max": args.most}
    towers = Towers(vision, tensors, args.threads)
    rows = [json.loads(line) for line in open(Path(args.photos) / "photos.jsonl", encoding="utf8")]
    rows.sort(key=lambda r: (r["source"] not in FIRST, r["split"] != "test"))  # stable: by key inside
    tars, started = {}, time.time()
    for part in range(args.start * 512, len(rows), 512):
        file = out / f"part-{part // 512:03d}.pt"
        if file.exists():
            continue
        found, chosen = [], rows[part : part + 512]
        chosen = [r for at, r in enumerate(chosen) if at % args.every == 0 or r["split"] == "test"]
        for at in range(0, len(chosen), 8):
            batch = chosen[at : at + 8]
            images = []
            for r in batch:
                tar = tars.setdefault(r["shard"], tarfile.open(Path(args.photos) / r["shard"]))
                images.append(Image.open(io.BytesIO(tar.extractfile(r["key"] + ".webp").read())).convert("RGB"))
            for r, image, (tags, pooled), boxes in zip(batch, images, towers.tags(images), towers.boxes(images)):
                found.append({"key": r["key"], "size": image.size, "pooled": pooled.half(), "tags": tags, "boxes": boxes, "looks": looks(image)})
        torch.save(found, file)
        print(f"{part + 512} of {len(rows)} photos, {time.time() - started:.0f} s", flush=True)
