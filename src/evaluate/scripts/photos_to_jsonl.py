"""Turns a `photos.jsonl` with its photos into data for `florence evaluate`.

Command, seconds; nothing but Python is needed:

    python src/evaluate/scripts/photos_to_jsonl.py PHOTOS OUT [--coco-test] [--source NAME ...] [--split train]

PHOTOS holds `photos.jsonl` (coordinates as fractions) and either tars of
`<key>.webp` (`photos-*.tar`) or the files themselves, as `test/data/photos` has
them. OUT gets `data.jsonl` and a folder `photos` with the photos it names.

Without a choice: the `test` split. `--coco-test`: the COCO test set, that is the
`test` split and the CC BY-SA photos, which are never trained on. `--source`: these
sources alone. `--split train`: photos to calibrate on; the COCO test set is never
among them.

Objects of photos with `boxes_known: false` are left out. The Open Images sets
have boxes of some things only: their photos say so in `categories`.
"""

import argparse
import json
import sys
import tarfile
from pathlib import Path

#: What the exporters of these sources looked for.
PARTIAL = {
    "openimages-validation": ["person", "backpack"],
    "openimages-person-car": ["person", "car"],
    "openimages-extra": ["person", "boat", "apple", "bicycle", "bird"],
}


def is_coco_test(row: dict) -> bool:
    return row["source"] == "coco" and (row["split"] == "test" or "SA" in row["license"])


def to_line(row: dict) -> dict:
    line = {"id": row["key"], "image": row["key"] + ".webp", "width": row["width"], "height": row["height"], "coordinates": "normalized"}
    if row.get("captions"):
        line["captions"] = row["captions"]
    if row.get("boxes") and row.get("boxes_known", True):
        line["objects"] = []
        polygons = {}
        for polygon in row.get("polygons", []):
            if polygon["box"] is not None:
                polygons.setdefault(polygon["box"], []).extend(polygon["parts"])
        for at, box in enumerate(row["boxes"]):
            if box["x0"] >= box["x1"] or box["y0"] >= box["y1"]:
                continue  # rounded to nothing
            one = {"label": box["label"], "box": {"x_min": box["x0"], "y_min": box["y0"], "x_max": box["x1"], "y_max": box["y1"]}}
            if at in polygons:
                one["polygons"] = [[ring[i : i + 2] for i in range(0, len(ring), 2)] for ring in polygons[at]]
            if box.get("crowd"):
                one["crowd"] = True
            line["objects"].append(one)
    if row["source"] in PARTIAL:
        line["categories"] = PARTIAL[row["source"]]
    if row.get("ocr"):
        line["lines"] = [{"text": one["text"], "quad": corners(one["quad"])} for one in row["ocr"]]
    return line


def corners(quad: list) -> list:
    return [quad[i : i + 2] for i in range(0, 8, 2)] if len(quad) == 8 else quad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--coco-test", action="store_true")
    parser.add_argument("--source", nargs="*")
    parser.add_argument("--split", choices=["test", "train"], default="test")
    options = parser.parse_args()
    rows = [json.loads(line) for line in (options.photos / "photos.jsonl").open(encoding="utf8")]
    if options.coco_test:
        rows = [row for row in rows if is_coco_test(row)]
    else:
        rows = [
            row for row in rows
            if row.get("split", "test") == options.split
            and not (options.split == "train" and is_coco_test(row))
            and (not options.source or row["source"] in options.source)
        ]
    (options.out / "photos").mkdir(parents=True, exist_ok=True)
    tars = {}
    for row in rows:
        name = row["key"] + ".webp"
        beside = options.photos / name
        if beside.exists():
            data = beside.read_bytes()
        else:
            tar = tars.setdefault(row["shard"], tarfile.open(options.photos / row["shard"]))
            data = tar.extractfile(name).read()
        (options.out / "photos" / name).write_bytes(data)
    with (options.out / "data.jsonl").open("w", encoding="utf8") as file:
        for row in rows:
            file.write(json.dumps(to_line(row), ensure_ascii=False) + "\n")
    print(f"{len(rows)} photos in {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
