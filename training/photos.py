"""
The photos and the captions without pictures, and what of them must never be trained on. Imported by the other scripts.
"""

import hashlib
import json
import re
from pathlib import Path


def read_photos(shared):
    with open(Path(shared) / "photos" / "photos.jsonl", encoding="utf8") as file:
        return [json.loads(line) for line in file]


def is_coco_test(photo):
    """COCO photos that are held out: the test split, and every CC BY-SA photo."""
    return photo["source"] == "coco" and (photo["split"] == "test" or photo["license"] == "CC-BY-SA-2.0")


def may_train(photo):
    return photo["split"] == "train" and not is_coco_test(photo) and photo["license"] != "CC-BY-SA-2.0"


def is_validation(photo):
    """One training photo in twelve, which nothing is trained on but the heads: choices are made on these."""
    return may_train(photo) and int(hashlib.sha1(f"validation {photo['key']}".encode()).hexdigest(), 16) % 12 == 0


FOLDS = 3


def fold_of(key):
    """Which of the heads of photo_tags.py has not seen a training photo."""
    return int(hashlib.sha1(key.encode()).hexdigest(), 16) % FOLDS


def tidy(caption):
    """One sentence: a capital in front, a full stop behind, single spaces."""
    caption = re.sub(r"\s+", " ", caption).strip().strip('"').rstrip(" .!,;")
    if sum(c.isupper() for c in caption) > 0.5 * len(caption):
        caption = caption.lower()
    return caption[:1].upper() + caption[1:] + "."


def read_captions(shared, photos):
    """{image_id: [captions]} of captions without pictures, without those of held-out photos."""
    held_out = {r["image_id"] for r in photos if is_coco_test(r)}
    with open(Path(shared) / "text" / "coco-val2017-captions.jsonl", encoding="utf8") as file:
        rows = [json.loads(line) for line in file]
    captions = {r["image_id"]: [tidy(c) for c in r["captions"]] for r in rows if r["image_id"] not in held_out}
    check_no_leak(captions, [r for r in photos if may_train(r)], photos)
    return captions


def check_no_leak(captions, trained, photos):
    """Raises if a held-out photo, or a caption of one, is about to be trained on."""
    test = [r for r in photos if is_coco_test(r)]
    assert len(test) == 79 and sum("captions" in r for r in test) == 57, (len(test), sum("captions" in r for r in test))
    assert not {r["image_id"] for r in test} & set(captions), "captions of held-out photos"
    assert not {r["key"] for r in photos if r["split"] == "test"} & {r["key"] for r in trained}, "test photos"
    assert not any(is_coco_test(r) for r in trained) and not any(r["license"] == "CC-BY-SA-2.0" for r in trained)
