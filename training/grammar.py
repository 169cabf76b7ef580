"""
Sentences and phrases by rule from what the towers saw: objects counted and placed, one thing told apart from another of its
kind, a region described. All of it is true of the hints, so that a model which learned it says what it was told, no more.

Alone, `python grammar.py` prints samples (a second).
"""

from words import COLOURS, MASS, PAIRS, PLURAL

SURE = 0.4  # an object below this score is not spoken of
IRREGULAR = {"person": "people", "knife": "knives", "mouse": "mice", "sheep": "sheep", "scissors": "pairs of scissors", "skis": "pairs of skis",
             "sandwich": "sandwiches", "bus": "buses", "bench": "benches", "wine glass": "wine glasses", "toothbrush": "toothbrushes", "couch": "couches"}
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}


def article(noun):
    if noun in PAIRS or noun == "skis":
        return f"a pair of {noun}"
    if noun in MASS:
        return f"{MASS[noun]} {noun}"
    if noun in PLURAL:
        return f"some {noun}"
    return ("an " if noun[0] in "aeiou" and not noun.startswith(("uni", "eu")) else "a ") + noun


def many(noun):
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    if noun in PAIRS:
        return f"pairs of {noun}"
    return noun + ("" if noun.endswith("s") else "es" if noun.endswith(("ch", "sh", "x")) else "s")


def counted(noun, n):
    return article(noun) if n == 1 else f"{NUMBERS.get(n, 'several')} {many(noun)}"


def listed(items):
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def place(box):
    """Where a box is, in words; '' where it fills most of the picture. Corners in fractions."""
    if (box[2] - box[0]) * (box[3] - box[1]) > 0.55:
        return ""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    side = "left" if x < 0.36 else "right" if x > 0.64 else ""
    level = "top" if y < 0.3 else "bottom" if y > 0.7 else ""
    if side and level:
        return f"at the {level} {side}"
    if side:
        return f"on the {side}"
    return f"at the {level}" if level else "in the middle"


def size_word(box):
    area = (box[2] - box[0]) * (box[3] - box[1])
    return "large " if area > 0.4 else "small " if area < 0.02 else ""


def sure(hints):
    return [b for b in hints["boxes"] if b[1] >= SURE]


def object_sentence(hints, R):
    """How many of what, or '' where nothing is sure."""
    count = {}
    for label, _, _ in sure(hints):
        count[label] = count.get(label, 0) + 1
    if not count:
        return ""
    items = [counted(label, n) for label, n in list(count.items())[:5]]
    verb = "are" if next(iter(count.values())) > 1 else "is"
    return R.choice((f"There {verb} {listed(items)} in the picture.", f"There {verb} {listed(items)} to be seen.", f"It shows {listed(items)}."))


def place_sentences(hints, most):
    """Where single things are: each label that is there once, best first."""
    labels = [b[0] for b in sure(hints)]
    out = []
    for label, _, box in sure(hints):
        where = place(box)
        if labels.count(label) == 1 and where and len(out) < most:
            out.append(f"The {size_word(box)}{label} {'are' if label in PAIRS or label == 'skis' else 'is'} {where} of the picture.".replace("on the left of", "on the left side of").replace("on the right of", "on the right side of"))
    return out


def look_sentence(hints):
    names = [n for n, _ in hints["tags"]]
    ground = next((n for n in names if n.endswith("background")), "")
    if "black and white" in names:
        return "The picture is black and white."
    return f"It stands before a {ground}." if ground else ""


def detailed(caption, hints, R):
    """A sentence and what can be counted."""
    return " ".join(s for s in (caption, object_sentence(hints, R) or look_sentence(hints)) if s)


def paragraph(caption, hints, R):
    """A sentence, what can be counted, where single things are, what the ground is like."""
    return " ".join(s for s in (caption, object_sentence(hints, R), *place_sentences(hints, 3), look_sentence(hints)) if s)


def told_apart(boxes, R):
    """Boxes of one label -> (index, words) that single one out by place or size, or None where nothing does clearly."""
    if len(boxes) == 1:
        return 0, ""
    centre = [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in boxes]
    area = [(b[2] - b[0]) * (b[3] - b[1]) for b in boxes]
    ways = []
    for values, low, high, gap in (([c[0] for c in centre], "left", "right", 0.08), ([c[1] for c in centre], "top", "bottom", 0.1)):
        order = sorted(range(len(boxes)), key=lambda i: values[i])
        if values[order[1]] - values[order[0]] > gap:
            ways.append((order[0], low))
        if values[order[-1]] - values[order[-2]] > gap:
            ways.append((order[-1], high))
        if len(boxes) == 3 and low == "left" and values[order[1]] - values[order[0]] > gap and values[order[2]] - values[order[1]] > gap:
            ways.append((order[1], "middle"))
    order = sorted(range(len(boxes)), key=lambda i: area[i])
    if area[order[-1]] > 1.5 * area[order[-2]]:
        ways.append((order[-1], "largest"))
    if area[order[1]] > 1.5 * area[order[0]]:
        ways.append((order[0], "smallest"))
    return R.choice(ways) if ways else None


def referring(name, words, R):
    """'the dog on the left', 'the leftmost dog' ... of the words of `told_apart`."""
    a = R.choice(("the ", "the ", "", "a ")) if not words else R.choice(("the ", "the ", ""))
    if words in ("left", "right"):
        return R.choice((f"{a}{name} on the {words}", f"{a}{words} {name}", f"{a}{name} on the {words} side", f"{a}{words}most {name}", f"{a}{name} to the {words}"))
    if words in ("top", "bottom"):
        return R.choice((f"{a}{name} at the {words}", f"{a}{ {'top': 'upper', 'bottom': 'lower'}[words]} {name}", f"{a}{words} {name}"))
    if words == "middle":
        return R.choice((f"{a}{name} in the middle", f"{a}middle {name}", f"{a}{name} in the center"))
    if words:
        bigger = {"largest": ("largest", "biggest", "large", "big"), "smallest": ("smallest", "small", "little")}[words]
        return f"{a}{R.choice(bigger)} {name}"
    return f"{a}{name}"


def describe(label, box, tags, others):
    """A region in a few words: 'a red car on the left, next to a person'. others: [(label, score, box)] of the picture."""
    colour = next((n for n, _ in tags if n in COLOURS), "")
    if label == "person":
        what = f"a person in {colour}" if colour else "a person"
    elif label in PAIRS:
        what = f"a pair of {f'{colour} {label}'.strip()}"
    else:
        what = article(f"{colour} {label}".strip())
    where = place(box)
    near = ""
    for other, score, b in others:
        if score >= SURE and other != label and touches(box, b):
            near = f" next to {article(other)}"
            break
    return f"{what}{near}" + (f" {where}" if where and not near else "")


def touches(a, b):
    dx, dy = max(a[0], b[0]) - min(a[2], b[2]), max(a[1], b[1]) - min(a[3], b[3])
    return dx < 0.03 and dy < 0.03


if __name__ == "__main__":
    import random
    R = random.Random(0)
    hints = {"tags": [("red", 0.6)], "boxes": [("dog", 0.9, (0.1, 0.4, 0.4, 0.9)), ("dog", 0.8, (0.6, 0.5, 0.7, 0.7)), ("person", 0.7, (0.35, 0.1, 0.6, 0.9))]}
    print(paragraph("A person with two dogs.", hints, R))
    for _ in range(6):
        index, words = told_apart([b[2] for b in hints["boxes"] if b[0] == "dog"], R)
        print(index, referring("dog", words, R))
    print(describe("person", hints["boxes"][2][2], hints["tags"], hints["boxes"]))
