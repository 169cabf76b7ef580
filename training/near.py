"""
The closer look: what stands where, for prompts that ask for things by words, and what a region is, for prompts that
name one. THE reference for the hints of such prompts.

    <cap> tag <score> ... </cap> <od> dog dalmatian white left leftmost <loc_1> <loc_2> <loc_3> <loc_4> <score_8> <score_2> ... </od>

A candidate is written as the detector's name for it, names and a color that the classifier gives its crop, then where it
stands, in the words that people use to tell things apart: so a phrase is matched word by word. The last token says how many
of these words the prompt has.

Used by model.py and runtime.py; alone, `python near.py --checkpoint DIR --image FILE` prints the candidates (a second).
"""

import argparse
import re

import torch

from words import COCO_WORDS, COLOURS


def other_words():
    """Words for the detector's classes that mean one of them alone -> its name; names of several words are left out."""
    labels = {}
    for label, words in COCO_WORDS.items():
        for word in words.split(";") if ";" in words else words.split():
            labels.setdefault(word, []).append(label)
    return {word: own[0] for word, own in labels.items() if own[0] != word and len(own) == 1 and " " not in word + own[0]}


NEAR = {"score_threshold": 0.05, "nms_iou": 0.6, "max": 16, "closer": 8, "names": 2, "name_score": 0.2, "colors": COLOURS,
        "skip": ["white background", "black background", "plain background", "black and white"],
        # Words of a phrase that say nothing of what is meant, those that mean what the hints say otherwise, and those that anything may have.
        "idle": ["the", "a", "an", "on", "at", "to", "in", "of", "and", "with", "next", "side"],
        "same": {"leftmost": "left", "rightmost": "right", "upper": "top", "topmost": "top", "highest": "top", "lower": "bottom", "lowest": "bottom",
                 "biggest": "largest", "big": "largest", "large": "largest", "little": "smallest", "small": "smallest", "center": "middle", "gray": "grey", **other_words()},
        "relative": ["left", "right", "top", "bottom", "middle", "largest", "smallest"]}


def cells(values, tower, scale):
    """All cells of a detector for ONE image -> boxes [n,4] in original pixels, scores [n,classes] (objectness x class)."""
    boxes, scores, size = [], [], tower["input"]["size"]
    for stride in tower["strides"]:
        p = values[tower["outputs"][f"stride_{stride}"]][0].float()  # [h*w, 4+1+classes]
        at, n = torch.arange(len(p)), size // stride
        cx, cy = (p[:, 0] + at % n) * stride, (p[:, 1] + at // n) * stride
        w, h = p[:, 2].exp() * stride, p[:, 3].exp() * stride
        boxes.append(torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], dim=1) / scale)
        scores.append(p[:, 4:5] * p[:, 5:])
    return torch.cat(boxes), torch.cat(scores)


def overlaps(box, boxes):
    """IoU of one box (a tuple) with boxes [n,4] -> [n]"""
    w = boxes[:, 2].clamp(max=box[2]) - boxes[:, 0].clamp(min=box[0])
    h = boxes[:, 3].clamp(max=box[3]) - boxes[:, 1].clamp(min=box[1])
    both = w.clamp(min=0) * h.clamp(min=0)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return both / (area + (box[2] - box[0]) * (box[3] - box[1]) - both)


def candidates(boxes, scores, labels, rules=NEAR):
    """Cells -> [(label, score, box)], best first: each cell has its best class, and non-maximum suppression knows no classes,
    since one thing must not stand there under two names."""
    best, label = scores.max(dim=1)  # ties go to the lower class
    order = sorted((best >= rules["score_threshold"]).nonzero()[:, 0].tolist(), key=lambda i: -best[i].item())  # stable
    kept = []
    for i in order:
        if len(kept) == rules["max"]:
            break
        if not kept or overlaps(boxes[i].tolist(), boxes[kept]).max() <= rules["nms_iou"]:
            kept.append(i)
    return [(labels[label[i]], best[i].item(), tuple(boxes[i].tolist())) for i in kept]


def region_label(boxes, scores, labels, region):
    """The detector's name for a region (corners in pixels) and how sure: the class with the best cell, its score times the
    fourth power of its IoU with the region. Right for 85 % of COCO boxes above 32 x 32 pixels (369, training photos)."""
    fit = (scores * overlaps(region, boxes)[:, None] ** 4).max(dim=0).values
    at = int(fit.argmax())
    return labels[at], fit[at].item()


def crop_words(tags, label, rules=NEAR):
    """Tags of a crop, best first -> at most two names other than the label, and a color or ''."""
    names = [n for n, s in tags if s >= rules["name_score"] and n not in rules["colors"] and n not in rules["skip"] and n != label][: rules["names"]]
    return names, next((n for n, _ in tags if n in rules["colors"]), "")


def place_words(box):
    """Where a box stands in the picture: corners in fractions, 0..1."""
    if (box[2] - box[0]) * (box[3] - box[1]) > 0.55:
        return []
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    level = ["top"] if y < 0.3 else ["bottom"] if y > 0.7 else []
    side = ["left"] if x < 0.36 else ["right"] if x > 0.64 else []
    return level + side or ["middle"]


def rank_words(group, at):
    """What tells the box `at` of a group of one label from its others. group: corners in fractions."""
    if len(group) < 2:
        return []
    words = []
    for values, low, high, gap in (([(b[0] + b[2]) / 2 for b in group], "leftmost", "rightmost", 0.04), ([(b[1] + b[3]) / 2 for b in group], "highest", "lowest", 0.06)):
        others = [v for i, v in enumerate(values) if i != at]
        if values[at] < min(others) - gap:
            words.append(low)
        elif values[at] > max(others) + gap:
            words.append(high)
        elif low == "leftmost" and len(group) == 3 and min(others) < values[at] < max(others):
            words.append("center")
    area = [(b[2] - b[0]) * (b[3] - b[1]) for b in group]
    others = [a for i, a in enumerate(area) if i != at]
    if area[at] > 1.3 * max(others):
        words.append("largest")
    elif 1.3 * area[at] < min(others):
        words.append("smallest")
    return words


def within(box):
    return tuple(min(1.0, max(0.0, v)) for v in box)


def alike(found, at):
    """Indices, `at` among them, of the candidates that `at` is to be told from: those of its label that are at least a quarter as
    sure as its best; or, where the detector is not sure or saw its label only here, those that the classifier has a name for too."""
    words, label, score, _ = found[at]
    surest = max(f[2] for f in found if f[1] == label)
    labeled = [i for i, f in enumerate(found) if f[1] == label and (i == at or f[2] >= surest / 4)]
    names = set(words[1:]) - set(COLOURS)
    named = [i for i, f in enumerate(found) if i == at or names & set(f[0][1:])]
    return named if len(named) > 1 and (score < 0.5 or len(labeled) == 1) else labeled


def told_places(found):
    """[(words, label, score, box in fractions)] of candidates -> [(text, score, box)]: their words, then where they stand, also
    among those that are alike."""
    out = []
    for at, (words, _, score, box) in enumerate(found):
        group = alike(found, at)
        ranks = rank_words([within(found[i][3]) for i in group], group.index(at))
        out.append((" " + " ".join([*words, *place_words(within(box)), *ranks]), score, box))  # spaced as words of a prompt are
    return out


def meant(text, rules=NEAR):
    """A phrase, or the words of a candidate -> set of words to compare, without number."""
    words = [re.sub(r"[^a-z0-9-]", "", w) for w in re.sub(r"<[^>]*>", " ", text.lower()).split()]
    singular = lambda w: w[:-1] if len(w) > 3 and w.endswith("s") else w
    return {rules["same"].get(w, singular(w)) for w in words if w and w not in rules["idle"]}


def matches(text, phrase, rules=NEAR):
    """How many words a candidate and a phrase, or a whole prompt, have in common, at most 9; none if these are places and colors
    alone, which anything may have."""
    common = meant(text, rules) & meant(phrase, rules)
    return min(9, len(common)) if common - {*rules["relative"], *rules["colors"]} else 0


def near_boxes(found, tags_of_crops, size, rules=NEAR):
    """The boxes of the hints of a prompt that asks by words. found: candidates in pixels; tags_of_crops: tags of the crops
    of the first of them; size: (w, h). -> [(text, score, box in pixels)]"""
    told = []
    for at, (label, score, box) in enumerate(found):
        names, color = crop_words(tags_of_crops[at], label, rules) if at < len(tags_of_crops) else ([], "")
        fractions = tuple(v / s for v, s in zip(box, (*size, *size)))
        told.append(([label, *names, *([color] if color else [])], label, score, fractions))
    return [(text, score, box) for (text, score, _), (_, _, box) in zip(told_places(told), found)]


def region_boxes(region, label, score, hinted, size):
    """The boxes of the hints of a prompt that names a region: the region first, under the detector's name and with words of its
    place, then the picture's. In pixels."""
    fractions = within(v / s for v, s in zip(region, (*size, *size)))
    return [(" ".join([label, *place_words(fractions)]), score, region), *hinted]


if __name__ == "__main__":
    from PIL import Image

    from model import BoxModel

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--image", required=True)
    args = parser.parse_args()
    model = BoxModel(args.checkpoint)
    picture = Image.open(args.image).convert("RGB")
    for text, score, box in model.look_near(picture, model.look(picture))["boxes"]:
        print(f"{score:.2f} {text} {[round(v) for v in box]}")
