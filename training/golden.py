"""
Writes golden answers of the box model for other implementations to meet: six held-out photos as small PNGs, what the towers
give, the hints' token ids, and the answers' ids.

    python golden.py --checkpoint models/box/checkpoint --out test/golden/box-model

Takes a minute. All in float32 from the checkpoint; `stable` says that float64 gives the same ids. A sample of n values at
200 places takes those at floor(i * n / 200).
"""

import argparse
import json
from pathlib import Path

import torch
from PIL import Image

from data import is_coco_test, read_photos
from evaluate_floors import open_photo
from model import BoxModel, generate, hint_ids, prepare, prompt_ids, run_plan

LONG_SIDE = 224


def choose(photos):
    """One held-out photo of each kind, the first by key whose licence allows a copy here; two scenes."""
    wanted = [("caltech101", "laptop"), ("clothing", "t-shirt"), ("grocery", "apple"), ("sroie", "receipt"), ("coco", ""), ("openimages-person-car", "")]
    chosen = []
    for source, label in wanted:
        held_out = lambda r: (is_coco_test(r) and "boxes" in r and r["license"] == "CC-BY-2.0") if source == "coco" else r["split"] == "test"
        chosen.append(next(r for r in photos if r["source"] == source and held_out(r) and (not label or label in r["labels"])))
    return chosen


def sample(tensor, places=200):
    flat = tensor.flatten().tolist()
    picked = flat if len(flat) <= places else [flat[i * len(flat) // places] for i in range(places)]
    return {"shape": list(tensor.shape), "values": [float(f"{v:.7g}") for v in picked]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", default="models/box/checkpoint")
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--out", default="test/golden/box-model")
    args = parser.parse_args()
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    single, double = BoxModel(args.checkpoint), BoxModel(args.checkpoint, torch.float64)
    photos = []
    for r in choose(read_photos(args.shared)):
        image = open_photo(args.shared, r)
        image.thumbnail((LONG_SIDE, LONG_SIDE), Image.BICUBIC)
        file = f"{r['key']}.png"
        image.save(out / file, optimize=True)
        image = Image.open(out / file).convert("RGB")
        towers = {}
        with torch.no_grad():
            hints, exact = single.look(image), double.look(image)
            for tower in single.config["vision_config"]["towers"]:
                x, scale = prepare(image, tower["input"])
                values = run_plan(tower["plan"], single.towers, x[None])
                towers[tower["name"]] = {"input": sample(x[None]), "scale": scale, "outputs": {k: sample(values[v]) for k, v in tower["outputs"].items()}}
        ids = hint_ids(hints, single.tokenizer)
        answers = {}
        for task in ("caption", "detect"):
            source = ids + prompt_ids(task, single.tokenizer)
            answers[task] = {"source": source}
            for name, beams in (("greedy", 1), ("beams3", 3)):
                longest = single.config["text_config"]["max_position_embeddings"]
                said = generate(single.bart, source, single.rules, beams, longest)
                answers[task][name] = {"ids": said, "stable": said == generate(double.bart, source, double.rules, beams, longest),
                                       "text": single.tokenizer.decode([i for i in said if i > 2], skip_special_tokens=False)}
        photos.append({
            "file": file, "source": r["source"], "license": r["license"], "attribution": r.get("attribution", r["key"]), "size": list(image.size),
            "tags": hints["tags"], "boxes": [{"label": b[0], "score": b[1], "box": b[2]} for b in hints["boxes"]],
            "hints": {"ids": ids, "stable": ids == hint_ids(exact, double.tokenizer)}, "towers": towers, "answers": answers,
        })
        print(f"{file}: {answers['caption']['beams3']['text']} | {answers['detect']['greedy']['text']} | stable "
              f"{photos[-1]['hints']['stable']} {[a[k]['stable'] for a in answers.values() for k in ('greedy', 'beams3')]}")
    (out / "golden.json").write_text(json.dumps({"photos": photos}) + "\n")
    print(f"wrote {out}: {sum(f.stat().st_size for f in out.iterdir()) / 1e3:.0f} kB")
