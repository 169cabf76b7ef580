"""
One example of each task at a time: (hints, task, text of the prompt, answer), where the answer is a list of strings and
boxes. What is said of places is true of the hints, or of the photo's annotations where it has some.

    python examples.py /usr/share/wordnet

Prints six samples of every kind (20 seconds).
"""

import re

from data import COCO_OF, LEAST, PLURAL_WORDS, speak, tidy
from grammar import SURE, describe, detailed, paragraph, referring, told_apart
from model import overlap
from words import ACTIVITIES, COCO_WORDS, COLOURS, SCENES


# --- captions ---------------------------------------------------------------------------------------------------------

def caption(world):
    i = world.random.choice(world.image_ids)
    text = world.random.choices(world.captions[i], world.weights[i])[0]
    return world.simulate(world.images[i]), "caption", "", [text]


def caption_photo(world):
    r = world.random.choice(world.captioned)
    return world.real(r["key"], drop=0.1), "caption", "", [tidy(world.random.choice(r["captions"]))]


def caption_object(world):
    r = world.random.choice(world.objects)
    while not any(label in dict(world.seen[r["key"]]["tags"]) for label in r["labels"]) and world.random.random() < 0.8:
        r = world.random.choice(world.objects)  # what no hint says must not be learned by heart
    if world.random.random() < 0.08:
        r = world.random.choice(world.random.choice(world.receipts))
    return world.real(r["key"], drop=0.03), "caption", "", [speak(r, world.seen[r["key"]], world.random)]


def longer(world):
    """One sentence as above, then what the hints say by rule: with what is counted, or with places too."""
    hints, _, _, (text,) = world.random.choices((caption, caption_photo, caption_object), (6, 2, 3))[0](world)
    if world.random.random() < 0.5:
        return hints, "caption:detailed", "", [detailed(text, hints, world.random)]
    return hints, "caption:full", "", [paragraph(text, hints, world.random)]


# --- boxes; `detect` and `propose` are answered by the detector itself -------------------------------------------------------

def spoken(label, R, share=0.4):
    """A label, or another word for it."""
    words = [w for w in COCO_OF if COCO_OF[w][0] == label and w not in ACTIVITIES and w not in PLURAL_WORDS]
    return R.choice(words) if words and R.random() < share else label


def detect_open(world):
    R, hints = world.random, world.some_hints()
    labels = sorted({b[0] for b in hints["boxes"]})
    asked = [] if R.random() < 0.25 else R.sample(labels, min(len(labels), R.choices((1, 2, 3), (6, 3, 1))[0]))
    while R.random() < 0.3 or not asked:
        asked.append(R.choice(sorted(COCO_WORDS)))
    R.shuffle(asked)
    asked = list(dict.fromkeys(asked))[:4]
    names = [spoken(label, R) for label in asked]
    answer = []
    for label, name in zip(asked, names):
        boxes = [b[2] for b in hints["boxes"] if b[0] == label and b[1] >= 0.2]
        answer += [name] + boxes if boxes else []
    return hints, "detect_open", "<and>".join(names), answer


def ground(world):
    """A human caption and the things of it that the (simulated) detector found."""
    R = world.random
    i = R.choice(world.image_ids)
    text, hints = R.choice(world.captions[i]), world.simulate(world.images[i])
    answer, used = [], set()
    for m in re.finditer(r"[A-Za-z]+", text):
        pair = re.match(r"[A-Za-z]+ [A-Za-z]+", text[m.start():])
        word = next((w for w in ((pair.group() if pair else ""), m.group()) if w.lower() in COCO_OF), None)
        if word is None or m.start() in used:
            continue
        used.update(range(m.start(), m.start() + len(word)))
        label = COCO_OF[word.lower()][0]
        boxes = [b[2] for b in hints["boxes"] if b[0] == label and b[1] >= 0.25]
        if not boxes or word.lower() in ACTIVITIES:
            continue
        before = re.search(r"\b(an?|the|two|three|four|five|some|several|his|her|their|many)( [a-z]+)?( [a-z]+)? $", text[: m.start()], re.I)
        first = before and not any(w in COCO_OF or w in ("of", "with", "on", "in", "and", "at", "is") for w in before.group().lower().split())
        phrase = (before.group() if first else "") + word
        plural = word.lower() in PLURAL_WORDS or (word.endswith("s") and word[:-1].lower() in COCO_OF)
        answer += [phrase] + (boxes[:8] if plural else boxes[:1])
    return hints, "ground", text, answer


def refer(world):
    """One thing, told from others of its kind by place or size; sometimes two, sometimes one that is not there."""
    R, hints = world.random, world.some_hints()
    boxes = {}
    for label, score, box in hints["boxes"]:
        if score >= LEAST and (score >= SURE or label not in boxes or R.random() < 0.3):
            boxes.setdefault(label, []).append((score, box))
    phrases, answer = [], []
    if boxes and R.random() < 0.6:  # what is not there must be asked for often, or any box is taken for it
        several = [label for label in boxes if len(boxes[label]) > 1]
        for label in R.sample(sorted(boxes), min(len(boxes), R.choices((1, 2), (4, 1))[0])):
            label = R.choice(several) if several and R.random() < 0.5 and not phrases else label
            name = spoken(label, R, 0.3)
            found = told_apart([b for _, b in boxes[label]], R) if R.random() < 0.8 else None
            index, words = found or (0, "")  # nothing tells it apart: the surest one
            phrase = referring(name, words, R)
            if phrase.split()[-1] not in " ".join(phrases):
                phrases.append(phrase)
                answer += [phrase, boxes[label][index][1]]
    else:
        absent = R.choice([w for w in sorted(COCO_WORDS) if w not in {b[0] for b in hints["boxes"]}])
        phrases.append(referring(spoken(absent, R), R.choice(("", "", "left", "right", "largest", "smallest", "top", "bottom")), R))
    return hints, "ground", R.choice((" and ", " next to ", " with ")).join(phrases), answer


def dense(world):
    R, hints = world.random, world.some_hints()
    answer = []
    for label, score, box in hints["boxes"][:10]:
        if score >= 0.35:
            answer += [describe(label, box, [], [b for b in hints["boxes"] if b[2] != box]), box]
    return hints, "dense_caption", "", answer


# --- regions: the classifier has looked closer, so its tags are the region's and the boxes the picture's ----------------

def wobbled(box, R):
    by = R.choice((0, 0, 0.01, 0.03))
    return tuple(min(1.0, max(0.0, v + R.gauss(0, by))) for v in box)


def region_of_scene(world):
    """An annotated box of a training photo -> hints, region, its true label."""
    R = world.random
    key = R.choice(world.region_keys)
    regions = world.looked_closer[key]
    labels = sorted({label for _, label, _ in regions})
    wanted = R.choice(labels)  # people are many: each label of the photo is as likely as another
    box, label, tags = R.choice([r for r in regions if r[1] == wanted])
    hints = {"tags": [t for t in tags if R.random() > 0.1], "boxes": [b for b in world.seen[key]["boxes"] if R.random() > 0.05]}
    return hints, wobbled(box, R), label


def region_of_object(world):
    """A photo of one thing as if it stood among others: its own tags, its boxes made smaller, and boxes from elsewhere."""
    R = world.random
    r = R.choice(world.objects)
    w, h = R.uniform(0.15, 0.7), R.uniform(0.15, 0.7)
    x, y = R.uniform(0, 1 - w), R.uniform(0, 1 - h)
    region = (x, y, x + w, y + h)
    if R.random() < 0.2:
        region = (R.uniform(0, 0.1), R.uniform(0, 0.1), R.uniform(0.9, 1), R.uniform(0.9, 1))
    w, h = region[2] - region[0], region[3] - region[1]
    seen = world.real(r["key"], drop=0.05)
    own = [(label, s, (region[0] + b[0] * w, region[1] + b[1] * h, region[0] + b[2] * w, region[1] + b[3] * h)) for label, s, b in seen["boxes"]]
    other = [b for b in world.seen[R.choice(world.train)["key"]]["boxes"] if overlap(b[2], region) < 0.1]
    boxes = sorted(own + other[: R.randint(0, 6)], key=lambda b: -b[1])[:20]
    return {"tags": seen["tags"], "boxes": boxes}, wobbled(region, R), r["labels"][-1]


def region_of_words(world):
    """A box of simulated hints, with the tags that its label's words suggest."""
    R = world.random
    hints = world.simulate(world.images[R.choice(world.image_ids)])
    if not hints["boxes"]:
        return region_of_scene(world)
    wanted = R.choice(sorted({b[0] for b in hints["boxes"]}))
    label, _, box = R.choice([b for b in hints["boxes"] if b[0] == wanted])
    tags, rest = [], 1.0
    for _ in range(R.choice((0, 1, 1, 2, 2, 3))):
        words = [w for w in COCO_OF if COCO_OF[w][0] == label]
        word = R.choice(words)
        names = [n for n in SCENES.get(word, "").split(",") if n] + world.wordnet.classes(word)
        p = R.uniform(0.1, 0.9) * rest
        rest -= p
        if R.random() < 0.2 or not names:
            names = [world.random.choice(world.imagenet)]
        if p >= 0.08:
            tags.append((R.choice(names), p))
    if R.random() < 0.5:
        tags.append((R.choice(COLOURS), R.uniform(0.35, 0.9)))
    return {"tags": sorted(dict(tags).items(), key=lambda t: -t[1]), "boxes": hints["boxes"]}, wobbled(box, R), label


def some_region(world):
    return world.random.choices((region_of_scene, region_of_object, region_of_words), (4, 4, 2))[0](world)


def classify(world):
    hints, region, label = some_region(world)
    return hints, "classify_regions", region, [label]


def describe_region(world):
    hints, region, label = some_region(world)
    others = [b for b in hints["boxes"] if overlap(b[2], region) < 0.5]
    return hints, "describe_regions", region, [describe(label, region, hints["tags"], others)]


MIX = {caption: 24, caption_photo: 4, caption_object: 10, longer: 14, detect_open: 12, ground: 8, refer: 26, dense: 8, classify: 11, describe_region: 10}


def draw(world):
    return world.random.choices(list(MIX), list(MIX.values()))[0](world)


if __name__ == "__main__":
    import sys

    from data import World
    world = World("../shared", "/tmp/florence-training", sys.argv[1])
    for kind in MIX:
        for _ in range(6):
            hints, task, text, answer = kind(world)
            brief = [(n, round(p, 2)) for n, p in hints["tags"]], [(b[0], round(b[1], 2)) for b in hints["boxes"]]
            print(f"{task} | {text} | {brief}\n    -> {[a if isinstance(a, str) else tuple(round(v, 2) for v in a) for a in answer]}")
