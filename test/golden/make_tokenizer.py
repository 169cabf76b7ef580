"""Make the tokenizer goldens: 400 strings, their ids, and the ids decoded.

`tokenizer.json` of the native form (with the 1,024 added tokens and `<image>`)
is run by `tokenizers` under `transformers`' fast class. A lone surrogate has no
UTF-8 form and the reference refuses it; the golden says U+FFFD for each, as
JavaScript's TextEncoder does, and its ids are those of the replaced string.

Command:  python test/golden/make_tokenizer.py SCRATCH_FOLDER
Expected: 5 seconds; 0.2 MB.
"""

import json
import random
import re
import sys
from pathlib import Path

import tokenizers
import transformers

from random_weights import added_tokens, load_recipe, write_random_checkpoint
from reference import HERE, TASK_TOKENS, load_processor, load_tokenizer

COUNT = 400

CAPTIONS = [
    "A green car parked in front of a yellow building.",
    "a dog next to a red bicycle",
    "The image shows a stop sign sitting on the side of a street in Chinatown, New York City.",
    "traffic light",
    "potted plant",
    "wheels",
    "two men, a woman and 3 children (all smiling) at 9:00 AM",
    "Five Alive juice box<and>Colgate toothpaste",
    "cat<and>dog",
    "BX 204",
    "TOTAL   RM 12.50\nCASH    RM 20.00\nCHANGE  RM 7.50",
]

EDGES = [
    "",
    " ",
    "  ",
    "   leading and trailing   ",
    "\t",
    "\n",
    "\n\n\n",
    "\r\n",
    "a\rb",
    "a\n b",
    "a \n b",
    "tab\tand  two spaces",
    " \t \n ",
    "don't can't I'm you're we've he'll she'd it's",
    "DON'T CAN'T I'M YOU'RE WE'VE HE'LL SHE'D IT'S",
    "’t ’s it’s don’t",
    "'s's's 'tt 'rex 'vet 'mm 'llama 'dd",
    "1234567890",
    "3.14159 -2,5 1e-9 0x1F ½ ² ٣ 四 Ⅷ",
    "!!!???...,,,;;;:::",
    "-----=====_____*****#####",
    "a_b-c.d/e\\f@g#h$i%j^k&l*m(n)o+p=q",
    "https://example.com/a?b=c&d=e#f",
    "C:\\path\\to\\file.txt",
    "<html><body>text</body></html>",
    "naïve café résumé über straße ﬁ ﬂ Æ œ",
    "cafe\u0301 e\u0301\u0323 n\u0303o",
    "Å Å Å",
    "Ελληνικά, Кириллица и ещё",
    "日本語のテキスト、漢字とカタカナ。",
    "中文字符测试，全角标点！",
    "한국어 텍스트",
    "עברית מימין לשמאל",
    "العربية من اليمين إلى اليسار ١٢٣",
    "हिन्दी पाठ",
    "ไทย",
    "😀",
    "😀😀😀 😀",
    "👨‍👩‍👧‍👦 family",
    "👍🏽 thumbs",
    "🏳️‍🌈 🇩🇪🇯🇵",
    "☃️ ✈ ❤️‍🔥",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𠮷",
    "a\u0000b",
    "\u0001\u0002\u001b[31m",
    "\u001c\u001d\u001e\u001f",
    "\u007f\u0080\u009f",
    "a\u0085b",
    "\u0085",
    "a\u00a0b\u00a0\u00a0c",
    "\u00a0 \u00a0",
    "soft\u00adhyphen",
    "a\u2028b\u2029c",
    "\ufeffBOM",
    "BOM\ufeff",
    "a\u200bb\u200cc\u200dd\u2060e",
    "a\u3000b\u3000\u3000c",
    "a\u1680b\u180ec\u2000d\u200ae\u202ff\u205fg",
    "\u200e\u200f\u202a\u202e",
    "\ufffd",
    "\ufffe\uffff",
    "\U0010ffff",
    "\ue000\uf8ff",
    "Ġ Ċ ĉ are letters of the byte alphabet",
    "<s>",
    "</s>",
    "<pad>",
    "<unk>",
    "<mask>",
    "a <mask> b",
    "a<mask>b",
    "a  \t<mask>",
    "</s><s>",
    "text</s>more<s>text<pad>",
    "<loc_5>",
    "<loc_0><loc_999>",
    "<loc_1000>",
    "<loc_05>",
    "<loc_-1>",
    "<loc_ 5>",
    "<LOC_5>",
    "car<loc_52><loc_334><loc_932><loc_774>",
    "car <loc_52> <loc_334>\n<loc_932>  <loc_774> wheel",
    "What is the polygon mask of region <loc_1><loc_2><loc_3><loc_4>",
    "What is the region <loc_1><loc_2><loc_3><loc_4>?",
    "<od></od><ocr></ocr><cap></cap><ncap></ncap><dcap></dcap>",
    "<grounding>a</grounding><seg>b</seg>",
    "<sep><poly></poly><and>",
    "<region_cap>x</region_cap><region_to_desciption>y</region_to_desciption>",
    "<region_to_description>",
    "<proposal></proposal>",
    "<image>",
    "<OD>",
    "<CAPTION>",
    "<|endoftext|>",
    "madeupword0000 madeupword0002",
    "<loc_5",
    "loc_5>",
    "<<loc_5>>",
    "< loc_5 >",
    "<loc_5></s>",
    "Hello world",
    " Hello world",
    "Hello  world",
    "helloworldHelloWORLD",
    "supercalifragilisticexpialidocious",
    "antidisestablishmentarianism",
    "a" * 300,
    "ab" * 150,
    " " * 100,
    "\n" * 50,
    "." * 120,
    "9" * 70,
    "=" * 65,
    "é" * 40,
    "😀" * 30,
    "中" * 40,
    "x " * 60,
    "SolidGoldMagikarp",
    " externalToEVAOnly",
    "ÃÂÃÂ",
    "\u0301",
    "\u200d",
    "ǅ ǈ ǋ",
    "İstanbul ıI",
    "ß ẞ ſ",
    "１２３ＡＢＣ",
    "①②③ ㊙ ㌔",
    "1st 2nd 3rd 4th",
    "10'5\" x 6'2\"",
    "'quoted' \"double\" `back`",
    "e.g., i.e., etc.",
    "$1,234.56 €99,99 £5 ¥1000",
    "A\u0300\u0301\u0302\u0303B",
    "q\u0307\u0323",
    "क्षि",
    "กำ",
]

# UTF-16 code units that a JavaScript string may hold
SURROGATES = [
    "\ud800",
    "\udc00",
    "a\ud83d",
    "\ude00b",
    "\ude00\ud83d",
    "x\ud800y\udfffz",
    "\ud83d\ud83d\ude00",
    "<loc_1>\udbff<loc_2>",
]


def invented(count: int) -> list[str]:
    """Strings of mixed pieces, from a fixed seed."""
    rng = random.Random(20)
    words = " ".join(CAPTIONS).split(" ")
    odd = [" ", "  ", "\n", "\t", "'s", "'", ".", ",", "é", "ö", "中", "文", "😀"]
    odd += ["\u00a0", "\u200d", "\u0301", "א", "ب", "и", "１", "½", "\u2028", "\u0085"]
    special = added_tokens(with_image=False) + ["<s>", "</s>", "<pad>"]
    planes = [(0x20, 0x7E), (0xA1, 0x24F), (0x370, 0x5FF), (0x900, 0xDFF)]
    planes += [(0x2010, 0x27BF), (0x3041, 0x30FF), (0x4E00, 0x9FFF)]
    planes += [(0xAC00, 0xD7A3), (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF)]
    strings = []
    for n in range(count):
        parts = []
        for _ in range(rng.randint(1, 14)):
            draw = rng.random()
            if draw < 0.4:
                parts.append(rng.choice(["", " "]) + rng.choice(words))
            elif draw < 0.6:
                parts.append(rng.choice(odd))
            elif draw < 0.75:
                low, high = rng.choice(planes)
                parts.append("".join(chr(rng.randint(low, high)) for _ in range(3)))
            elif draw < 0.87:
                parts.append(str(rng.randint(0, 10 ** rng.randint(1, 9))))
            elif n % 2:
                parts.append(rng.choice(special))
            else:
                parts.append(rng.choice("!?;:-_()[]{}<>/\\|@#&*+=~^%$\"`"))
        strings.append("".join(parts))
    return strings


def to_utf16(text: str) -> list[int]:
    raw = text.encode("utf-16-le", "surrogatepass")
    return [raw[i] | raw[i + 1] << 8 for i in range(0, len(raw), 2)]


def repair(text: str) -> str:
    """Pairs joined, each lone surrogate replaced by U+FFFD."""
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    whole = text.encode("utf-16-le", "surrogatepass").decode(
        "utf-16-le", "surrogatepass"
    )
    expected = re.sub("[\ud800-\udfff]", "\ufffd", whole)
    assert expected.count("\ufffd") >= joined.count("\ufffd")
    return expected


def main() -> None:
    folder = Path(sys.argv[1]) / "tokenizer"
    small = {**load_recipe("tiny-native"), "d_model": 2, "text_heads": 1}
    write_random_checkpoint(folder, small)
    tokenizer = load_tokenizer(folder)
    processor = load_processor(tokenizer)

    prompts = []
    for token in TASK_TOKENS.values():
        takes_input = token in processor.task_prompts_with_input
        argument = "<loc_52><loc_332><loc_932><loc_774>" if "REGION_TO" in token else "a red bicycle"
        prompts += processor._construct_prompts(token + (argument if takes_input else ""))
    strings = [*prompts, *CAPTIONS, *EDGES]
    strings += invented(COUNT - len(strings) - len(SURROGATES))
    rows = []
    for text in [*strings, *SURROGATES]:
        row: dict[str, object] = {}
        fixed = repair(text)
        if fixed != text:
            # as UTF-16 units: JSON files are UTF-8 and cannot hold them raw
            row["utf16"] = to_utf16(text)
            try:
                tokenizer(text)
                raise AssertionError("the reference took a lone surrogate")
            except (UnicodeEncodeError, TypeError):
                pass
        else:
            row["text"] = text
        ids = tokenizer(fixed).input_ids
        row["ids"] = ids
        row["decoded"] = tokenizer.decode(ids, skip_special_tokens=False)
        row["decoded_plain"] = tokenizer.decode(ids, skip_special_tokens=True)
        rows.append(row)
    assert len(rows) == COUNT, len(rows)

    # ids that no string gives: pieces of characters, specials, all in a heap
    rng = random.Random(21)
    odd_ids = []
    for n in range(60):
        high = 51289 if n % 2 else 1000
        ids = [rng.randrange(high) for _ in range(rng.randint(1, 12))]
        odd_ids.append(
            {
                "ids": ids,
                "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                "decoded_plain": tokenizer.decode(ids, skip_special_tokens=True),
            }
        )
    versions = {
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
    }
    lines = ['{"made_with":' + json.dumps(versions) + ',"strings":[']
    compact = {"ensure_ascii": True, "separators": (",", ":")}
    lines.append(",\n".join(json.dumps(row, **compact) for row in rows))
    lines.append('],"decode_only":[')
    lines.append(",\n".join(json.dumps(row, **compact) for row in odd_ids))
    lines.append("]}\n")
    (HERE / "tokenizer.json").write_text("\n".join(lines), "utf-8")
    print(len(rows), "strings,", len(odd_ids), "id lists to decode")


if __name__ == "__main__":
    main()
