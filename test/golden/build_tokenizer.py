"""Build Florence-2's tokenizer files from GPT-2's and BART's.

Reads `encoder.json`, `vocab.bpe` (GPT-2) and `dict.txt` (BART) and writes
`tokenizer/vocab.json.gz` and `tokenizer/merges.txt.gz`: the 50,265 entries of
BART's vocabulary and its 50,000 merges. Everything else of a checkpoint's
tokenizer (1,024 added tokens, special tokens) is written beside a random
checkpoint by `random_weights.py` and `random-checkpoint.ts`.

Command:  python test/golden/build_tokenizer.py FOLDER_WITH_THE_THREE_FILES
Expected: 1 second; 0.6 MB.
"""

import gzip
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent


def build_vocab(source: Path) -> dict[str, int]:
    """BART's ids: four special tokens, the lines of `dict.txt`, `<mask>`."""
    encoder = json.loads((source / "encoder.json").read_text("utf-8"))
    token_of = {gpt2_id: token for token, gpt2_id in encoder.items()}
    vocab = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    for line in (source / "dict.txt").read_text("utf-8").splitlines():
        name = line.split(" ")[0]
        token = token_of[int(name)] if name.isdigit() else name
        assert token not in vocab, token
        vocab[token] = len(vocab)
    vocab["<mask>"] = len(vocab)
    return vocab


def write_gzip(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(text.encode("utf-8"), 9, mtime=0))


def main() -> None:
    source = Path(sys.argv[1])
    vocab = build_vocab(source)
    assert len(vocab) == 50265
    known = {".": 4, "Ġthe": 5, ",": 6, "Ġworld": 232, "Hello": 31414}
    assert all(vocab[token] == wanted for token, wanted in known.items())
    merges = (source / "vocab.bpe").read_text("utf-8")
    assert len(merges.splitlines()) == 50001
    compact = json.dumps(vocab, ensure_ascii=False, separators=(",", ":"))
    write_gzip(HERE / "tokenizer" / "vocab.json.gz", compact)
    write_gzip(HERE / "tokenizer" / "merges.txt.gz", merges)


if __name__ == "__main__":
    main()
