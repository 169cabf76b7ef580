"""Picks the photos that the edge Worker's weights are rounded by (`workers/make-bundle.ts`).

Chosen by rule and not by eye, all of the training split: of COCO's photos under CC BY
2.0 the twelve with the lowest SHA-1 (hex) of their key, and six each of Open Images
(validation) and Caltech 101. No label and no caption of theirs is read.

Command, a few seconds; only the standard library is needed:

    python3 models/box/calibration/select.py FOLDER

FOLDER is as in `test/data/photos/select.py`. Writes `<key>.webp` (as they are in the
tars) and `CREDITS.md` beside this script, and removes photos that are no longer picked.
"""

import hashlib
import json
import re
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
COUNTS = {"coco": 12, "openimages-validation": 6, "caltech101": 6}
LICENSES = {
    "CC-BY-2.0": "[CC BY 2.0](https://creativecommons.org/licenses/by/2.0/)",
    "CC-BY-4.0": "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)",
}


def choose(rows: list[dict]) -> list[dict]:
    picked = []
    for source, count in COUNTS.items():
        own = [
            row
            for row in rows
            if row["source"] == source
            and row["split"] == "train"
            and row["license"] in LICENSES
        ]
        own.sort(key=lambda row: hashlib.sha1(row["key"].encode("utf8")).hexdigest())
        picked += own[:count]
    return sorted(picked, key=lambda row: row["key"])


def credit(row: dict) -> str:
    if row["source"] == "caltech101":
        return "F.-F. Li, M. Andreeto, M. Ranzato, P. Perona, *Caltech 101*, CaltechDATA 2022, doi 10.22002/D1.20086"
    if row["source"] == "coco":
        number = re.search(r"/([0-9]+)_", row["url"])[1]
        page = f"https://www.flickr.com/photo.gne?id={number}"
    else:
        page = f"https://storage.googleapis.com/openimages/web/visualizer/index.html?type=detection&set=validation&id={row['image_id']}"
    return f"[{row['attribution']}]({page})"


def main(folder: Path) -> None:
    with (folder / "photos.jsonl").open(encoding="utf8") as lines:
        picked = choose([json.loads(line) for line in lines])
    keys = {row["key"] for row in picked}
    for old in HERE.glob("*.webp"):
        if old.stem not in keys:
            old.unlink()
    for row in picked:
        with tarfile.open(folder / row["shard"]) as tar:
            data = tar.extractfile(f"{row['key']}.webp").read()
        (HERE / f"{row['key']}.webp").write_bytes(data)
    lines = [
        "# Credits",
        "",
        "Photos that the edge Worker's weights are rounded by. **Not** under the project's own",
        "licence: each keeps the licence of its row, those of CC BY 2.0 by the photographers",
        "named on the linked pages. Changes: scaled down and encoded as WebP.",
        "",
        "This file is written by `select.py`; do not edit it.",
        "",
        "| photo | licence | credit |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {row['key']} | {LICENSES[row['license']]} | {credit(row)} |" for row in picked
    ]
    (HERE / "CREDITS.md").write_text("\n".join(lines) + "\n", "utf8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
