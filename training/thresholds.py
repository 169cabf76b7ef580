"""
Fits the score below which an answer counts as no detection, for `ground`, `segment` and `detect_open`, on training photos whose
objects are all annotated and on composites of validation photos: what is there, and what is not.

    python training/thresholds.py --bundle /tmp/florence-training/bundle

Takes 5 minutes on one quiet core. Asks a copy of the bundle that has no thresholds, since what one hides cannot be judged. Prints both error rates
before and after, and writes thresholds.json, which export.py puts into config.json. A threshold is one that makes the sum of both rates least, lowered halfway to the next lower score.
"""

import argparse
import json
import random
import tempfile
from pathlib import Path

from answers import ROOT, Answers
from composites import KNOWN, Photos, cut_out
from photos import is_validation, may_train
from sheets import compose


def fit(there, absent):
    """Best scores of answers, 0 where there was none -> (threshold, false abstentions, false answers at it)."""
    rates = lambda t: (sum(s < t or s == 0 for s in there) / len(there), sum(s >= t and s > 0 for s in absent) / len(absent))
    scores = sorted({0.0, *there, *absent})
    middles = [(a + b) / 2 for a, b in zip(scores, scores[1:])]
    best = min([0.0, *middles], key=lambda t: (sum(rates(t)), t))
    return best, *rates(best)


def without_thresholds(bundle, folder):
    """A copy of a bundle in `folder`, its files linked, that answers whatever the score; -> its path"""
    copy = Path(folder) / "bundle"
    copy.mkdir()
    for file in Path(bundle).resolve().iterdir():
        if file.name != "manifest.json":
            (copy / file.name).symlink_to(file)
    manifest = json.loads((Path(bundle) / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "thresholds": {}}))
    return str(copy)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=str(ROOT / "models/box/bundle"))
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--out", type=Path, default=Path("/tmp/florence-training/thresholds.json"))
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    photos, R = Photos(args.shared), random.Random(0)
    complete = [r for r in photos.rows.values() if r["source"] == "coco" and may_train(r) and r.get("boxes") and r.get("boxes_known", True)][: args.photos]
    labels = sorted({b["label"] for r in complete for b in r["boxes"]})
    scratch = tempfile.TemporaryDirectory()
    answers = Answers(args.out.with_suffix(".answers.jsonl"), without_thresholds(args.bundle, scratch.name), args.threads)
    scores = {"ground": ([], []), "segment": ([], []), "detect_open": ([], [])}

    def ask(key, picture, there, absent):
        asked = [(task, phrase, n < len(there)) for task in scores for n, phrase in enumerate(there + absent)]
        tasks = [{"task": task, "labels": [phrase]} if task == "detect_open" else {"task": task, "phrase": phrase} for task, phrase, _ in asked]
        for (task, _, is_there), result in zip(asked, answers.of(key, picture, tasks)):
            found = result.get("segments" if task == "segment" else "objects") or []
            scores[task][not is_there].append(max((o["score"] for o in found), default=0.0))

    for r in complete:
        there = sorted({b["label"] for b in r["boxes"]})
        others = [label for label in labels if label not in there]
        ask(r["key"], lambda r=r: photos.open(r), there[:4], R.sample(others, min(4, len(others))))
    held = [r for r in photos.rows.values() if is_validation(r)]
    plain = {}
    for r in held:
        if r["source"] == "caltech101" and cut_out(photos.open(r)):
            plain.setdefault(r["labels"][-1], []).append(r)
    scenes = [r for r in held if r["source"].startswith("openimages")]
    for n in range(args.photos):
        sheet, truth, _ = compose(photos, plain, scenes, R)
        there = sorted({label for label, _, _ in truth})
        ask(f"sheet {n}", lambda s=sheet: s, there, R.sample([k for k in plain if k not in there and KNOWN.get(k, k) not in {KNOWN.get(t, t) for t in there}], len(there)))
    answers.close()
    scratch.cleanup()
    fitted = {}
    for task, (there, absent) in scores.items():
        if not any(there):
            continue  # not a task of this model
        threshold, silent, false = fit(there, absent)
        fitted[task] = round(threshold, 3)
        print(f"{task}: threshold {threshold:.3f}; false abstentions {sum(s == 0 for s in there) / len(there):.3f} -> {silent:.3f} of {len(there)}, "
              f"false answers {sum(s > 0 for s in absent) / len(absent):.3f} -> {false:.3f} of {len(absent)}")
    args.out.write_text(json.dumps(fitted))
