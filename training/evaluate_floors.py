"""
Measures a checkpoint on photos that were never trained on, with the model in Python (float32).

    python evaluate_floors.py --checkpoint models/box/checkpoint

Takes 5 minutes on one core, and needs Java for the PTB tokenizer. Prints, with n: 1. the right noun in captions of 200 test
photos and the commonest caption's share; 2. a rightly labelled box (IoU >= 0.5) on test photos with boxes; 3. CIDEr-D on the
57 captioned photos of the COCO test set. Floors: 0.50 and at most 0.05; 0.30; 0.45.
"""

import argparse
import collections
import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

import torch
from PIL import Image

from photos import is_coco_test, read_photos
from model import BoxModel, overlap


def open_photo(shared, r):
    with tarfile.open(Path(shared) / "photos" / r["shard"]) as tar:
        return Image.open(io.BytesIO(tar.extractfile(r["key"] + ".webp").read())).convert("RGB")


def names_it(caption, label, synonyms):
    words = " " + re.sub(r"[^a-z0-9]+", " ", caption.lower()) + " "
    accepted = [label.lower()] + [s.lower() for s in synonyms.get(label.lower(), [])]
    plain = [re.sub(r"[^a-z0-9]+", " ", a).strip() for a in accepted]
    return any(f" {a}{ending} " in words for a in plain for ending in ("", "s", "es"))


def parse_boxes(ids, tokenizer):
    """Answer ids -> [(label, (x1,y1,x2,y2) in 0..1)], as Florence-2's own parser reads them."""
    first, label, places, found, after_place = tokenizer.token_to_id("<loc_0>"), [], [], [], False
    for i in ids:
        if first <= i < first + 1000:
            after_place = True
            places.append((i - first + 0.5) / 1000)
            if len(places) == 4:
                found.append((tokenizer.decode(label).strip(), tuple(places)))
                places = []
        elif i > 2:
            if after_place:
                label, places, after_place = [], [], False
            label.append(i)
    return found


def cider_d(references, captions):
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    tokenize = PTBTokenizer().tokenize
    gold = tokenize({k: [{"caption": c} for c in v] for k, v in references.items()})
    said = tokenize({k: [{"caption": c}] for k, c in captions.items()})
    return Cider().compute_score(gold, said)[0]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="models/box/checkpoint")
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--synonyms", default=str(Path(__file__).parent.parent / "test/data/synonyms.json"))
    parser.add_argument("--hints", help="a .pt file to keep the towers' hints in, for the next evaluation with the same towers")
    parser.add_argument("--beams", type=int)
    parser.add_argument("--out", help="writes every answer and the figures here, as JSON")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = BoxModel(args.checkpoint)
    photos = read_photos(args.shared)
    synonyms = json.loads(Path(args.synonyms).read_text())
    known = torch.load(args.hints, weights_only=True) if args.hints and Path(args.hints).exists() else {}

    def hints(r):
        if r["key"] not in known:
            with torch.no_grad():
                known[r["key"]] = model.look(open_photo(args.shared, r))
        return known[r["key"]]

    answers, figures = {}, {}
    caption = lambda r: answers.setdefault(r["key"], {}).setdefault("caption", model.answer(hints(r), "caption", beams=args.beams, longest=64))

    test = sorted((r for r in photos if r["split"] == "test"), key=lambda r: hashlib.sha1(r["key"].encode()).hexdigest())[:200]
    right, of = collections.Counter(), collections.Counter()
    wrong = []
    for r in test:
        label = r["labels"][-1] if r.get("labels") else ""
        good = bool(label) and names_it(caption(r), label, synonyms)
        right[r["source"]] += good
        of[r["source"]] += 1
        if not good:
            wrong.append(f"  {label}: {caption(r)}")
    common = collections.Counter(caption(r) for r in test).most_common(5)
    figures["nouns"], figures["commonest"] = sum(right.values()) / len(test), common[0][1] / len(test)
    print("\n".join(wrong))
    print(f"1. right noun in {figures['nouns']:.3f} of {len(test)} captions ({', '.join(f'{s} {right[s]}/{of[s]}' for s in of)}); "
          f"{len({caption(r) for r in test})} different captions, commonest share {figures['commonest']:.3f}: {common}", flush=True)

    boxed = [r for r in photos if r["split"] == "test" and r.get("boxes")]
    hit = 0
    for r in boxed:
        ids = model.answer_ids(hints(r), "detect", beams=1, longest=200)
        found = parse_boxes(ids, model.tokenizer)
        answers.setdefault(r["key"], {})["detect"] = found
        hit += any(label == b["label"] and overlap(box, (b["x0"], b["y0"], b["x1"], b["y1"])) >= 0.5 for label, box in found for b in r["boxes"])
    figures["detect"] = hit / len(boxed)
    print(f"2. a right box on {figures['detect']:.3f} of {len(boxed)} photos", flush=True)

    captioned = [r for r in photos if is_coco_test(r) and "captions" in r]
    figures["cider"] = cider_d({r["key"]: r["captions"] for r in captioned}, {r["key"]: caption(r) for r in captioned})
    for r in captioned[:25]:
        print(f"  {r['captions'][0]} -> {caption(r)}")
    print(f"3. CIDEr-D {figures['cider']:.3f} on {len(captioned)} photos; {len({caption(r) for r in captioned})} different captions")
    if args.hints:
        torch.save(known, args.hints)
    if args.out:
        Path(args.out).write_text(json.dumps({"figures": figures, "answers": answers}, indent=1) + "\n")
