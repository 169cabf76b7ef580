"""Picks the photos that the quality floors are measured on, and writes their credits.

Three sets, chosen by rule and not by eye:

* `noun`: the 200 photos of the test split with the lowest SHA-1 (hex) of their key;
* `boxes`: every photo of the test split that has boxes (89);
* `captions`: the captioned COCO photos that no training saw (57): those of the
  test split, and all that are under CC BY-SA.

Command, a minute at most; only the standard library is needed:

    python3 test/data/photos/select.py FOLDER

FOLDER holds `photos.jsonl` and `photos-00N.tar` (members `<key>.webp`). Writes
`<key>.webp` (as they are in the tars), `photos.jsonl` and `CREDITS.md` beside
this script, and removes photos that are no longer picked.
"""

import hashlib
import json
import re
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
EXPECTED = {"noun": 200, "boxes": 89, "captions": 57}

# Fields of the source that the floors or the credits need.
FIELDS = (
    "key source license attribution url coco_license_id width height split "
    "labels boxes captions"
).split()

LICENSES = {
    "CC-BY-4.0": ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "CC-BY-2.0": ("CC BY 2.0", "https://creativecommons.org/licenses/by/2.0/"),
    "CC-BY-SA-2.0": ("CC BY-SA 2.0", "https://creativecommons.org/licenses/by-sa/2.0/"),
    "CC0-1.0": ("CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "MIT": ("MIT, copyright 2019 Marcus Klasson; permission notice below", None),
    "no-known-copyright-restrictions": (
        "No known copyright restrictions (Flickr Commons)",
        "https://www.flickr.com/commons/usage/",
    ),
}

SOURCES = {
    "caltech101": "F.-F. Li, M. Andreeto, M. Ranzato, P. Perona, *Caltech 101*, CaltechDATA 2022, doi 10.22002/D1.20086.",
    "clothing": "Alexey Grigorev and contributors, *Clothing dataset*.",
    "grocery": "M. Klasson, C. Zhang, H. Kjellström, *A Hierarchical Grocery Store Image Dataset with Visual and Semantic Labels*, WACV 2019.",
    "openimages-validation": "A. Kuznetsova et al., *The Open Images Dataset V4*, IJCV 2020. Photos CC BY 2.0, each photographer is found by image id in the Open Images metadata; boxes CC BY 4.0, Google LLC.",
    "openimages-person-car": "Open Images as above; the copy taken does not record image ids, so the photographers cannot be named here. Boxes: Open Images (CC BY 4.0), and detector boxes by Jitesh Gosar (MIT).",
    "openimages-extra": "Open Images as above, by image id.",
    "coco": "T.-Y. Lin et al., *Microsoft COCO: Common Objects in Context*, ECCV 2014. Captions and boxes CC BY 4.0, COCO Consortium; the photos belong to the Flickr users who took them, each under its own licence.",
    "sroie": "Z. Huang et al., *ICDAR2019 Competition on Scanned Receipt OCR and Information Extraction*; challenge data CC BY 4.0.",
}

MIT_NOTICE = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions: The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""


def sha1(key: str) -> str:
    return hashlib.sha1(key.encode("utf8")).hexdigest()


def choose(rows: list[dict]) -> dict[str, list[dict]]:
    test = [row for row in rows if row["split"] == "test"]
    captioned = [row for row in rows if row["source"] == "coco" and row.get("captions")]
    return {
        "noun": sorted(test, key=lambda row: sha1(row["key"]))[:200],
        "boxes": [row for row in test if row.get("boxes")],
        "captions": [
            row
            for row in captioned
            if row["split"] == "test" or row["license"].startswith("CC-BY-SA")
        ],
    }


def photo_page(url: str) -> str:
    """The Flickr page of a photo, which names its photographer."""
    found = re.search(r"/(\d+)_[0-9a-f]+", url)
    return f"https://www.flickr.com/photo.gne?id={found[1]}" if found else url


def credits(photos: list[dict]) -> str:
    lines = [
        "# Credits",
        "",
        "Photos that the quality floors of this project are measured on. **Not** under the",
        "project's own licence: each photo keeps the licence of its row below, and the photos",
        "marked CC BY-SA 2.0 stay under CC BY-SA 2.0 in this form. Changes made to all: scaled",
        "down and encoded as WebP; coordinates normalised; labels renamed to readable words.",
        "No photo here was used to train the model in the box.",
        "",
        "This file is written by `select.py`; do not edit it.",
        "",
        "## Licences",
        "",
        "| licence | photos |",
        "| --- | --- |",
    ]
    for license_, (name, url) in LICENSES.items():
        count = sum(photo["license"] == license_ for photo in photos)
        lines.append(f"| {f'[{name}]({url})' if url else name} | {count} |")
    lines += ["", "## Sources"]
    for source, credit in SOURCES.items():
        own = [photo for photo in photos if photo["source"] == source]
        lines += ["", f"### {source} ({len(own)} photos)", "", credit, ""]
        lines += ["| photo | licence | credit |", "| --- | --- | --- |"]
        for photo in own:
            credit_ = photo.get("attribution", "see above")
            if "url" in photo:
                credit_ += f", [photographer and original]({photo_page(photo['url'])})"
            name = LICENSES[photo["license"]][0].split(",")[0]
            lines.append(f"| {photo['key']} | {name} | {credit_} |")
    lines += ["", "## MIT permission notice (grocery)", "", MIT_NOTICE, ""]
    return "\n".join(lines)


def main(folder: Path) -> None:
    rows = [
        json.loads(line)
        for line in (folder / "photos.jsonl").read_text("utf8").splitlines()
    ]
    sets = choose(rows)
    counts = {name: len(chosen) for name, chosen in sets.items()}
    assert counts == EXPECTED, counts

    picked = {row["key"]: row for chosen in sets.values() for row in chosen}
    for old in HERE.glob("*.webp"):
        if old.stem not in picked:
            old.unlink()
    for shard in sorted({row["shard"] for row in picked.values()}):
        with tarfile.open(folder / shard) as tar:
            for key, row in picked.items():
                if row["shard"] == shard:
                    data = tar.extractfile(f"{key}.webp").read()
                    (HERE / f"{key}.webp").write_bytes(data)

    photos = []
    for key in sorted(picked):
        photo = {name: picked[key][name] for name in FIELDS if name in picked[key]}
        photo["sets"] = [
            name for name, chosen in sets.items() if any(r["key"] == key for r in chosen)
        ]
        photos.append(photo)
    with (HERE / "photos.jsonl").open("w", encoding="utf8") as out:
        for photo in photos:
            out.write(json.dumps(photo, ensure_ascii=False, separators=(",", ":")) + "\n")
    (HERE / "CREDITS.md").write_text(credits(photos), "utf8")

    size = sum(path.stat().st_size for path in HERE.glob("*.webp"))
    print(", ".join(f"{name} {count}" for name, count in counts.items()))
    print(f"{len(photos)} different photos, {size / 1e6:.2f} MB")
    for license_ in LICENSES:
        print(f"  {license_}: {sum(p['license'] == license_ for p in photos)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
