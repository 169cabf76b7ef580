"""
Trains the box model's tokenizer: byte-level BPE with GPT-2's pre-tokenisation, Florence-2's 1,024 added tokens in its
order, and ten coarse scores for hints.

    python tokenizer.py --out /tmp/florence-training/tokenizer

Takes 5 seconds. Writes tokenizer.json, vocab.json and merges.txt; prints the number of ids and how many pieces the hints' names take.
ids: <s> 0, <pad> 1, </s> 2, <unk> 3, pieces, then the added tokens, then <score_0> to <score_9>.
"""

import argparse
import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from photos import read_captions, read_photos

FLORENCE = ["<od>", "</od>", "<ocr>", "</ocr>", *[f"<loc_{i}>" for i in range(1000)], "<cap>", "</cap>", "<ncap>",
            "</ncap>", "<dcap>", "</dcap>", "<grounding>", "</grounding>", "<seg>", "</seg>", "<sep>", "<region_cap>",
            "</region_cap>", "<region_to_desciption>", "</region_to_desciption>", "<proposal>", "</proposal>", "<poly>",
            "</poly>", "<and>"]
SCORES = [f"<score_{i}>" for i in range(10)]


def train(captions, names, lines, pieces):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4 + pieces, special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False, min_frequency=3)
    # A name opens a hint without a space before it and stands in captions with one: both should be few pieces.
    tokenizer.train_from_iterator(captions + 12 * names + 6 * [" " + n for n in names] + lines, trainer)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in FLORENCE + SCORES])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return tokenizer


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--towers", default="/tmp/florence-training/towers")
    parser.add_argument("--pieces", type=int, default=6642)
    parser.add_argument("--out", default="/tmp/florence-training/tokenizer")
    args = parser.parse_args()
    photos = read_photos(args.shared)
    captions = [c for image in read_captions(args.shared, photos).values() for c in image]
    towers = json.loads((Path(args.towers) / "towers.json").read_text())["towers"]
    names = towers[0]["heads"][0]["labels"] + 20 * towers[1]["labels"]
    names += 5 * sorted({label for r in photos for label in r.get("labels", [])})
    lines = [line["text"] for r in photos if r["split"] == "train" for line in r.get("ocr", [])][:6000]
    tokenizer = train(captions, names, lines, args.pieces)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / "tokenizer.json"))
    tokenizer.model.save(str(out))
    assert tokenizer.encode("a").ids[0] == 0 and tokenizer.encode("a").ids[-1] == 2
    assert tokenizer.token_to_id("<od>") == 4 + args.pieces, "ids must be dense"
    sizes = [len(tokenizer.encode(n, add_special_tokens=False).ids) for n in sorted(set(names))]
    print(f"{tokenizer.get_vocab_size()} ids; names take {sum(sizes) / len(sizes):.2f} pieces, at most {max(sizes)}")
