"""
The model card's pictures: answers of a bundle as it is shipped on test photos, good ones and bad ones, drawn over them.

    python card.py --bundle models/box/bundle --out models/box/pictures
    python card.py --survey DIR      # many more, numbered, to choose CASES from

Takes a minute on one core. Only photos under licences that let them be shown with attribution (models/box/README.md has it).
"""

import argparse
import hashlib
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from answers import ROOT, Service
from composites import Photos, test_sheets
from figures import corners

SHOWN = ("CC-BY-2.0", "CC-BY-4.0", "CC0-1.0", "MIT")
COLOURS = ["#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#46f0f0", "#f032e6", "#bcf60c", "#fabebe", "#008080"]
WIDTH, HEIGHT = 300, 262  # of one case; the text has 52 pixels of it

# (file, title, [(photo, task)]): chosen by eye from --survey
CASES = [
    ("good.webp", [
        ("oi-c0ee02c8162c7262", {"task": "caption"}), ("oi-c0ee02c8162c7262", {"task": "segment", "phrase": "a person"}), ("oi-db3f0b47b290daa0", {"task": "segment", "phrase": "the woman"}),
        ("oi-e06b4722adbe5748", {"task": "segment", "phrase": "a person"}), ("oix-e34eb589a5bbe49b", {"task": "ground", "phrase": "a brown bird"}), ("oi-f0b31718326d3509", {"task": "detect"}),
    ]),
    ("bad.webp", [
        ("oi-a8c081577cdd63de", {"task": "caption"}), ("oi-7491dc5b881626cd", {"task": "caption"}), ("oi-db3f0b47b290daa0", {"task": "caption"}),
        ("oi-1438180bb8f36354", {"task": "caption"}), ("oi-7191a4077d2b2183", {"task": "segment", "phrase": "the exercise bike"}), ("oi-ee05c5b95026ef24", {"task": "segment", "phrase": "the man on the right"}),
    ]),
]


def ask(service, picture, task):
    return service.ask(picture, [task], **({"beams": 3} if task["task"] == "caption" else {"min_score": 0.3} if task["task"] == "detect" else {}))[0]


def told(task, result):
    """What was asked and answered, in a line or two."""
    asked = task.get("phrase") or ", ".join(task.get("labels", [])) or task["task"] + (f":{task['detail']}" if "detail" in task else "")
    if result.get("status") != "ok":
        return f"{asked}: {result.get('code')}"
    if "text" in result:
        return result["text"]
    names = [o.get("text") or o.get("label") or "" for o in result.get("objects", result.get("regions", []))]
    return f"{task['task']}: {asked}" if task.get("phrase") or task.get("labels") else ", ".join(dict.fromkeys(n for n in names if n)) or "nothing"


def draw(picture, task, result):
    """One case: the photo with what was found, and what was said below it."""
    picture = picture.copy()
    layer, pen = Image.new("RGBA", picture.size), None
    pen = ImageDraw.Draw(layer)
    thick = max(2, round(max(picture.size) / 160))
    regions = result.get("regions", []) if task["task"] != "segment_regions" else [s for r in result.get("regions", []) for s in r.get("segments", [])]
    for n, thing in enumerate((result.get("objects") or []) + (result.get("segments") or []) + regions):
        color = COLOURS[n % len(COLOURS)]
        for polygon in thing.get("polygons") or []:
            if len(polygon) > 2:
                pen.polygon([tuple(p) for p in polygon], fill=color + "70", outline=color)
        if "polygons" not in thing and thing.get("box"):
            pen.rectangle(corners(thing["box"]), outline=color, width=thick)
    picture = Image.alpha_composite(picture.convert("RGBA"), layer).convert("RGB")
    picture.thumbnail((WIDTH, HEIGHT - 52), Image.BICUBIC)
    sheet = Image.new("RGB", (WIDTH, HEIGHT), "white")
    sheet.paste(picture, ((WIDTH - picture.width) // 2, 0))
    text = "\n".join(textwrap.wrap(told(task, result), 46)[:4])
    ImageDraw.Draw(sheet).multiline_text((6, HEIGHT - 50), text, fill="black", font=ImageFont.load_default(13), spacing=2)
    return sheet


def page(drawn, columns=3):
    rows = -(-len(drawn) // columns)
    sheet = Image.new("RGB", (columns * WIDTH + (columns - 1) * 8, rows * HEIGHT), "white")
    for n, one in enumerate(drawn):
        sheet.paste(one, (n % columns * (WIDTH + 8), n // columns * HEIGHT))
    return sheet


def survey(photos, service, out):
    """Every task on some test photos, each by the name that CASES takes."""
    by_hash = sorted((r for r in photos.rows.values() if r["split"] == "test" and r["license"] in SHOWN), key=lambda r: hashlib.sha1(r["key"].encode()).hexdigest())
    scenes = [r for r in by_hash if r["source"] == "coco" or r["source"].startswith("openimages")]
    objects = [r for r in by_hash if r["source"] in ("caltech101", "clothing", "grocery")]
    for kind, rows, tasks in (
        ("scenes", scenes[:24], [{"task": "caption"}, {"task": "caption", "detail": "full"}, {"task": "detect"}, {"task": "dense_caption"}, {"task": "segment", "phrase": "a person"}]),
        ("objects", objects[:24], [{"task": "caption"}, {"task": "dense_caption"}])):
        for task in tasks:
            drawn = []
            for r in rows:
                picture = photos.open(r)
                one = draw(picture, task, ask(service, picture, task))
                ImageDraw.Draw(one).text((2, 0), r["key"], fill="red")
                drawn.append(one)
            page(drawn, 4).save(out / f"{kind}-{task['task']}-{task.get('detail', '')}.png")
    for n, (sheet, placed) in enumerate(test_sheets(photos.shared)["twins"][:6]):
        tasks = [{"task": task, "phrase": phrase} for phrase, _, _ in placed for task in ("ground", "segment")]
        page([draw(sheet, task, ask(service, sheet, task)) for task in tasks], 4).save(out / f"twins-{n}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=str(ROOT / "models/box/bundle"))
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--out", type=Path, default=ROOT / "models/box/pictures")
    parser.add_argument("--survey", type=Path)
    args = parser.parse_args()
    photos, service = Photos(args.shared), Service(args.bundle, 1)
    (args.survey or args.out).mkdir(parents=True, exist_ok=True)
    if args.survey:
        survey(photos, service, args.survey)
    for file, cases in CASES:
        drawn = []
        for key, task in cases:
            row = photos.rows[key]
            assert row["split"] == "test" and row["license"] in SHOWN, key
            picture = photos.open(row)
            drawn.append(draw(picture, task, ask(service, picture, task)))
        page(drawn).save(args.out / file, quality=70)
    service.process.terminate()
