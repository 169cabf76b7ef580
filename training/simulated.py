"""
How much like the towers' hints of captioned photos the simulated ones are (`World.simulate` in data.py): how many tags and boxes there
are, how sure, and how many of them the captions speak of.

    PYTHONHASHSEED=0 python simulated.py --wordnet /usr/share/wordnet

Takes half a minute. The training captions alone are read; what is simulated should come close to what is real.
"""

import argparse
import collections
import random

from data import World
from photos import is_coco_test, tidy
from words import COLOURS

GRADES = (0.15, 0.3, 0.6, 1.01)  # upper ends


def grade_of(score):
    return next(n for n, end in enumerate(GRADES) if score < end)


def spoken_of(description):
    """Names of tags that some word of the captions may have given."""
    names = {n for _, names in description["tags"].values() for n in names}
    return names | set(description["labels"]) | set(description["colours"])


def statistics(world, described):
    """[(hints, description)] -> {what: per photo}"""
    count = collections.Counter()
    for hints, description in described:
        names, coco = spoken_of(description), description["coco"]
        for name, score in hints["tags"]:
            kind = "color" if name in COLOURS else "photo tag" if name in world.photo_labels else "ImageNet tag"
            count[kind, grade_of(score), name in names] += 1
        best = {}
        for label, score, _ in hints["boxes"]:
            best[label] = max(score, best.get(label, 0))
        for label, score in best.items():
            count["COCO label", grade_of(score), label in coco] += 1
        count["boxes"] += len(hints["boxes"])
        count["COCO labels spoken of"] += len(coco)
    return {what: n / len(described) for what, n in count.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--work", default="/tmp/florence-training")
    parser.add_argument("--wordnet", default="/usr/share/wordnet")
    parser.add_argument("--count", type=int, default=2000, help="simulated hints")
    args = parser.parse_args()
    world = World(args.shared, args.work, args.wordnet)
    photos = [r for r in world.photos if "captions" in r and r["key"] in world.seen and not is_coco_test(r)]
    real = statistics(world, [(world.seen[r["key"]], world.describe([tidy(c) for c in r["captions"]])) for r in photos])
    drawn = random.Random(1).sample(world.image_ids, args.count)
    simulated = statistics(world, [(world.simulate(world.images[i]), world.images[i]) for i in drawn])
    print(f"| a photo has | {len(photos)} real | of these spoken of | {args.count} simulated | of these spoken of |")
    print("| --- | --- | --- | --- | --- |")
    for kind in ("ImageNet tag", "photo tag", "color", "COCO label"):
        for n, end in enumerate(GRADES):
            row = []
            for side in (real, simulated):
                true, false = (side.get((kind, n, spoken), 0) for spoken in (True, False))
                row += [f"{true + false:.2f}", f"{true / (true + false):.2f}" if true + false else "-"]
            print(f"| {kind}s below {min(end, 1):.2f} | {' | '.join(row)} |")
    for what in ("boxes", "COCO labels spoken of"):
        print(f"| {what} | {real[what]:.2f} | | {simulated[what]:.2f} | |")
