"""Make the parser goldens: answers as token ids, and the reference's object.

The answer's ids are decoded with special tokens kept and given to native's
`post_process_generation(text=...)` (not `sequence=`, which breaks characters
of several tokens). About 130 answers are written by hand, well-formed and not;
the rest are drawn from a small grammar with a fixed seed.

Command:  python test/golden/make_parse.py SCRATCH_FOLDER
          (after make_tokenizer.py, whose checkpoint it uses)
Expected: 5 seconds; 0.1 MB.
"""

import json
import random
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transformers
from transformers import Florence2Processor, PreTrainedTokenizerFast

from reference import HERE, TASK_TOKENS, load_processor, load_tokenizer

COUNT = 360
START = 2  # the decoder's start token, present in raw `generate` output
BOS, PAD, EOS = 0, 1, 2


@dataclass(frozen=True)
class Spelled:
    """Text encoded character by character: never a special token."""

    text: str


Part = str | int | Spelled
Size = tuple[int, int]


def locations(*bins: int) -> str:
    return "".join(f"<loc_{value}>" for value in bins)


L4 = locations(52, 334, 932, 774)
L4B = locations(708, 575, 865, 772)
L8 = locations(414, 100, 932, 100, 932, 229, 414, 229)
L8B = locations(359, 241, 932, 241, 932, 298, 359, 298)

BOXES = ["<OD>", "<DENSE_REGION_CAPTION>"]
PLAIN = [
    "<CAPTION>",
    "<DETAILED_CAPTION>",
    "<MORE_DETAILED_CAPTION>",
    "<OCR>",
    "<REGION_TO_CATEGORY>",
    "<REGION_TO_DESCRIPTION>",
    "<REGION_TO_OCR>",
]
GROUND, OPEN = "<CAPTION_TO_PHRASE_GROUNDING>", "<OPEN_VOCABULARY_DETECTION>"
LINES, PROPOSE = "<OCR_WITH_REGION>", "<REGION_PROPOSAL>"
POLYGONS = ["<REFERRING_EXPRESSION_SEGMENTATION>", "<REGION_TO_SEGMENTATION>"]

# task(s), parts of the answer between <s> and </s>
HAND: list[tuple[list[str], list[Part]]] = [
    # pure text
    (PLAIN, ["A green car parked."]),
    (PLAIN[:4], ["  spaces around \n"]),
    (PLAIN[4:], ["car" + L4]),
    (PLAIN[:1], [""]),
    (PLAIN[:1], ["\ufeffmarks at both ends\ufeff"]),
    (PLAIN[:1], ["\u001cseparators\u001f"]),
    (PLAIN[:1], ["\u0085next line\u0085\u00a0"]),
    (PLAIN[:1], ["\u2028line\u2029 separators\u2028"]),
    (PLAIN[:1], ["\u200bzero width\u200b"]),
    (PLAIN[:1], ["café 中文 😀 👨‍👩‍👧"]),
    (PLAIN[:1], ["a<od>b</od><sep><and><poly></poly><loc_5>"]),
    (PLAIN[:1], [BOS, BOS, "triple start"]),
    (PLAIN[:1], ["start ", BOS, "and end ", EOS, "inside"]),
    (PLAIN[:1], [PAD, "pads", PAD, PAD]),
    (PLAIN[:1], [3, "unknown and mask ", 50264]),
    (PLAIN[:1], [Spelled("</s> spelled out <s>")]),
    (PLAIN[:1], [Spelled("<loc_5> spelled out")]),
    (PLAIN[3:4], ["Town Hall\n9:00 AM\r\nBX 204"]),
    # boxes with labels
    (BOXES, ["car" + L4 + "wheel" + L4B + locations(149, 584, 308, 772)]),
    (BOXES, ["car" + locations(53, 333, 933, 774) + "door handle" + locations(425, 503, 474, 515)]),
    (BOXES, [""]),
    (BOXES[:1], [L4]),
    (BOXES[:1], ["no boxes at all"]),
    (BOXES[:1], ["car<loc_52><loc_334><loc_932>wheel" + locations(1, 2, 3, 4, 5)]),
    (BOXES[:1], [L4 + "car" + L4B]),
    (BOXES[:1], ["a<sep>b" + L4]),
    (BOXES[:1], ["a<od>b" + L4 + "</od>c" + L4B]),
    (BOXES[:1], ["a" + L4 + "<sep>" + L4B]),
    (BOXES[:1], ["big\ncar" + L4]),
    (BOXES[:1], ["\ncar" + L4]),
    (BOXES[:1], ["car\n" + L4]),
    (BOXES[:1], [" \n car \n " + L4]),
    (BOXES[:1], ["A\rB" + L4]),
    (BOXES[:1], ["A\u2028B" + L4 + "C\u2029D" + L4B]),
    (BOXES[:1], ["A\u0085B" + L4]),
    (BOXES[:1], ["A\u000bB\u000cC" + L4]),
    (BOXES[:1], ["\ufeffcar\ufeff" + L4]),
    (BOXES[:1], ["\u001ccar\u001f" + L4]),
    (BOXES[:1], ["\u0085\u00a0car\u3000" + L4]),
    (BOXES[:1], ["\u00a0é\u00a0" + L4]),
    (BOXES[:1], ["café 中" + L4]),
    (BOXES[:1], ["中 文" + L4]),
    (BOXES[:1], ["中文" + L4]),
    (BOXES[:1], ["é x" + L4]),
    (BOXES[:1], [" " + L4]),
    (BOXES[:1], ["x" + locations(9, 8, 7, 6)]),
    (BOXES[:1], ["x" + locations(0, 0, 0, 0) + "y" + locations(999, 999, 999, 999)]),
    (BOXES[:1], ["x" + locations(0, 0, 999, 999)]),
    (BOXES[:1], ["x" + locations(*range(10, 17))]),
    (BOXES[:1], ["x" + locations(*range(10, 22)) + "y"]),
    (BOXES[:1], ["x " + L4 + " y " + L4B]),
    (BOXES[:1], ["x<loc_1> <loc_2><loc_3><loc_4>" + L4]),
    (BOXES[:1], ["x" + L4, PAD, PAD]),
    (BOXES[:1], ["x<loc_1><loc_2>", PAD, "<loc_3><loc_4>"]),
    (BOXES[:1], ["x<loc_1><loc_2>", BOS, "<loc_3><loc_4>"]),
    (BOXES[:1], ["x<loc_1><loc_2>", EOS, "<loc_3><loc_4>y" + L4]),
    (BOXES[:1], ["x<loc_1><loc_2>", 3, "<loc_3><loc_4>y" + L4]),
    (BOXES[:1], ["traffic light" + L4, 50264, "mask" + L4B]),
    (BOXES[:1], [BOS, BOS, "triple start" + L4]),
    (BOXES[:1], [Spelled("<ground>"), "a" + L4, Spelled("<obj>"), "b" + L4B]),
    (BOXES[:1], [Spelled("x<loc_1><loc_2><loc_3><loc_4>")]),
    (BOXES[:1], [Spelled("x<loc_1>"), "<loc_2><loc_3><loc_4>y" + L4]),
    (BOXES[:1], [Spelled("a<b"), L4]),
    (BOXES[:1], [Spelled("a > b"), L4]),
    (BOXES[:1], [Spelled("x<loc_٣><loc_2><loc_3><loc_4>")]),
    (BOXES[:1], [Spelled("x<loc_1500><loc_2><loc_3><loc_4>")]),
    (BOXES[:1], [Spelled("x<loc_-1><loc_2><loc_3><loc_4>")]),
    (BOXES[:1], [Spelled("x</s>y<s>"), L4]),
    (BOXES[:1], ["dog<poly>" + L4 + "</poly>"]),
    (BOXES[:1], ["dog<and>cat" + L4]),
    (BOXES[:1], [10172, L4, 6569, 10172, L4B]),
    (BOXES[1:], ["brick wall with a green door" + L4 + "window, closed" + L4B]),
    (BOXES[1:], ["a sign that says \"STOP\"" + L4]),
    # boxes without labels
    ([PROPOSE], [L4 + L4B]),
    ([PROPOSE], [locations(0, 0, 998, 711, 0, 0, 419)]),
    ([PROPOSE], ["x" + L4]),
    ([PROPOSE], ["x" + L4 + "y\n" + L4B]),
    ([PROPOSE], [""]),
    ([PROPOSE], [locations(1, 2, 3)]),
    ([PROPOSE], [L4 + "<sep>" + L4B]),
    ([PROPOSE], [L4, PAD, L4B]),
    ([PROPOSE], [L4 + " " + L4B]),
    ([PROPOSE], [locations(9, 8, 7, 6)]),
    ([PROPOSE], [Spelled("<loc_1><loc_2><loc_3><loc_4>")]),
    ([PROPOSE], [BOS, BOS, L4]),
    # phrase grounding
    (
        [GROUND],
        [
            "A green car<loc_53><loc_330><loc_910><loc_778>a yellow building"
            "<loc_0><loc_29><loc_998><loc_842><loc_1><loc_2><loc_3><loc_4>it"
            "<loc_9><loc_9><loc_9><loc_9>It<loc_1><loc_1><loc_2><loc_2>"
        ],
    ),
    ([GROUND], ["the image" + L4 + "The image" + L4B]),
    ([GROUND], [" it " + L4 + "a group" + L4B + "a set of cups" + L4]),
    ([GROUND], ["lots" + L4 + "I" + L4 + "i" + L4 + "each other" + L4]),
    ([GROUND], ["iťt" + L4 + "ité" + L4B]),
    ([GROUND], ["them\ufeff" + L4 + "\u001fthem\u001f" + L4B]),
    ([GROUND], ["the\nimage" + L4]),
    ([GROUND], [L4]),
    ([GROUND], ["car<loc_1><loc_2><loc_3>a" + L4 + "dog" + L4B]),
    ([GROUND], ["é" + L4]),
    ([GROUND], ["a" + L4]),
    ([GROUND], [Spelled("<obj>it"), L4]),
    ([GROUND], [""]),
    # lines of text
    ([LINES], ["CUDA" + L8 + "FOR ENGINEERS" + L8B]),
    ([LINES], [BOS, BOS, "CUDA" + L8]),
    ([LINES], ["A\nB" + L8]),
    ([LINES], ["A\rB" + L8]),
    ([LINES], ["A\u2028B" + L8]),
    ([LINES], ["A\u0085B" + L8]),
    ([LINES], ["C" + L4 + "D" + L8]),
    ([LINES], [L8]),
    ([LINES], [L8 + L8B]),
    ([LINES], ["A" + L8 + L8B]),
    ([LINES], ["A" + L8 + "<loc_5>B" + L8B]),
    ([LINES], [" padded text " + L8]),
    ([LINES], ["\n" + L8]),
    ([LINES], ["A" + L8 + "\n" + L8B + "\nC" + L8]),
    ([LINES], ["中文 café 😀" + L8]),
    ([LINES], ["\ufeffA\ufeff" + L8 + "\u001cB\u001f" + L8B]),
    ([LINES], ["a<sep>b<and>c" + L8]),
    ([LINES], ["<od>a</od>" + L8]),
    ([LINES], ["A" + locations(1, 2, 3, 4, 5, 6, 7)]),
    ([LINES], ["A", PAD, L8]),
    ([LINES], ["A" + locations(1, 2, 3, 4), PAD, locations(5, 6, 7, 8)]),
    ([LINES], [Spelled("a < b > c"), L8]),
    ([LINES], [Spelled("A<loc_1>"), locations(2, 3, 4, 5, 6, 7, 8) + "B" + L8]),
    ([LINES], [""]),
    ([LINES], ["no place"]),
    # polygons
    (POLYGONS, [locations(279, 379, 282, 379, 290, 372)]),
    (POLYGONS[:1], [locations(279, 379, 282, 379, 290)]),
    (POLYGONS, [locations(1, 2, 3, 4) + "<sep>" + locations(5, 6, 7, 8)]),
    (POLYGONS[:1], [locations(1, 2, 3)]),
    (POLYGONS[:1], [locations(1, 2, 3) + "<sep>" + locations(4, 5)]),
    (POLYGONS[:1], ["<sep><sep><sep><sep>"]),
    (POLYGONS[:1], ["<sep>" + L4 + "<sep><sep>" + L4B + "<sep>"]),
    (POLYGONS[:1], ["<loc_1><sep>" + L4]),
    (POLYGONS[:1], ["<poly>" + L4 + "</poly><poly>" + L4B + "<sep>" + L4 + "</poly>"]),
    (POLYGONS[:1], ["<poly>" + L4 + "<poly>" + L4B + "</poly>"]),
    (POLYGONS[:1], ["</poly>" + L4 + "<poly>" + L4B]),
    (POLYGONS[:1], ["<poly></poly><poly></poly>" + L4]),
    (POLYGONS[:1], ["<poly>" + L4]),
    (POLYGONS[:1], [L4 + "</poly>"]),
    (POLYGONS[:1], ["car" + L4 + L4B]),
    (POLYGONS[:1], [L4 + "x" + L4B]),
    (POLYGONS[:1], [L4 + "\n" + L4B]),
    (POLYGONS[:1], [L4 + "\n"]),
    (POLYGONS[:1], [L4 + "<sep>\n"]),
    (POLYGONS[:1], [L4, PAD, L4B]),
    (POLYGONS[:1], [L4 + "<and>" + L4B]),
    (POLYGONS[:1], [BOS, BOS, L4 + L4B]),
    (POLYGONS[:1], [""]),
    (POLYGONS[1:], [L4 + L4B + "<loc_5>"]),
    # boxes or polygons
    ([OPEN], ["a green car" + L4]),
    ([OPEN], ["wheels" + L4 + "wheels" + L4B]),
    ([OPEN], ["dog<poly>" + L4 + "</poly>cat<poly>" + L4B + "</poly>"]),
    ([OPEN], ["dog<poly>" + L4 + "</poly><poly>" + L4B + "<sep>" + L4 + "</poly>"]),
    ([OPEN], ["dog<poly>" + L4 + L4B]),
    ([OPEN], ["x<loc_1>dog<poly>" + L4 + "</poly>"]),
    ([OPEN], ["car" + L4 + "dog<poly>" + L4B + "</poly>"]),
    ([OPEN], ["dog" + L4 + "</poly>"]),
    ([OPEN], ["dog<poly></poly>" + L4]),
    ([OPEN], ["<poly>" + L4 + "</poly>"]),
    ([OPEN], ["café 中<poly>" + L4 + "</poly>"]),
    ([OPEN], ["a\nb<poly>" + L4 + "</poly>"]),
    ([OPEN], [" dog <poly>" + L4 + "</poly>\n"]),
    ([OPEN], ["dog<poly>" + L4 + "\n</poly>" + L4B]),
    ([OPEN], [Spelled("dog<poly>"), L4, Spelled("</poly>")]),
    ([OPEN], ["a<and>b" + L4]),
    ([OPEN], ["a\ufeff" + L4 + "\u001cb" + L4B]),
    ([OPEN], [""]),
]

SIZES: list[Size] = [
    (640, 480),
    (1000, 1000),
    (1, 1),
    (333, 777),
    (16000, 50),
    (225, 300),
    (999, 1001),
    (4032, 3024),
]

GRAMMAR: dict[str, list[str]] = {
    "label": ["car", " wheel", "traffic light", "it", "The image", "a", "x y", "é", "中", "\n", "a\nb"],
    "mark": ["<sep>", "<poly>", "</poly>", "<and>", "<od>", "</od>", "<grounding>", "<seg>"],
    "space": [" ", "\n", "\r", "\u2028", "\u00a0", "\ufeff", "\u001c", "  "],
}


def draw_answer(rng: random.Random) -> list[Part]:
    """Labels, runs of locations, marks and specials in any order."""
    parts: list[Part] = []
    for _ in range(rng.randint(1, 9)):
        draw = rng.random()
        if draw < 0.35:
            parts.append(rng.choice(GRAMMAR["label"]))
        elif draw < 0.75:
            length = rng.choice([1, 2, 3, 4, 4, 4, 5, 6, 8, 8, 8, 9, 12])
            parts.append(locations(*(rng.randrange(1000) for _ in range(length))))
        elif draw < 0.88:
            parts.append(rng.choice(GRAMMAR["mark"]))
        elif draw < 0.93:
            parts.append(rng.choice(GRAMMAR["space"]))
        elif draw < 0.97:
            parts.append(rng.choice([BOS, PAD, EOS, 3, 50264]))
        else:
            parts.append(rng.randrange(4, 51289))
    return parts


def encode(tokenizer: PreTrainedTokenizerFast, parts: list[Part]) -> list[int]:
    ids: list[int] = []
    for part in parts:
        if isinstance(part, int):
            ids.append(part)
        elif isinstance(part, Spelled):
            for character in part.text:
                ids += tokenizer(character, add_special_tokens=False).input_ids
        else:
            ids += tokenizer(part, add_special_tokens=False).input_ids
    return ids


def frame(ids: list[int], n: int) -> list[int]:
    """The ways an answer may begin and end."""
    framed = [BOS, *ids, EOS]
    if n % 9 == 1:
        return [START, *framed]
    if n % 9 == 3:
        return framed[:-1]
    if n % 9 == 5:
        return [*framed, PAD, PAD]
    if n % 9 == 7:
        return [BOS, BOS, *framed]
    return framed


def golden_row(
    processor: Florence2Processor, task: str, ids: list[int], size: Size
) -> dict[str, Any]:
    text = processor.tokenizer.decode(ids, skip_special_tokens=False)
    answer = processor.post_process_generation(text=text, task=task, image_size=size)
    return {"task": task, "size": list(size), "ids": ids, "text": text, "answer": answer[task]}


def main() -> None:
    tokenizer = load_tokenizer(Path(sys.argv[1]) / "tokenizer")
    processor = load_processor(tokenizer)
    rows: list[dict[str, Any]] = []
    for tasks, parts in HAND:
        for task in tasks:
            n = len(rows)
            size = SIZES[0] if n % 2 else SIZES[n // 2 % len(SIZES)]
            row = golden_row(processor, task, frame(encode(tokenizer, parts), n), size)
            if any(isinstance(part, Spelled) for part in parts):
                # text that looks like a token: where strings and ids may differ
                row["spelled"] = True
            rows.append(row)
    print(len(rows), "by hand")
    rng = random.Random(22)
    tasks = [*BOXES, GROUND, OPEN, LINES, PROPOSE, *POLYGONS] * 3 + PLAIN
    while len(rows) < COUNT:
        n = len(rows)
        ids = frame(encode(tokenizer, draw_answer(rng)), n)
        rows.append(golden_row(processor, tasks[n % len(tasks)], ids, rng.choice(SIZES)))
    assert {row["task"] for row in rows} == set(TASK_TOKENS.values())
    compact: dict[str, Any] = {"ensure_ascii": True, "separators": (",", ":")}
    lines = ",\n".join(json.dumps(row, **compact) for row in rows)
    made_with = json.dumps({"transformers": transformers.__version__}, **compact)
    text = f'{{"made_with":{made_with},"answers":[\n{lines}\n]}}\n'
    (HERE / "parse.json").write_text(text, "utf-8")
    print(len(rows), "answers", Counter(row["task"] for row in rows).most_common())
    filled = sum(bool(row["answer"]) and row["answer"] != {} for row in rows)
    print(filled, "with an answer")


if __name__ == "__main__":
    main()
