"""Make the golden photos: PNG and JPEG of six permissively licensed pictures.

Reads the shards of a photo collection (`photos.jsonl`, `photos-*.tar` with
WebP members), scales six pictures down, and writes them to `photos/` as PNG
(the form the goldens are made from) and as JPEG of quality 90. One is grey,
one has a palette, and one has a second PNG with an alpha channel, which the
decode rule drops: its answers are those of the opaque one.

Command:  python test/golden/make_photos.py FOLDER_OF_THE_COLLECTION
Expected: 2 seconds; 0.5 MB.
"""

import io
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent

# name, key in the collection, size, mode of the PNG
PHOTOS = [
    ("street-sign", "coco-000000058636", (252, 255), "RGB"),
    ("boat", "oix-3f52b76929dd48d8", (195, 260), "RGB"),
    ("crayfish", "caltech-crayfish-0018", (288, 149), "P"),
    ("trousers", "clothing-edb5ff7d-cb5d-4e1b-84c1-2cdc509c4da8", (216, 288), "L"),
    ("traffic-light", "coco-000000008762", (320, 214), "RGB"),
    ("milk", "grocery-arla-sour-milk-test-019", (200, 200), "RGB"),
]


def read_photo(collection: Path, row: dict[str, str]) -> Image.Image:
    with tarfile.open(collection / row["shard"]) as tar:
        member = tar.extractfile(f"{row['key']}.webp")
        assert member is not None
        return Image.open(io.BytesIO(member.read())).convert("RGB")


def with_alpha(photo: Image.Image) -> Image.Image:
    """The same colors under an alpha that runs from 0 to 255, left to right."""
    ramp = np.linspace(0, 255, photo.width).round().astype(np.uint8)
    alpha = Image.fromarray(np.tile(ramp, (photo.height, 1)))
    result = photo.copy()
    result.putalpha(alpha)
    return result


def main() -> None:
    collection = Path(sys.argv[1])
    lines = (collection / "photos.jsonl").read_text("utf-8").splitlines()
    rows = {row["key"]: row for row in map(json.loads, lines)}
    out = HERE / "photos"
    out.mkdir(exist_ok=True)
    for name, key, size, mode in PHOTOS:
        photo = read_photo(collection, rows[key]).resize(size, Image.Resampling.LANCZOS)
        if mode == "P":
            photo = photo.quantize(128, dither=Image.Dither.NONE)
        else:
            photo = photo.convert(mode)
        photo.save(out / f"{name}.png", optimize=True)
        if mode == "P":
            photo = photo.convert("RGB")
        photo.save(out / f"{name}.jpg", quality=90)
        if name == "street-sign":
            with_alpha(photo).save(out / f"{name}-alpha.png", optimize=True)
        print(name, rows[key]["license"], rows[key].get("url"))


if __name__ == "__main__":
    main()
