"""
Figures of a training under way, on what `is_validation` holds out: no pictures are seen, hints are those stored.

    python validation.py --run /tmp/florence-training/run
    python validation.py --checkpoint models/box/checkpoint --run /tmp/florence-training/run --share 0.7

Takes 3 minutes on one core. The second mixes the run's weights with a checkpoint's. Choices between trainings are made on these figures, so that
those of the test photos stay honest.
"""

import argparse
import hashlib
import json
import random
from pathlib import Path

import torch
from tokenizers import Tokenizer

from composites import KNOWN
from data import COCO_OF, Encoder, read_region_tags, read_sheets, World
from photos import is_validation
from evaluate_floors import names_it
from examples import near_hints, phrase_for, region_hints
from export import generation_json
from grammar import referring
from model import NEAR_TASKS, PROMPTS, Bart, BoxModel, TextConfig, boxes_in, generate, matching_places, overlap


class Answerer:
    """A language model over stored hints."""

    def __init__(self, bart, tokenizer):
        self.bart, self.tokenizer, self.encode = bart, tokenizer, Encoder(tokenizer)
        self.rules, self.first = generation_json(tokenizer), tokenizer.token_to_id("<loc_0>")

    def __call__(self, hints, task, text="", beams=1):
        """-> the answer's ids, and its first box in fractions or None"""
        source, _ = self.encode(hints, task, text, [])
        places = boxes_in(source[: source.index(0)], self.first), self.first
        if task in NEAR_TASKS:
            places += (matching_places(places[0], [words for words, _, _ in hints["boxes"]], PROMPTS[task].replace("{input}", text), self.first, self.tokenizer),)
        ids = generate(self.bart, source, self.rules, beams, 64, places)
        named = boxes_in(ids, self.first)
        return ids, tuple((i - self.first + 0.5) / 1000 for i in named[0]) if named else None

    def text(self, *asked, **options):
        ids, _ = self(*asked, **options)
        return self.tokenizer.decode([i for i in ids if i not in (0, 1, 2)], skip_special_tokens=False)


def share(values):
    return f"{sum(values) / max(1, len(values)):.3f} (n {len(values)})"


def grounding(answer, sheets, labels):
    """Phrases for every thing of composed pictures, and for as many that are not there."""
    R, right, twins, reachable, silent, false, outlined = random.Random(0), [], [], [], [], [], []
    for s in sheets:
        things = [(label, color, box, box) for label, color, box in s["truth"]]
        for at, (label, _, box, _) in enumerate(things):
            phrase = phrase_for(things, at, R)
            if phrase is None:
                continue
            hints = near_hints([], s["found"])
            _, found = answer(hints, "ground", phrase)
            hit = found is not None and overlap(found, box) >= 0.5
            right.append(hit)
            reachable.append(any(overlap(f[3], box) >= 0.5 for f in s["found"]))
            silent.append(found is None)
            if sum(t[0] == label for t in things) > 1:
                twins.append(hit)
            _, found = answer(hints, "segment", phrase)
            outlined.append(found is not None and overlap(found, box) >= 0.5)
            there = {t[0] for t in things} | {KNOWN.get(t[0]) for t in things}
            name = R.choice([label for label in labels if label not in there])
            false.append(answer(hints, "ground", referring(name, R.choice(("", "", "left", "right")), R))[1] is not None)
    print(f"grounding on composites: right {share(right)}, of twins {share(twins)}, a candidate fits {share(reachable)}, "
          f"silent {share(silent)}, false answers {share(false)}; the box to outline {share(outlined)}", flush=True)


def regions(answer, looked_closer):
    right, people = [], []
    for key in sorted(looked_closer):
        for box, label, tags, told in looked_closer[key]:
            said = answer.text(region_hints(tags, box, told, []), "classify_regions", tuple(box))
            (people if label == "person" else right).append(said == label)
    print(f"region category: {share(right)}, people {share(people)}", flush=True)


def nouns(answer, world, rows):
    synonyms = json.loads((Path(__file__).parent.parent / "test/data/synonyms.json").read_text())
    said = [answer.text(world.seen[r["key"]], "caption", beams=3) for r in rows]
    print(f"right noun: {share([names_it(s, r['labels'][-1], synonyms) for s, r in zip(said, rows)])}; {len(set(said))} different", flush=True)
    for source in ("caltech101", "clothing", "grocery"):
        own = [names_it(s, r["labels"][-1], synonyms) for s, r in zip(said, rows) if r["source"] == source]
        print(f"  {source}: {share(own)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--work", default="/tmp/florence-training")
    parser.add_argument("--wordnet", default="/usr/share/wordnet")
    parser.add_argument("--run", help="a folder of train.py")
    parser.add_argument("--checkpoint", help="alone, or mixed in")
    parser.add_argument("--share", type=float, default=1.0, help="of the run in the mixture")
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--sheets", type=int, default=150)
    args = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = Tokenizer.from_file(str(Path(args.work) / "tokenizer" / "tokenizer.json"))
    weights = None
    if args.run:
        saved = torch.load(Path(args.run) / "model.pt", map_location="cpu", weights_only=True)
        weights, config = saved["model"], TextConfig(**saved["config"])
    if args.checkpoint:
        before = BoxModel(args.checkpoint).bart
        config = before.config
        weights = {k: (args.share * weights[k] + (1 - args.share) * t) if weights else t for k, t in before.state_dict().items()}
    bart = Bart(config).eval()
    bart.load_state_dict(weights)
    world, answer = World(args.shared, args.work, args.wordnet), Answerer(bart, tokenizer)
    sheets = [s for s in read_sheets(args.work) if s["validation"] and s["truth"]]
    labels = sorted({label for s in sheets for label, _, _ in s["truth"]} | set(sum(COCO_OF.values(), [])))
    grounding(answer, sheets[: args.sheets], labels)
    regions(answer, {k: v for k, v in read_region_tags(args.work).items() if is_validation(world.by_key[k])})
    by_hash = sorted(world.photos, key=lambda r: hashlib.sha1(r["key"].encode()).hexdigest())
    nouns(answer, world, [r for r in by_hash if is_validation(r) and r["key"] in world.seen and r["source"] in ("caltech101", "clothing", "grocery")][: args.photos])
