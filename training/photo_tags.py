"""
Trains two more heads on the classifier tower's frozen pooled features: names of the object photos' things ("photo_tags")
and what the pixels look like ("looks": the colour in the middle, a plain ground).

    python photo_tags.py

Takes 3 minutes on one core. Prints how often the right name is among the tags of held-out photos (about 0.85), and how often scenes
get one (a few per cent). Writes towers/vision.json and towers/photo_tags.safetensors, and photo-tags.json: the tags of
all photos, of training photos by heads that did not see them (3 folds), so that the language model meets honest scores; folds.pt: those heads.
"""

import argparse
import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from photos import check_no_leak, fold_of, FOLDS, is_coco_test, may_train, read_photos
from spoken import looks_labels
from words import COLOURS

GROUNDS = ["white background", "black background", "plain background", "black and white"]


def fit(x, y, known, decay):
    """Logistic regression, many labels at once. x [n,1280], y and known [n,K] -> weight [K,1280], bias [K]."""
    mean, std = x.mean(0), x.std(0) + 1e-3
    z = (x - mean) / std
    weight = torch.zeros(y.shape[1], x.shape[1], requires_grad=True)
    bias = torch.full((y.shape[1],), -5.0, requires_grad=True)
    optimizer = torch.optim.AdamW([weight, bias], lr=3e-3, weight_decay=decay)
    generator, epochs = torch.Generator().manual_seed(0), 25
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1 - epoch / epochs)
        for batch in torch.randperm(len(z), generator=generator).split(128):
            noisy = F.dropout(z[batch], 0.3)
            loss = (F.binary_cross_entropy_with_logits(noisy @ weight.T + bias, y[batch], reduction="none") * known[batch]).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    weight, bias = weight.detach() / std, bias.detach()  # the standardisation becomes part of the weights
    return weight, bias - weight @ mean


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--work", default="/tmp/florence-training")
    parser.add_argument("--decay", type=float, default=0.3)
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    work, photos = Path(args.work), {r["key"]: r for r in read_photos(args.shared)}
    seen = [h for file in sorted((work / "hints").glob("part-*.pt")) for h in torch.load(file, weights_only=True)]
    rows = [photos[h["key"]] for h in seen]
    objects = ("caltech101", "clothing", "grocery", "sroie")
    names = sorted({label for r in photos.values() if r["source"] in objects for label in r["labels"]})
    looks = COLOURS + GROUNDS
    x = torch.stack([h["pooled"].float() for h in seen])
    y, known = torch.zeros(len(seen), len(names) + len(looks)), torch.ones(len(seen), len(names) + len(looks))
    for i, (r, h) in enumerate(zip(rows, seen)):
        for label in r.get("labels", []):
            if label in names:
                if r["source"] in objects:
                    y[i, names.index(label)] = 1
                else:
                    known[i, names.index(label)] = 0  # a scene with a car in it: neither a yes nor a no
        for label in looks_labels(h["looks"]):
            y[i, len(names) + looks.index(label)] = 1
    train = torch.tensor([may_train(r) for r in rows])
    check_no_leak({}, [r for r in rows if may_train(r)], list(photos.values()))
    fold = torch.tensor([fold_of(r["key"]) for r in rows])
    p, folds = torch.zeros_like(y), []
    for k in range(FOLDS):
        part = train & (fold != k)
        weight, bias = fit(x[part], y[part], known[part], args.decay)
        p[fold == k] = (x[fold == k] @ weight.T + bias).sigmoid()
        folds.append((weight, bias))
    weight, bias = fit(x[train], y[train], known[train], args.decay)
    p[~train] = (x[~train] @ weight.T + bias).sigmoid()

    heads = [{"output": "photo_tags", "activation": "sigmoid", "labels": names, "threshold": 0.1, "max": 4},
             {"output": "looks", "activation": "sigmoid", "labels": looks, "threshold": 0.4, "max": 2}]
    tags, at, tensors = {}, 0, {}
    vision = json.loads((work / "towers" / "towers.json").read_text())
    eyes = vision["towers"][0]
    for head in heads:
        n, prefix = len(head["labels"]), f"model.vision_tower.{eyes['name']}.{head['output']}"
        score, label = p[:, at : at + n].topk(head["max"])
        for r, s, l in zip(rows, score.tolist(), label.tolist()):
            tags.setdefault(r["key"], []).extend((head["labels"][j], v) for v, j in zip(s, l) if v >= head["threshold"])
        tensors[prefix + ".weight"], tensors[prefix + ".bias"] = weight[at : at + n].contiguous(), bias[at : at + n].contiguous()
        eyes["plan"].append({"op": "linear", "input": "pooled", "weight": prefix + ".weight", "bias": prefix + ".bias", "output": head["output"]})
        eyes["outputs"][head["output"]] = head["output"]
        eyes["heads"].append(head)
        at += n
    (work / "towers" / "vision.json").write_text(json.dumps(vision))
    save_file(tensors, work / "towers" / "photo_tags.safetensors")
    (work / "photo-tags.json").write_text(json.dumps(tags))
    torch.save({"heads": heads, "folds": folds}, work / "folds.pt")

    test = [r for r in rows if r["split"] == "test" and r["source"] in objects]
    for source in objects:
        own = [r for r in test if r["source"] == source]
        hit = sum(r["labels"][-1] in dict(tags[r["key"]]) for r in own)
        first = sum(any(n in r["labels"] for n, _ in sorted((t for t in tags[r["key"]] if t[0] in names), key=lambda t: -t[1])[:1]) for r in own)
        print(f"{source}: last label among the tags of {hit / max(1, len(own)):.3f}, best tag a label of {first / max(1, len(own)):.3f} of {len(own)} test photos")
    scenes = [r for r in rows if is_coco_test(r) or (r["split"] == "test" and r["source"] not in objects)]
    false = [(n, round(v, 2), r["labels"][:3] if "labels" in r else []) for r in scenes for n, v in tags[r["key"]] if n in names]
    print(f"held-out scenes: {len(false)} photo tags on {len(scenes)} photos: {false}")
    out = ~train
    for j, name in enumerate(looks):
        c = len(names) + j
        said, right = p[out, c] >= 0.5, y[out, c] > 0
        print(f"  {name}: precision {(said & right).sum() / said.sum().clamp(min=1):.2f}, recall {(said & right).sum() / right.sum().clamp(min=1):.2f}, n {int(right.sum())}")
