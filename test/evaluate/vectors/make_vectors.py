"""Makes `ptb.json` and `cider.json` with pycocoevalcap 1.2, the reference.

Commands, a few seconds; the second needs Java:

    pip install pycocoevalcap==1.2
    python test/evaluate/vectors/make_vectors.py CAPTIONS.jsonl

CAPTIONS.jsonl has a line per image, {"image_id": n, "captions": [...]}: COCO
2017 validation captions, CC BY 4.0, COCO Consortium. Seeds are fixed.

ptb.json: [caption, words] pairs, words as pycocoevalcap's PTBTokenizer leaves
them. Between any two captions a line "x" is tokenised too, because Stanford's
tokenizer looks into the next line to decide about "S." at the end of one.

cider.json: cases of {name, items: [{candidate, references}], mean, scores}, as
captions, to be tokenised first. Candidates are another person's caption of the
same image, of another image, or made odd.
"""

import json
import random
import sys
from pathlib import Path

from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

HERE = Path(__file__).parent

ODD = """\
I can't believe it's a dog's bone, isn't it?
They're gonna eat; I'd say we've won't cannot gotta wanna gimme lemme.
A well-known black-and-white t-shirt -- nice - very... nice… yes
The price is $3.50 (or 1,000 euros €5 £6) at 10:30 a.m. in the U.S. on 5/6/2014, 1/2 of 100%.
"Hello," he said; 'hi there' she replied. ``quoted'' “curly” ‘single’ it’s
Mr. Smith & Mrs. Jones Jr. vs. Dr. Who at St. John's etc.
A café, naïve, 日本語 emoji 😀 ok ½ cup © 2014 ™
[brackets] {braces} (parens) a/b c\\d e_f #tag @user me@x.com
rock 'n' roll, '90s, 1980s, 2nd 3rd o'clock ma'am y'all 'tis 'twas d'ye more'n
A 5-year-old boy at 7-Eleven with a 6'2" man. 12" pizza. 5lb 20mm 3d No. 8
semi-colon;colon:here,comma,nospace.period end.Next sentence!!! what?! ?? !
dogs' bowls, James's, the '80s' look, it'll he'd I'm
U.S.A. and A.M. p.m. a.k.a. e.g. i.e. Inc. Co. Ltd. here
sub-zero re-entry e-mail x-ray anti-war co-op 4-way A's b's
plus + minus - equals = star * caret ^ tilde ~ pipe | dollar $ percent % at @
one—two – three ―four -five six- --seven ---
A very long ellipsis .... ..... . . . ..
and/or s/he his/her b&w AT&T Q&A R&B
1234567890 1.5 1,5 .5 -5 +5 5. 5, 3x 5x7 24/7 10% $10 #1 007
don’t DON’T it’s he’ll café's Zoë's the boys' hats
The bus no. 5 said no. Yes, approx. 22 3/4 miles
Plan B. The dog runs
東京 塔 アニメ 한국어 привет мир Ελλάδα
🎉 party 👍🏽 flag 🇺🇸 ❤️ ★
A smile :) and a frown :( and a D:
C'mon, O'Brien ate d'oeuvres at Ho'ohu with l'eau
.
,;:!?

   
a
A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A A
"A caption entirely in quotes."
(A caption in parentheses)
a double  space and	a tab """.split("\n")


def tokenize(captions: list[str]) -> list[list[str]]:
    lines = {}
    for at, caption in enumerate(captions):
        lines[at] = [{"caption": caption}]
        lines[f"x{at}"] = [{"caption": "x"}]
    tokens = PTBTokenizer().tokenize(lines)
    # Java drops trailing empty lines of the file, never one before an "x".
    return [tokens[at][0].split() for at in range(len(captions))]


def cider(name: str, items: list[tuple[str, list[str]]]) -> dict:
    words = iter(tokenize([c for candidate, refs in items for c in (candidate, *refs)]))
    res, gts = {}, {}
    for at, (_, refs) in enumerate(items):
        res[at] = [" ".join(next(words))]
        gts[at] = [" ".join(next(words)) for _ in refs]
    mean, scores = Cider().compute_score(gts, res)
    return {
        "name": name,
        "items": [{"candidate": c, "references": refs} for c, refs in items],
        "mean": float(mean),
        "scores": [float(score) for score in scores],
    }


def main(path: Path) -> None:
    rng = random.Random(2)
    images = [json.loads(line)["captions"] for line in path.open(encoding="utf8")]
    captions = [" ".join(c.split("\n")) for image in images for c in image]
    unusual = [c for c in captions if not c.replace(" ", "").rstrip(".").isalpha()]
    plain = [c for c in captions if c not in set(unusual)]
    chosen = ODD + rng.sample(unusual, 500) + rng.sample(plain, 200)
    chosen += [c for c in unusual if any(mark in c for mark in "&/;?!:#()]\"'0123456789")]
    chosen = list(dict.fromkeys(chosen))
    pairs = [[caption, words] for caption, words in zip(chosen, tokenize(chosen))]
    dump("ptb.json", pairs)

    sample = rng.sample([image for image in images if len(image) >= 5], 300)
    people = [(image[0], image[1:5]) for image in sample]
    others = [(sample[(at + 1) % 40][0], image[:5]) for at, image in enumerate(sample[:40])]
    mixed = [
        (captions_[0] if at % 2 else odd, captions_[1 : 2 + at % 4])
        for at, (odd, captions_) in enumerate(zip(ODD, sample))
    ]
    short = [(" ".join(image[0].split()[: at % 7]), image[1:3]) for at, image in enumerate(sample[:40])]
    cases = [
        cider("people against people, 300 images", people),
        cider("captions of the wrong image", others),
        cider("odd captions, one to four references", mixed),
        cider("cut captions, some empty", short),
        cider("one image", people[:1]),
        cider("one caption for all", [("a man riding a wave on a surfboard", image) for image in sample[:50]]),
    ]
    dump("cider.json", cases)
    print(len(pairs), "captions,", [(c["name"], len(c["items"]), c["mean"]) for c in cases])


def dump(name: str, rows: list) -> None:
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    (HERE / name).write_text(f"[\n{lines}\n]\n", "utf8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
