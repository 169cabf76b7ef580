"""
The training of a round of `florence data-engine refine`: teaches the detector of the box model what the records show, and converts it.

    florence data-engine refine kept.jsonl --photos photos --out rounds --task caption --task detect \\
        --train "python training/refine_round.py"

Reads FLORENCE_PHOTOS and FLORENCE_RECORDS, leaves a bundle in FLORENCE_BUNDLE and its checkpoint beside it. Every round begins at the
checkpoint in the box: what it knows more than the round before, it knows by the records. A name with at least --least boxes is taught
(finetune.py); photos without it show what it is not. 140 photos, 6 views of each, 300 steps: two minutes of one quiet core.
"""

import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def lines_to_learn(records, least):
    """Lines of the data engine -> (lines as finetune.py reads them, {name: boxes}). Only objects count, by their names in small letters;
    names of fewer than `least` boxes are left out, photos never."""
    photos = []
    for text in records:
        if not text.strip():
            continue
        record = json.loads(text)
        photo, objects = record["photo"], []
        for one in record["annotations"]:
            if one["kind"] == "region_text" and one["about"] == "object":
                objects.append({"label": one["text"].strip().lower(), "box": one["region"]["box"]})
        photos.append({"image": photo["path"], "width": photo["width"], "height": photo["height"], "objects": objects})
    counts = collections.Counter(o["label"] for p in photos for o in p["objects"])
    taught = {name: count for name, count in sorted(counts.items()) if count >= least}
    return [{**p, "objects": [o for o in p["objects"] if o["label"] in taught]} for p in photos], taught


def run(command):
    print("$", " ".join(map(str, command)), flush=True)
    subprocess.run(list(map(str, command)), check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default=ROOT / "models" / "box" / "checkpoint")
    parser.add_argument("--least", type=int, default=10, help="boxes a name needs to be taught")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--views", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    bundle = Path(os.environ["FLORENCE_BUNDLE"])
    work = bundle.parent / "training"
    nothing = work / "keep"  # photos without the taught things are among the records
    nothing.mkdir(parents=True, exist_ok=True)
    lines, taught = lines_to_learn(Path(os.environ["FLORENCE_RECORDS"]).read_text(encoding="utf8").splitlines(), args.least)
    if not taught:
        sys.exit(f"No name has {args.least} boxes: there is nothing to teach.")
    print(f"{len(lines)} photos teach", ", ".join(f"{name} ({count})" for name, count in taught.items()), flush=True)
    (work / "labels.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf8")
    run([sys.executable, ROOT / "training/finetune.py", "--checkpoint", args.checkpoint, "--photos", os.environ["FLORENCE_PHOTOS"], "--labels", work / "labels.jsonl",
         "--keep", nothing, "--views", args.views, "--steps", args.steps, "--threads", args.threads, "--out", work / "checkpoint"])
    shutil.rmtree(bundle, ignore_errors=True)  # of a round that was killed
    run(["node", ROOT / "src/cli/florence.js", "convert", work / "checkpoint", "--precision", "int8", "--id", f"florence-round-{os.environ['FLORENCE_ROUND']}",
         "--license", "Apache-2.0", "--out", bundle])
