"""
Everything the box model reads: hints of photos, and those simulated for captions without pictures.

Imported by the other scripts; `python examples.py` prints samples of every task (20 seconds).
"""

import json
import math
import random
import re
from pathlib import Path

import torch

from model import NEAR_TASKS, PROMPTS, overlap, quantise
from near import crop_words, matches
from photos import check_no_leak, fold_of, is_validation, may_train, read_captions, read_photos
from spoken import taken_for
from words import COCO_WORDS, COLOURS, GENERAL, SCENES, SMALL

# --- words to classes -----------------------------------------------------------------------------------------------

class WordNet:
    """Nouns of WordNet 3.0: from a word, through hypernyms, to ImageNet's classes below it."""

    def __init__(self, directory, synsets, names):
        parents = {}
        with open(Path(directory) / "data.noun", encoding="latin1") as file:
            for line in file:
                if not line.startswith("  "):
                    parents[line[:8]] = re.findall(r"@i? (\d{8}) n", line)
        self.first_sense = {}
        with open(Path(directory) / "index.noun", encoding="latin1") as file:
            for line in file:
                if not line.startswith("  "):
                    fields = line.split()
                    self.first_sense[fields[0]] = next(f for f in fields[4:] if re.fullmatch(r"\d{8}", f))
        self.below = {}  # offset -> names of ImageNet classes
        for synset, name in zip(synsets, names):
            above, seen = [synset[1:]], set()
            while above:
                offset = above.pop()
                if offset not in seen:
                    seen.add(offset)
                    self.below.setdefault(offset, []).append(name)
                    above += parents[offset]

    def classes(self, word):
        for form in forms(word):
            if form in GENERAL:
                return []
            if form in self.first_sense:
                below = self.below.get(self.first_sense[form], [])
                return below if len(below) <= 130 else []
        return []


def forms(word):
    """A word and its likely singulars."""
    word = word.replace(" ", "_")
    out = [word]
    if word.endswith("ies"):
        out.append(word[:-3] + "y")
    if word.endswith("es"):
        out.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss"):
        out.append(word[:-1])
    return out


def words_of(caption):
    words = re.findall(r"[a-z][a-z'-]*", caption.lower())
    return words + [a + " " + b for a, b in zip(words, words[1:])]


COCO_OF = {}  # word or pair of words -> COCO classes
for _label, _words in COCO_WORDS.items():
    for _word in _words.split(";") if ";" in _words else ([_words] if _label == _words else _words.split()):
        COCO_OF.setdefault(_word, []).append(_label)
PLURAL_WORDS = set("people men women boys girls children kids guys ladies players family couple crowd group several many two three four some bunch".split())


LEAST_TAG = 0.08
LEAST, MOST = 0.15, 20  # hints are trained down to a little below where the checkpoint ends them: 0.2 and 16, see towers.py


# --- one example: hints, task, prompt input, answer -----------------------------------------------------------------

class World:
    """Holds all material and draws examples (hints, task, text of the prompt, answer) where the answer is a list of
    strings and boxes. Hints: {"tags": [(name, p)], "boxes": [(label, score, (x1,y1,x2,y2))]}, all in fractions."""

    def __init__(self, shared, work, wordnet, seed=0):
        self.random = random.Random(seed)
        self.photos = read_photos(shared)
        self.captions = read_captions(shared, self.photos)
        self.by_key = {r["key"]: r for r in self.photos}
        vision = json.loads((Path(work) / "towers" / "towers.json").read_text())
        synsets = (Path(work) / "towers" / "imagenet_synsets.txt").read_text().split()
        self.imagenet = vision["towers"][0]["heads"][0]["labels"]
        self.wordnet = WordNet(wordnet, synsets, self.imagenet)
        self.seen = read_hints(work)
        train = [r for r in self.photos if may_train(r) and not is_validation(r) and r["key"] in self.seen]
        check_no_leak(self.captions, train, self.photos)
        self.captioned = [r for r in train if "captions" in r]
        self.scenes = [r for r in train if r["source"] == "coco" or r["source"].startswith("openimages")]
        self.objects = [r for r in train if r["source"] in ("caltech101", "clothing", "grocery", "sroie")]
        self.train = train
        kinds = {}
        for r in self.objects:
            if r["source"] == "sroie":
                kinds.setdefault(taken_for(self.seen[r["key"]]), []).append(r)
        self.receipts = [kinds[k] for k in sorted(kinds) if len(kinds[k]) >= 5]
        # What real detections look like, by label: boxes with good scores and with poor ones.
        self.good, self.poor, self.any_box = {}, {}, []
        for r in train:
            for label, score, box in self.seen[r["key"]]["boxes"]:
                (self.good if score >= 0.35 else self.poor).setdefault(label, []).append((score, box))
                if "boxes" in r:
                    self.any_box.append((score, box))
        self.scene_hints = [self.seen[r["key"]] for r in self.scenes]
        self.groups = {}  # label -> (alone, several, unsure): the boxes of that label in one photo, together
        for h in self.scene_hints:
            for label in sorted({b[0] for b in h["boxes"]}):
                group = [(s, b) for other, s, b in h["boxes"] if other == label]
                kind = 2 if group[0][0] < 0.6 else int(sum(s >= 0.35 for s, _ in group) > 1)
                self.groups.setdefault(label, ([], [], []))[kind].append(group)
        self.with_label = {}  # label -> scenes where it is surely seen
        for h in self.scene_hints:
            for label in sorted({b[0] for b in h["boxes"] if b[1] >= 0.5}):
                self.with_label.setdefault(label, []).append(h)
        self.photo_labels = {label for r in self.objects for label in r["labels"]}
        self.label_list = sorted(self.photo_labels)
        self.images = {i: self.describe(c) for i, c in self.captions.items() if c}
        self.image_ids = sorted(self.images)
        self.weights = consensus(self.captions)
        self.looked_closer = {k: v for k, v in read_region_tags(work).items() if not is_validation(self.by_key[k])}
        check_no_leak(self.captions, [self.by_key[k] for k in self.looked_closer], self.photos)
        self.region_keys = sorted(self.looked_closer)
        self.coco_region_keys = [k for k in self.region_keys if self.by_key[k]["source"] == "coco"] or self.region_keys
        sheets = [s for s in read_sheets(work) if not s["validation"]]
        check_no_leak(self.captions, [self.by_key[k] for s in sheets for k in s["photos"]], self.photos)
        self.sheets = [s for s in sheets if s["truth"]]
        self.near_scenes = [s for s in sheets if not s["truth"] and "boxes" in self.by_key[s["photos"][0]]]
        self.near_photos = {s["photos"][0]: s["found"] for s in sheets if not s["truth"]}
        self.near_captioned = [k for k in self.near_photos if "captions" in self.by_key[k]]
        self.near_objects = [k for k in self.near_photos if self.by_key[k]["source"] in ("caltech101", "clothing", "grocery")]

    # -- what an image probably holds, from its captions --

    def describe(self, captions):
        coco, plural, tags, labels, colours = {}, set(), {}, {}, {}
        for caption in captions:
            words = words_of(caption)
            pairs = {part for w in words if " " in w and w in COCO_OF for part in w.split()}
            found = set()
            for w in words:
                if w in COCO_OF and not (w in pairs):
                    for label in COCO_OF[w]:
                        found.add(label)
                        if w in PLURAL_WORDS or (w.endswith("s") and w[:-1] in COCO_OF) or w in ("men", "women", "people"):
                            plural.add(label)
            for label in found:
                coco[label] = coco.get(label, 0) + 1 / len(captions)
            for w in set(words):
                names = [n for n in SCENES.get(w, "").split(",") if n] * 3 + self.wordnet.classes(w)
                if names:
                    tags.setdefault(w, [0, names])[0] += 1 / len(captions)
                for form in forms(w):
                    if form.replace("_", " ") in self.photo_labels:
                        labels[form.replace("_", " ")] = labels.get(form.replace("_", " "), 0) + 1 / len(captions)
                if w in COLOURS:
                    colours[w] = colours.get(w, 0) + 1 / len(captions)
        return {"coco": coco, "plural": plural, "tags": tags, "labels": labels, "colours": colours}

    def draw_box(self, label, good=True):
        R = self.random
        pool = (self.good if good else self.poor).get(label)
        if pool and (len(pool) >= 5 or R.random() < 0.5):
            score, box = R.choice(pool)
        else:
            score, box = R.choice(self.any_box)
            score = R.uniform(0.35, 0.9) if good else R.uniform(LEAST, 0.35)
        x1, y1, x2, y2 = box
        dx, dy = R.gauss(0, 0.15) * (x2 - x1), R.gauss(0, 0.15) * (y2 - y1)  # moved and stretched a little
        sx, sy = R.gauss(0, 0.1) * (x2 - x1), R.gauss(0, 0.1) * (y2 - y1)
        return score, tuple(min(1.0, max(0.0, v)) for v in (x1 + dx - sx, y1 + dy - sy, x2 + dx + sx, y2 + dy + sy))

    def draw_group(self, label, plural):
        """The boxes of one label that a detector gives for one photo, moved and stretched a little together."""
        R = self.random
        alone, several, unsure = self.groups.get(label, ([], [], []))
        pool = several if len(several) >= 4 and R.random() < (0.8 if plural else 0.2) else alone
        pool = unsure if len(unsure) >= 4 and R.random() < 0.28 else pool
        if len(pool) < 4:
            boxes = [self.draw_box(label) for _ in range(1 + (2 + min(4, int(R.expovariate(0.6))) if plural else R.random() < 0.15))]
            return boxes + [self.draw_box(label, good=False) for _ in range(int(R.expovariate(1.5)))]
        sx, sy, dx, dy = R.uniform(0.85, 1.15), R.uniform(0.85, 1.15), R.gauss(0, 0.06), R.gauss(0, 0.06)
        clip = lambda v: min(1.0, max(0.0, v))
        move = lambda b: (clip(0.5 + sx * (b[0] - 0.5) + dx), clip(0.5 + sy * (b[1] - 0.5) + dy), clip(0.5 + sx * (b[2] - 0.5) + dx), clip(0.5 + sy * (b[3] - 0.5) + dy))
        moved = [(s, move(b)) for s, b in R.choice(pool)]
        return [(s, b) for s, b in moved if b[2] - b[0] > 0.005 and b[3] - b[1] > 0.005]

    def simulate(self, image):
        """Hints that the towers might give for the photo that these captions are of. How many there are, how sure and how often
        wrong follows what the towers say of captioned photos: `python simulated.py` prints both."""
        R, boxes, tags = self.random, [], []
        for label, share in image["coco"].items():
            found = 0.95 if share > 0.5 else 0.9 if share > 0.3 else 0.74
            if R.random() <= found * (0.7 if label in SMALL else 1):
                boxes += [(label, s, b) for s, b in self.draw_group(label, label in image["plural"])]
        near = [label for label in image["coco"] if label in self.with_label]
        for _ in range(R.choices((0, 1, 2), (25, 55, 20))[0]):  # what stands with such things and nobody mentions, or is not there
            other = R.choice(self.with_label[R.choice(near)]) if near and R.random() < 0.7 else R.choice(self.scene_hints)
            names = sorted({b[0] for b in other["boxes"]} - set(image["coco"]))
            for label in R.sample(names, min(len(names), 1 + int(R.expovariate(0.7)))):
                boxes += [b for b in other["boxes"] if b[0] == label]
        faint = [b for b in R.choice(self.scene_hints)["boxes"] if b[1] < 0.35]
        boxes += R.sample(faint, min(len(faint), R.choice((0, 0, 1, 1, 2))))
        if R.random() < 0.06:
            label = R.choice(sorted(self.good))
            boxes.append((label, *self.draw_box(label)))
        words = list(image["tags"].items())
        for _ in range(R.choices((0, 1, 2, 3), (24, 36, 26, 14))[0]):
            if not words:
                break
            word, (share, names) = R.choices(words, [w[1][0] * (2 if w[0] in SCENES else 1) for w in words])[0]
            tags.append((R.choice(names), self.tag_score(R.choices((0, 1, 2, 3), (37, 37, 17, 9))[0])))
        while R.random() < 0.42:  # false tags, of the kinds that scenes get
            noise = [t for t in R.choice(self.scene_hints)["tags"] if t[0] not in COLOURS]
            name, p = R.choice(noise or [(R.choice(self.imagenet), 0.3)])
            p *= R.uniform(0.3, 0.9)
            if p >= LEAST_TAG:
                tags.append((name, p))
        total = sum(p for _, p in tags)
        tags = [(name, p / max(1.0, total)) for name, p in tags if p / max(1.0, total) >= LEAST_TAG][:5]
        for label, share in image["labels"].items():
            if R.random() < 0.1 + 0.25 * share:
                tags.append((label, self.tag_score(R.choices((0, 1, 2, 3), (15, 20, 30, 35))[0])))
        while R.random() < 0.2:
            tags.append((R.choice(self.label_list), self.tag_score(R.choices((0, 1, 2), (50, 40, 10))[0])))
        for colour, share in image["colours"].items():
            if R.random() < 0.1 + 0.1 * share:
                tags.append((colour, R.uniform(0.4, 0.9)))
        if R.random() < 0.3:  # of what is large, not of what is spoken of
            tags.append((R.choice(COLOURS), R.uniform(0.4, 0.8)))
        return self.arrange(tags, boxes)

    def tag_score(self, grade):
        return self.random.uniform(*((LEAST_TAG, 0.15), (0.15, 0.3), (0.3, 0.6), (0.6, 0.98))[grade])

    def arrange(self, tags, boxes):
        """Best first, names once, mirrored half of the time."""
        best = {}
        for name, p in tags:
            best[name] = max(p, best.get(name, 0))
        if self.random.random() < 0.5:
            boxes = [(label, s, (1 - b[2], b[1], 1 - b[0], b[3])) for label, s, b in boxes]
        return {"tags": sorted(best.items(), key=lambda t: -t[1]), "boxes": sorted((b for b in boxes if b[1] >= LEAST), key=lambda b: -b[1])[:MOST]}

    def real(self, key, drop=0.0):
        """The stored hints of a photo, some of them dropped."""
        h, R = self.seen[key], self.random
        keep = lambda items: [i for i in items if R.random() >= drop]
        return self.arrange(keep(h["tags"]), keep(h["boxes"]))

    # -- what examples are made of --

    def some_hints(self):
        """Real ones of a scene, sometimes of any photo, sometimes simulated."""
        u = self.random.random()
        if u < 0.45:
            return self.real(self.random.choice(self.scenes)["key"], drop=0.1)
        if u < 0.65:
            return self.real(self.random.choice(self.train)["key"])
        return self.simulate(self.images[self.random.choice(self.image_ids)])


def consensus(captions):
    """How much of a caption its image's other captions share: a weight for drawing, in 0.2..1 and more."""
    seen_in = {}
    grams = lambda c: {g for n in (1, 2) for w in [words_of(c)] for g in zip(*(w[k:] for k in range(n)))}
    for group in captions.values():
        for g in set().union(*map(grams, group)) if group else ():
            seen_in[g] = seen_in.get(g, 0) + 1
    idf = {g: math.log(len(captions) / n) for g, n in seen_in.items()}
    weights = {}
    for i, group in captions.items():
        sets = [grams(c) for c in group]
        norm = [math.sqrt(sum(idf[g] ** 2 for g in s)) or 1 for s in sets]
        weights[i] = []
        for a, s in enumerate(sets):
            like = [sum(idf[g] ** 2 for g in s & t) / norm[a] / norm[b] for b, t in enumerate(sets) if b != a]
            weights[i].append(0.15 + (sum(like) / len(like) if like else 0))
    return weights


def read_hints(work):
    """{key: hints in fractions of the photo}, with the photo tags' head where photo_tags.py has written its own."""
    extra = Path(work) / "photo-tags.json"
    extra = json.loads(extra.read_text()) if extra.exists() else {}
    seen = {}
    for file in sorted((Path(work) / "hints").glob("part-*.pt")):
        for h in torch.load(file, weights_only=True):
            w, height = h["size"]
            best = dict((n, p) for n, p in extra.get(h["key"], []))
            for name, p in h["tags"]:
                best[name] = max(p, best.get(name, 0))
            boxes = [(label, s, tuple(min(1.0, max(0.0, v / size)) for v, size in zip(b, (w, height, w, height)))) for label, s, b in h["boxes"] if s >= LEAST][:MOST]
            seen[h["key"]] = {"tags": sorted(best.items(), key=lambda t: -t[1]), "boxes": boxes, "looks": h["looks"], "size": (1, 1)}
    return seen


def read_region_tags(work):
    """What region_tags.py saw in annotated boxes of training photos, or nothing where it has not run."""
    file = Path(work) / "region-tags.json"
    return json.loads(file.read_text()) if file.exists() else {}


def read_sheets(work):
    """What sheets.py saw, nothing where it has not run: [{"truth": [(label, color, box)], "photos", "validation",
    "found": [(words, label, score, box)]}]. The words of a crop are those of heads that did not see its photo."""
    work = Path(work)
    files = sorted((work / "sheets").glob("part-*.pt"))
    if not files or not (work / "folds.pt").exists():
        return []
    saved = torch.load(work / "folds.pt", weights_only=True)
    sheets = [s for file in files for s in torch.load(file, weights_only=False)]
    for s in sheets:
        folds = []
        for _, _, box in s["found"][: len(s["crops"])]:
            at = max(range(len(s["truth"])), key=lambda i: overlap(s["truth"][i][2], box), default=0)
            folds.append(fold_of(s["photos"][at]))
        told = []
        for at, (label, score, box) in enumerate(s["found"]):
            words = [label]
            if at < len(s["crops"]):
                tags, pooled = s["crops"][at]
                names, color = crop_words(own_tags(pooled.float(), *saved["folds"][folds[at]], saved["heads"], tags), label)
                words += names + ([color] if color else [])
            told.append((words, label, score, tuple(min(1.0, max(0.0, v)) for v in box)))
        s["found"] = told
        del s["crops"]
    return sheets


def own_tags(pooled, weight, bias, heads, tags):
    """Tags of the classifier and of our heads together, best first. pooled [1280]"""
    best, at, p = dict(tags), 0, (weight @ pooled + bias).sigmoid()
    for head in heads:
        score, label = p[at : at + len(head["labels"])].topk(head["max"])
        for s, i in zip(score.tolist(), label.tolist()):
            if s >= head["threshold"]:
                best[head["labels"][i]] = max(s, best.get(head["labels"][i], 0))
        at += len(head["labels"])
    return sorted(best.items(), key=lambda t: -t[1])


# --- examples as token ids -------------------------------------------------------------------------------------------

class Encoder:
    def __init__(self, tokenizer):
        self.tokenizer, self.cache = tokenizer, {}
        self.loc, self.score = tokenizer.token_to_id("<loc_0>"), tokenizer.token_to_id("<score_0>")
        self.marks = [tokenizer.token_to_id(t) for t in ("<cap>", "</cap>", "<od>", "</od>")]

    def words(self, text):
        if text not in self.cache:
            self.cache[text] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return self.cache[text]

    def box(self, box):
        return [self.loc + quantise(v, 1) for v in box]

    def __call__(self, hints, task, text, answer):
        """-> source ids, target ids <s> ... </s>"""
        grade = lambda s: self.score + min(9, int(10 * s))
        ids = [self.marks[0]]
        for name, p in hints["tags"]:
            ids += self.words(name) + [grade(p)]
        ids += self.marks[1:3]
        if isinstance(text, tuple):
            text = "".join(f"<loc_{quantise(v, 1)}>" for v in text)
        prompt = PROMPTS[task].replace("{input}", text)
        for label, s, b in hints["boxes"]:
            ids += self.words(label) + self.box(b) + [grade(s)]
            if task in NEAR_TASKS:
                ids.append(self.score + matches(label, prompt))
        ids += [self.marks[3], 0] + self.words(prompt) + [2]
        target = [0]
        for part in answer:
            target += self.words(part) if isinstance(part, str) else self.box(part)
        return ids, target + [2]
