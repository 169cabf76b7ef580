"""
How photos of one thing are spoken of, by rule from their labels and pixels. Imported by the other scripts.
"""

import colorsys
import re

from words import COLOURS, LIVING, MASS, OUTDOOR, PACKED, PAIRS, PLURAL


def colour_name(rgb):
    r, g, b = (v / 255 for v in rgb)
    h, s, v = colorsys.rgb_to_hsv(r, g, b)
    h *= 360
    if v < 0.22:
        return "black"
    if s < 0.15:
        return "white" if v > 0.78 else "grey" if v < 0.62 else None
    if s < 0.3 and v > 0.6 and 20 < h < 60:
        return "beige"
    if 10 < h < 45 and v < 0.6:
        return "brown"
    for limit, name in ((14, "red"), (40, "orange"), (68, "yellow"), (165, "green"), (255, "blue"), (300, "purple"), (345, "pink"), (361, "red")):
        if h < limit:
            if s < 0.35 and name != "blue":
                return None
            return name
    return None


def looks_labels(looks):
    """What the pixels say plainly, as tags: the colour in the middle, a plain ground, a photo without colours."""
    r, g, b = looks["border"]
    light = (r + g + b) / 3
    tags = []
    if looks["grey"] < 5:
        tags.append("black and white")
    elif colour_name(looks["middle"]) in COLOURS:
        tags.append(colour_name(looks["middle"]))
    if looks["spread"] < 25 and light > 205:
        tags.append("white background")
    elif looks["spread"] < 25 and light < 50:
        tags.append("black background")
    elif looks["spread"] < 25:
        tags.append("plain background")
    return tags


def name_of(photo):
    """Labels as one name: 'granny smith apple', 'arla natural yoghurt'."""
    labels = photo["labels"]
    return labels[0] if len(labels) == 1 or labels[-1] in labels[0] else f"{labels[0]} {labels[-1]}"


# Receipts look alike, to the classifier too; what else it takes one for decides the sentence, so that not all get the same.
RECEIPTS = {
    "": "A close up of a receipt from a store.", "menu": "A receipt with a list of items and their prices.",
    "web site": "A printed receipt with the name of the shop at the top.", "book jacket": "A paper receipt with a lot of text on it.",
    "prayer rug": "A long receipt with small print on it.", "other": "A receipt that shows the total at the bottom.",
}


def taken_for(seen):
    """The best tag of a receipt that is neither its name nor a look."""
    return next((n for n, _ in seen["tags"] if n not in COLOURS and n not in ("receipt", "black and white") and "background" not in n), "")


def speak(photo, seen, R):
    """A sentence for a photo of one thing, in one of many manners, true to what its pixels say."""
    tags, source, last = looks_labels(seen["looks"]), photo["source"], photo["labels"][-1]
    ground = next((t for t in tags if t.endswith("background")), "")
    colour = next((t for t in tags if t in COLOURS), "")
    name = name_of(photo)
    if source == "sroie":
        return RECEIPTS.get(taken_for(seen), RECEIPTS["other"])
    if source == "clothing":
        item = f"{colour} {name}".strip()
        item = f"a pair of {item}" if name in PAIRS else article(item)
        on = {"white background": "a white surface", "black background": "a dark surface"}.get(ground) or R.choice(("the floor", "a bed", "the ground", "a table"))
        return capital(R.choice((
            f"{item} laid out on {on}.", f"{item} laying on {on}.", f"{item} lying flat on {on}.", f"{item} on {on}.", f"there is {item} on {on}.",
            f"a close up of {item}.", f"a photo of {item} on {on}.", f"{item} placed on {on}.", f"{item} seen from above.", f"{item} spread out on {on}.")))
    if source == "grocery":
        packed = next((PACKED[k] for k in sorted(PACKED, key=len, reverse=True) if last == k), None)
        if packed:
            item = f"{packed} {name}"
            return capital(R.choice((f"{item} on a shelf in a store.", f"a close up of {item}.", f"{item} in a grocery store.", f"{item} on display at a store.",
                                     f"a person holding {item}.", f"there is {item} on the shelf.", f"{item} sitting on a shelf.", f"{item} next to other products.")))
        many = name if name in PLURAL or name in MASS else plural(name)
        one = name if name in PLURAL or name in MASS else article(name)
        return capital(R.choice((f"a bunch of {many} in a store.", f"a pile of {many}.", f"a close up of {one if R.random() < 0.3 else many}.", f"{many} piled up in a box.", f"some {many} on display at a market.",
                                 f"a box full of {many}.", f"fresh {many} at a grocery store.", f"a group of {many} sitting in a box.", f"a bunch of {many} sitting next to each other.")))
    # Caltech: one thing, drawn or photographed
    if last == "human face":
        return R.choice(("A close up of a person's face.", "A person looking at the camera.", "A portrait of a person in front of a wall.", "The face of a person who is looking at the camera.",
                         "A person is posing for a picture.", "A person standing in a room looking at the camera.", "A person's face in front of a background."))
    thing = {"cougar face": "face of a cougar", "crocodile head": "head of a crocodile", "flamingo head": "head of a flamingo", "brain": "human brain", "buddha": "statue of Buddha",
             "bass fish": "bass fish", "dollar bill": "dollar bill"}.get(name, name)
    item = f"a pair of {thing}" if name in PAIRS else ("the " + thing if " of a " in thing else article(thing))
    shown = f"a pair of {colour} {thing}" if name in PAIRS else (item if " of " in thing or not colour else article(f"{colour} {thing}"))
    picks = [f"a close up of {item}.", f"a picture of {item}.", f"a photo of {shown}."]
    if "black and white" in tags:
        picks += [f"a black and white photo of {item}.", f"a black and white picture of {item}."]
    if ground:
        picks += [f"{shown} on a {ground}.", f"{shown} sitting on a {ground}." if name not in OUTDOOR else f"{shown} against a {ground}.", f"there is {shown} on a {ground}.", f"{item} is shown on a {ground}."]
    elif name in LIVING:
        picks += [f"{item} in its natural surroundings.", f"{item} is looking around.", f"a close up of {item} outside.", f"{item} out in the wild.", f"there is {item} in this picture."]
    elif name in OUTDOOR:
        picks += [f"{shown} outside.", f"a view of {item}.", f"{shown} out in the open.", f"{item} on a clear day.", f"there is {item} in the picture."]
    else:
        picks += [f"{shown} sitting on a table.", f"a close up view of {shown}.", f"{shown} on display.", f"{shown} in a room.", f"there is {item} in the picture."]
    return capital(R.choice(picks))


def article(noun):
    return ("an " if re.match(r"[aeiou](?!ni|u)", noun, re.I) else "a ") + noun


def plural(noun):
    if noun.endswith("s") and noun not in ("asparagus",):
        return noun
    if noun.endswith(("ch", "sh", "x", "tomato", "potato")) or noun in ("mango",):
        return noun + "es"
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else noun + "s"


def capital(sentence):
    return sentence[:1].upper() + sentence[1:]
