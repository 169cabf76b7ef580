"""Turns RefCOCO, RefCOCO+ or RefCOCOg from its pickle into JSON for `florence evaluate`.

Command, a minute; nothing but Python is needed:

    python src/evaluate/scripts/refcoco_to_json.py FOLDER "refs(unc).p" val > refcoco-val.json

FOLDER is one of the folders of the published archives (lichengunc/refer): it
holds `refs(unc).p` (or `refs(umd).p`, `refs(google).p` for RefCOCOg) and
`instances.json`. The last word is the split: val, testA, testB or test. A
pickle can run code when it is loaded: take it from its publisher.

Out comes one object: dataset, split, images, annotations (bbox, segmentation)
and refs, each with its sentences, as `florence evaluate --data` reads them.
"""

import json
import pickle
import sys
from pathlib import Path


def convert(folder: Path, refs_name: str, split: str) -> dict:
    with open(folder / refs_name, "rb") as file:
        refs = [ref for ref in pickle.load(file) if ref["split"] == split]
    if not refs:
        sys.exit(f"{refs_name} has no split {split}")
    instances = json.loads((folder / "instances.json").read_text("utf8"))
    image_ids = {ref["image_id"] for ref in refs}
    ann_ids = {ref["ann_id"] for ref in refs}
    return {
        "dataset": folder.name,
        "split": split,
        "images": [
            {key: image[key] for key in ("id", "file_name", "width", "height")}
            for image in instances["images"] if image["id"] in image_ids
        ],
        "annotations": [
            {key: one[key] for key in ("id", "bbox", "segmentation")}
            for one in instances["annotations"] if one["id"] in ann_ids
        ],
        "refs": [
            {
                "image_id": ref["image_id"], "ann_id": ref["ann_id"],
                "sentences": [sentence["sent"] for sentence in ref["sentences"]],
            }
            for ref in refs
        ],
    }


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    json.dump(convert(Path(sys.argv[1]), sys.argv[2], sys.argv[3]), sys.stdout)
