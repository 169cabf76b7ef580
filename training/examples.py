"""
One example of each task at a time: (hints, task, text of the prompt, answer), where the answer is a list of strings and
boxes. What is said of places is true of the hints, or of the photo's annotations where it has some.

    python examples.py /usr/share/wordnet

Prints six samples of every kind (20 seconds).
"""

import re

from composites import KNOWN
from data import COCO_OF, PLURAL_WORDS
from photos import tidy
from spoken import speak
from grammar import SURE, describe, detailed, paragraph, referring, told_apart
from model import overlap
from near import NEAR, place_words, region_boxes, told_places
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
    """One sentence as above, then what can be counted, by rule."""
    hints, _, _, (text,) = world.random.choices((caption, caption_photo, caption_object), (6, 2, 3))[0](world)
    return hints, "caption:detailed", "", [detailed(text, hints, world.random)]


def paragraphs(world):
    """The same with where things are; a closer look tells it."""
    R, u = world.random, world.random.random()
    if u < 0.6 or not world.near_captioned:
        plain, _, _, (text,) = caption(world)
        found = nearer(world, plain["boxes"])
        tags = plain["tags"]
    elif u < 0.8:
        key = R.choice(world.near_captioned)
        found, tags, text = world.near_photos[key], world.seen[key]["tags"], tidy(R.choice(world.by_key[key]["captions"]))
    else:
        key = R.choice(world.near_objects)
        found, tags, text = world.near_photos[key], world.seen[key]["tags"], speak(world.by_key[key], world.seen[key], R)
    known = {"tags": tags, "boxes": [(label, s, b) for _, label, s, b in found]}
    return near_hints(tags, found), "caption:full", "", [paragraph(text, known, R)]


# --- boxes; `detect` and `propose` are answered by the detector itself -------------------------------------------------------

def spoken(label, R, share=0.4):
    """A label, or another word for it."""
    words = [w for w in COCO_OF if COCO_OF[w][0] == label and w not in ACTIVITIES and w not in PLURAL_WORDS]
    return R.choice(words) if words and R.random() < share else label


# --- things asked for by words: the hints of the closer look -------------------------------------------------------------

def near_hints(tags, found):
    """found: [(words, label, score, box)], as near.py has candidates"""
    return {"tags": tags, "boxes": told_places(found)}


def mirrored(box):
    return 1 - box[2], box[1], 1 - box[0], box[3]


def nearer(world, boxes):
    """Simulated boxes as a closer look might tell of them: with names and a colour, and some more that are hardly sure."""
    R, found = world.random, []
    for at, (label, score, box) in enumerate(boxes[: NEAR["max"]]):
        words = [label]
        if at < NEAR["closer"]:
            words += [n for n, _ in names_for(world, label)][: NEAR["names"]]
            words += [R.choice(COLOURS)] if R.random() < 0.55 else []
        found.append((list(dict.fromkeys(words)), label, score, box))
    faint = [f for f in world.random.choice(world.near_scenes)["found"] if f[2] < 0.2] if world.near_scenes else []
    found += [f for f in faint if R.random() < 0.5]
    kept = []
    for f in sorted(found, key=lambda f: -f[2]):
        if all(overlap(f[3], k[3]) <= NEAR["nms_iou"] for k in kept) and len(kept) < NEAR["max"]:
            kept.append(f)
    return kept


def names_for(world, label):
    """Tags that a crop of a thing of this COCO class may get."""
    R, tags, rest = world.random, [], 1.0
    for _ in range(R.choice((0, 1, 1, 2, 2, 3))):
        words = [w for w in COCO_OF if COCO_OF[w][0] == label]
        word = R.choice(words)
        names = [n for n in SCENES.get(word, "").split(",") if n] + world.wordnet.classes(word)
        p = R.uniform(0.1, 0.9) * rest
        rest -= p
        if R.random() < 0.2 or not names:
            names = [R.choice(world.imagenet)]
        if p >= 0.08:
            tags.append((R.choice(names), p))
    return sorted(dict(tags).items(), key=lambda t: -t[1])


def look_near(world):
    """-> tags, found, things: what there is to ask for, [(label, color, true box, box of the hints)]."""
    R, u = world.random, world.random.random()
    if u < 0.5 and world.sheets:
        sheet = R.choice(world.sheets)
        found, truth = sheet["found"], sheet["truth"]
        tags = world.seen[R.choice(sheet["photos"])]["tags"] if R.random() < 0.5 else R.choice(world.scene_hints)["tags"]
        if R.random() < 0.5:
            found, truth = [(*f[:3], mirrored(f[3])) for f in found], [(label, color, mirrored(box)) for label, color, box in truth]
        things = []
        for label, color, box in truth:
            best = max(found, key=lambda f: overlap(f[3], box), default=None)
            things.append((label, color, box, best[3] if best and overlap(best[3], box) >= 0.5 else None))
        return tags, found, things
    if u < 0.75 and world.near_scenes:
        key = R.choice(world.near_scenes)["photos"][0]
        found, tags = world.near_photos[key], world.seen[key]["tags"]
    else:
        hints = world.simulate(world.images[R.choice(world.image_ids)])
        key, tags, found = None, hints["tags"], nearer(world, hints["boxes"])
    flip = R.random() < 0.5
    if flip:
        found = [(*f[:3], mirrored(f[3])) for f in found]
    photo = world.by_key.get(key, {})
    if photo.get("source") == "coco" and photo.get("boxes_known", True):  # annotated in full: what is not annotated is not there
        things = []
        for b in photo["boxes"]:
            box = (b["x0"], b["y0"], b["x1"], b["y1"])
            box = mirrored(box) if flip else box
            best = max((f for f in found if f[1] == b["label"]), key=lambda f: overlap(f[3], box), default=None)
            color = next((w for w in best[0] if w in COLOURS), "") if best else ""
            things.append((b["label"], color, box, best[3] if best and overlap(best[3], box) >= 0.5 else None))
        return tags, found, things
    return tags, found, [(label, next((w for w in words if w in COLOURS), ""), box, box) for words, label, s, box in found if s >= (SURE if key else 0.3)]


def called(label, R):
    """A label as somebody might say it."""
    return spoken(KNOWN[label], R) if label in KNOWN and R.random() < 0.3 else spoken(label, R, 0.3)


def detect_open(world):
    R = world.random
    tags, found, things = look_near(world)
    labels = sorted({t[0] for t in things})
    asked = [] if R.random() < 0.25 else R.sample(labels, min(len(labels), R.choices((1, 2, 3), (6, 3, 1))[0]))
    while R.random() < 0.4 or not asked:
        asked.append(absent(world, found, labels))
    R.shuffle(asked)
    asked = list(dict.fromkeys(asked))[:4]
    names = [called(label, R) for label in asked]
    answer = []
    for label, name in zip(asked, names):
        boxes = list(dict.fromkeys(t[3] for t in things if t[0] == label and t[3]))
        answer += [name] + boxes if boxes else []
    return near_hints(tags, found), "detect_open", "<and>".join(names), answer


def absent(world, found, labels):
    """A label that nothing there has."""
    R = world.random
    pool = sorted(COCO_WORDS) if R.random() < 0.6 else sorted(world.photo_labels)
    there = set(labels) | {KNOWN.get(label) for label in labels} | {f[1] for f in found if f[2] >= 0.2}
    return R.choice([w for w in pool if w not in there and KNOWN.get(w) not in there])


def ground(world):
    """A human caption and the things of it that the (simulated) detector found."""
    R = world.random
    i = R.choice(world.image_ids)
    text, hints = R.choice(world.captions[i]), world.simulate(world.images[i])
    found = nearer(world, hints["boxes"])
    answer, used = [], set()
    for m in re.finditer(r"[A-Za-z]+", text):
        pair = re.match(r"[A-Za-z]+ [A-Za-z]+", text[m.start():])
        word = next((w for w in ((pair.group() if pair else ""), m.group()) if w.lower() in COCO_OF), None)
        if word is None or m.start() in used:
            continue
        used.update(range(m.start(), m.start() + len(word)))
        label = COCO_OF[word.lower()][0]
        boxes = [f[3] for f in found if f[1] == label and f[2] >= 0.2]
        if not boxes or word.lower() in ACTIVITIES:
            continue
        before = re.search(r"\b(an?|the|two|three|four|five|some|several|his|her|their|many)( [a-z]+)?( [a-z]+)? $", text[: m.start()], re.I)
        first = before and not any(w in COCO_OF or w in ("of", "with", "on", "in", "and", "at", "is") for w in before.group().lower().split())
        phrase = (before.group() if first else "") + word
        plural = word.lower() in PLURAL_WORDS or (word.endswith("s") and word[:-1].lower() in COCO_OF)
        answer += [phrase] + (boxes[:8] if plural else boxes[:1])
    return near_hints(hints["tags"], found), "ground", text, answer


def phrase_for(things, at, R):
    """Words for one thing among those of its label: its place or size among them, or its color where no other has it."""
    label, color, box, _ = things[at]
    group = [t for t in things if t[0] == label]
    name = called(label, R)
    unique = color and sum(t[1] == color for t in group) == 1
    if len(group) == 1:
        way = R.choices(("", "place", "color"), (6, 2, 2))[0]
        if way == "color" and color:
            return referring(f"{color} {name}", "", R)
        where = {"left": "left", "right": "right", "top": "top", "bottom": "bottom"}.get((place_words(box) or [""])[-1], "") if way == "place" else ""
        return referring(name, where, R)
    if unique and R.random() < 0.35:
        return referring(f"{color} {name}", "", R)
    index = next(i for i, t in enumerate(group) if t is things[at])
    for _ in range(6):
        told = told_apart([t[2] for t in group], R)
        if told and told[0] == index:
            return referring(name, told[1], R)
    return referring(f"{color} {name}", "", R) if unique else None


def refer(world):
    """One thing, told from others of its kind by place, size or color; sometimes two, sometimes one that is not there."""
    R = world.random
    tags, found, things = look_near(world)
    phrases, answer = [], []
    there = [i for i, t in enumerate(things) if t[3] is not None]
    if there and R.random() < 0.6:  # what is not there must be asked for often, or any box is taken for it
        several = [i for i in there if sum(t[0] == things[i][0] for t in things) > 1]
        for _ in range(R.choices((1, 2), (5, 1))[0]):
            at = R.choice(several if several and R.random() < 0.6 else there)
            phrase = phrase_for(things, at, R)
            if phrase and phrase.split()[-1] not in " ".join(phrases):
                phrases.append(phrase)
                answer += [phrase, things[at][3]]
    if not phrases:
        words = R.choice(("", "", "left", "right", "largest", "smallest", "top", "bottom"))
        phrases.append(referring(called(absent(world, found, [t[0] for t in things]), R), words, R))
    if len(phrases) == 1 and R.random() < 0.5:
        return near_hints(tags, found), "segment", phrases[0], answer[1:]
    return near_hints(tags, found), "ground", R.choice((" and ", " next to ", " with ")).join(phrases), answer


def dense(world):
    tags, found, things = look_near(world)
    named = {t[3]: t[0] for t in things if t[3] is not None}
    answer = []
    others = [(named.get(box, label), s, box) for _, label, s, box in found]
    for words, label, score, box in found[:10]:
        if score >= 0.35 or box in named:
            color = [(w, 1) for w in words if w in COLOURS]
            answer += [describe(named.get(box, label), box, color, [o for o in others if o[2] != box and o[1] >= SURE]), box]
    return near_hints(tags, found), "dense_caption", "", answer


# --- regions: the classifier has looked closer, so its tags are the region's and the boxes the picture's ----------------

def wobbled(box, R):
    by = R.choice((0, 0, 0.01, 0.03))
    return tuple(min(1.0, max(0.0, v + R.gauss(0, by))) for v in box)


def region_hints(tags, region, told, boxes):
    """told: the detector's name for the region and how sure."""
    return {"tags": tags, "boxes": region_boxes(region, *told, boxes, (1, 1))}


def region_of_scene(world):
    """An annotated box of a training photo -> hints, region, its true label."""
    R = world.random
    key = R.choice(world.coco_region_keys if R.random() < 0.6 else world.region_keys)  # the others are nearly all of people
    regions = world.looked_closer[key]
    labels = sorted({r[1] for r in regions})
    wanted = R.choice(labels)  # people are many: each label of the photo is as likely as another
    box, label, tags, told = R.choice([r for r in regions if r[1] == wanted])
    region = wobbled(box, R)
    boxes = [b for b in world.seen[key]["boxes"] if R.random() > 0.05]
    return region_hints([t for t in tags if R.random() > 0.1], region, told, boxes), region, label


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
    told = max(((label, s * overlap(b, region) ** 4) for label, s, b in own), key=lambda t: t[1], default=(R.choice(sorted(world.good)), 0.0))
    region = wobbled(region, R)
    return region_hints(seen["tags"], region, told, boxes), region, r["labels"][-1]


def region_of_words(world):
    """A box of simulated hints, with the tags that its label's words suggest."""
    R = world.random
    hints = world.simulate(world.images[R.choice(world.image_ids)])
    if not hints["boxes"]:
        return region_of_scene(world)
    wanted = R.choice(sorted({b[0] for b in hints["boxes"]}))
    label, score, box = R.choice([b for b in hints["boxes"] if b[0] == wanted])
    tags = names_for(world, label)
    if R.random() < 0.5:
        tags.append((R.choice(COLOURS), R.uniform(0.35, 0.9)))
    while R.random() < 0.4:  # a crop of a scene is often taken for what it is not
        tags.append((R.choice(sorted(world.photo_labels)), R.uniform(0.1, 0.6)))
    told = (label, score * R.uniform(0.1, 1)) if R.random() < 0.85 else (R.choice(sorted(COCO_WORDS)), R.uniform(0, 0.15))
    region = wobbled(box, R)
    return region_hints(sorted(dict(tags).items(), key=lambda t: -t[1]), region, told, hints["boxes"]), region, label


def some_region(world):
    return world.random.choices((region_of_scene, region_of_object, region_of_words), (5, 4, 3))[0](world)


def classify(world):
    hints, region, label = some_region(world)
    return hints, "classify_regions", region, [label]


def describe_region(world):
    hints, region, label = some_region(world)
    others = [b for b in hints["boxes"][1:] if overlap(b[2], region) < 0.5]
    return hints, "describe_regions", region, [describe(label, region, hints["tags"], others)]


MIX = {caption: 32, caption_photo: 1, caption_object: 8, longer: 6, paragraphs: 5, detect_open: 9, ground: 5, refer: 26, dense: 1, classify: 9, describe_region: 5}


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
