"""Makes the example photos: JPEG copies of five of the test photos.

Command, a second, needs Pillow:

    python3 examples/photos/make.py FOLDER

FOLDER is as in `test/data/photos/select.py`. No training saw these photos: all
are of the test split. Writes `<name>.jpg` (quality 90, no metadata) and
`CREDITS.md` beside this script.
"""

import io
import json
import re
import sys
import tarfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent

PHOTOS = {
    "street": ("coco-000000577932", "Cyclists and a car in a cobbled street"),
    "cake-and-coffee": ("coco-000000000127", "Cake and a cup of coffee on a café table"),
    "bear": ("coco-000000000285", "A brown bear's head"),
    "street-sign": ("coco-000000231460", "Signs of a Berlin street at dusk"),
    "surfer": ("oi-c0ee02c8162c7262", "A surfer on a wave"),
}


def main(folder: Path) -> None:
    rows = {
        row["key"]: row
        for row in map(json.loads, (folder / "photos.jsonl").open(encoding="utf8"))
    }
    lines = [
        "# Credits",
        "",
        "All under [CC BY 2.0](https://creativecommons.org/licenses/by/2.0/), by the",
        "photographers named on the linked pages. Changes: scaled down, encoded as JPEG.",
        "This file is written by `make.py`.",
        "",
        "| photo | shows | credit |",
        "| --- | --- | --- |",
    ]
    for name, (key, shows) in PHOTOS.items():
        row = rows[key]
        assert row["license"] == "CC-BY-2.0" and row["split"] == "test", row
        with tarfile.open(folder / row["shard"]) as tar:
            webp = tar.extractfile(f"{key}.webp").read()
        path = HERE / f"{name}.jpg"
        Image.open(io.BytesIO(webp)).convert("RGB").save(path, quality=90, optimize=True)
        page = (
            f"https://www.flickr.com/photo.gne?id={re.search(r'/([0-9]+)_', row['url'])[1]}"
            if "url" in row
            else f"https://storage.googleapis.com/openimages/web/visualizer/index.html?type=detection&set=validation&id={row['image_id']}"
        )
        lines.append(f"| {name}.jpg | {shows} | [{row['attribution']}]({page}) |")
        print(path.name, path.stat().st_size, f"{row['width']}x{row['height']}")
    (HERE / "CREDITS.md").write_text("\n".join(lines) + "\n", "utf8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
