"""
Writes golden answers of the box model for other implementations to meet: six held-out photos as small PNGs and a sheet of
text, what the towers give, the hints' token ids, and the answers' ids.

    python golden.py --checkpoint models/box/checkpoint --out test/golden/box-model

Takes a minute. All in float32 from the checkpoint; `stable` says that float64 gives the same ids. A sample of n values at
200 places takes those at floor(i * n / 200).
"""

import argparse
import json
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont

from photos import is_coco_test, read_photos
from evaluate_floors import open_photo
import near
from model import BoxModel, generate, hint_ids, line_ids, loc_ids, prepare, prompt_ids, run_plan
from polygons import outline_ids, with_outlines
from reader import Reader

LONG_SIDE = 224
DOUBLED = 4  # candidates whose outlines are made in float64 too: those that agree are held to the point


def choose(photos):
    """One held-out photo of each kind, the first by key whose licence allows a copy here; two scenes."""
    wanted = [("caltech101", "laptop"), ("clothing", "t-shirt"), ("grocery", "apple"), ("sroie", "receipt"), ("coco", ""), ("openimages-person-car", "")]
    chosen = []
    for source, label in wanted:
        held_out = lambda r: (is_coco_test(r) and "boxes" in r and r["license"] == "CC-BY-2.0") if source == "coco" else r["split"] == "test"
        chosen.append(next(r for r in photos if r["source"] == source and held_out(r) and (not label or label in r["labels"])))
    return chosen


def draw_text():
    """A sheet with four lines, one of them aslant and one that stands, in Pillow's own font."""
    sheet = Image.new("RGB", (420, 300), (246, 244, 236))
    for text, at, size, angle in (("Florence at the edge", (20, 20), 26, 0), ("Total: 12.50 EUR", (24, 90), 20, 0), ("uphill, all the way", (40, 130), 22, 12), ("STANDING", (350, 40), 24, 270)):
        font = ImageFont.load_default(size)
        patch = Image.new("L", (int(font.getlength(text)) + 8, size + 12), 0)
        ImageDraw.Draw(patch).text((4, 2), text, 255, font=font)
        patch = patch.rotate(angle, expand=True, resample=Image.BICUBIC)
        sheet.paste((30, 34, 60), at, patch)
    return sheet


def near_candidates(model, hints):
    return near.candidates(*hints["cells"], model.config["vision_config"]["near"])


def outlines_of(single, double, image, hints, exact, seen, region):
    """What the outline head makes of the prompts it is for: a region's answer, and a phrase's with the outlines of its boxes."""
    words, corners = region
    with torch.no_grad():
        own, more = ([0] + outline_ids(model.outline(image, corners)[0], model.tokenizer) + [2] for model in (single, double))
        shapes, found = single.outlines(image, hints), near_candidates(double, exact)
        others = {tuple(loc_ids(box, image.size, double.tokenizer)): outline_ids(double.outline(image, box)[0], double.tokenizer) for _, _, box in found[:DOUBLED]}
        source, prompt = single.source(seen, "segment", "the person"), prompt_ids("segment", single.tokenizer, "the person")
        said = generate(single.bart, source, single.rules, 1, single.config["text_config"]["max_position_embeddings"], single.places(seen, "segment", "the person"))
    return {"outlines": {
        "region": {"prompt": prompt_ids("segment_regions", single.tokenizer, words), "ids": own, "stable": own == more},
        "phrase": {"prompt": prompt, "hints": source[: -len(prompt)],
                   "boxes": [{"box": list(box), "ids": ids, "stable": others.get(box) == ids} for box, ids in shapes.items()],
                   "said": said, "ids": with_outlines(said, shapes, single.tokenizer)},
    }}


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
        answers, w, h = {}, *image.size
        locs = loc_ids((0.25 * w, 0.2 * h, 0.75 * w, 0.9 * h), image.size, single.tokenizer)
        words = "".join(single.tokenizer.id_to_token(i) for i in locs)
        corners = [(i - single.tokenizer.token_to_id("<loc_0>") + 0.5) / 1000 * side for i, side in zip(locs, (w, h, w, h))]
        vision = single.config["vision_config"]
        with torch.no_grad():
            region = single.look_closer(image, hints, corners)
            looked = single.look_near(image, hints) if "near" in vision else hints
        for task, seen, text in (("caption", hints, ""), ("ground", looked, "a person with a laptop"), ("detect_open", looked, "person<and>cup<and>zebra"), ("classify_regions", region, words)):
            prompt = prompt_ids(task, single.tokenizer, text)
            source = single.source(seen, task, text)
            answers[task] = {"prompt": prompt, "hints": source[: -len(prompt)]}
            for name, beams in (("greedy", 1), ("beams3", 3))[: 2 if task == "caption" else 1]:
                longest = single.config["text_config"]["max_position_embeddings"]
                say = lambda model: generate(model.bart, source, model.rules, beams, longest, model.places(seen, task, text))
                said = say(single)
                answers[task][name] = {"ids": said, "stable": said == say(double),
                                       "text": single.tokenizer.decode([i for i in said if i > 2], skip_special_tokens=False)}
        outlined = outlines_of(single, double, image, hints, exact, looked, (words, corners)) if "outline" in vision["towers"][0] else {}
        photos.append({
            "file": file, "source": r["source"], "license": r["license"], "attribution": r.get("attribution", r["key"]), "size": list(image.size),
            "tags": hints["tags"], "boxes": [{"label": b[0], "score": b[1], "box": b[2]} for b in hints["boxes"]],
            "told": {task: single.answer_ids(hints, task)[1:] for task in ("detect", "propose")},
            "hints": {"ids": ids, "stable": ids == hint_ids(exact, double.tokenizer)}, "towers": towers, "answers": answers, **outlined,
        })
        print(f"{file}: {answers['caption']['beams3']['text']} | {answers['classify_regions']['greedy']['text']} | stable "
              f"{photos[-1]['hints']['stable']} {[a[k]['stable'] for a in answers.values() for k in ('greedy', 'beams3') if k in a]}")
    paper = out / "text.png"
    draw_text().save(paper, optimize=True)
    reader, image = Reader(args.checkpoint), Image.open(paper).convert("RGB")
    lines = reader.read(image)
    text = {"file": paper.name, "lines": lines, "ids": line_ids(lines, image.size, single.tokenizer)}
    print(f"{paper.name}: {[line['text'] for line in lines]}")
    (out / "golden.json").write_text(json.dumps({"photos": photos, "text": text}) + "\n")
    print(f"wrote {out}: {sum(f.stat().st_size for f in out.iterdir()) / 1e3:.0f} kB")
