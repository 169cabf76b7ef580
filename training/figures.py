"""
Every figure of the model card, of a bundle as it is shipped: photos go in and answers come out by the HTTP API of
`florence serve`, with the options' defaults but for captions' beams and `min_score`, 0.

    python figures.py --bundle models/box/bundle --out after.jsonl
    python figures.py --compare before.jsonl after.jsonl

The first takes 10 minutes on one quiet core; it goes on where it was stopped. It prints each figure with its n and a 95 %
bootstrap interval. The second asks nothing: of two such files it prints, as a table in Markdown, both figures and the paired bootstrap
interval of their difference, for all that both bundles were trained for; the exit code is 1 where one is worse beyond chance.
Needs Java for CIDEr's tokenizer.
"""

import argparse
import collections
import contextlib
import hashlib
import io
import json
import random
import sys

import numpy as np
from PIL import Image, ImageDraw

from answers import ROOT, Answers, is_refused
from composites import KNOWN, Photos, test_sheets
from photos import is_coco_test
from evaluate_floors import names_it
from model import overlap
from outline import drawn

# --- boxes ----------------------------------------------------------------------------------------------------------

def corners(box):
    return box["x_min"], box["y_min"], box["x_max"], box["y_max"]


def region(box):
    return {"box": dict(zip(("x_min", "y_min", "x_max", "y_max"), box))}


def annotated(row, image, crowd=False):
    """[(label, corners in pixels)]"""
    w, h = image.size
    return [(b["label"], (b["x0"] * w, b["y0"] * h, b["x1"] * w, b["y1"] * h)) for b in row.get("boxes", []) if crowd or not b.get("crowd")]


# --- figures: each is a list of values, one for each picture or case, whose mean it is, or a function of a sample ----------

def mean_of(values):
    values = np.asarray(values, dtype=float)
    return values, lambda at: float(values[at].mean())


def share_of(pairs):
    """[(hits, of)] by picture -> hits of all."""
    pairs = np.asarray(pairs, dtype=float).reshape(-1, 2)
    return pairs, lambda at: float(pairs[at, 0].sum() / max(1e-9, pairs[at, 1].sum()))


def average_precision(images, threshold=0.5):
    """COCO's AP at one IoU by pycocotools over [(truth [(label, corners, crowd)], found [(label, score, corners)])]. Photos are
    matched once; a bootstrap sample only gathers their matches anew."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    labels = sorted({t[0] for truth, _ in images for t in truth})
    number = {label: n + 1 for n, label in enumerate(labels)}
    gold = {"images": [{"id": n} for n in range(len(images))], "categories": [{"id": n} for n in number.values()], "annotations": []}
    said = [{"image_id": 0, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.0}]  # loadRes takes no empty list
    wide = lambda c: [c[0], c[1], c[2] - c[0], c[3] - c[1]]
    for n, (truth, found) in enumerate(images):
        for label, c, crowd in truth:
            gold["annotations"].append({"id": len(gold["annotations"]) + 1, "image_id": n, "category_id": number[label], "bbox": wide(c), "area": wide(c)[2] * wide(c)[3], "iscrowd": int(crowd)})
        said += [{"image_id": n, "category_id": number[label], "bbox": wide(c), "score": score} for label, score, c in found if label in number]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = gold
        coco.createIndex()
        e = COCOeval(coco, coco.loadRes(said), "bbox")
        e.params.iouThrs = np.array([threshold])
        e.params.areaRng, e.params.areaRngLbl = [[0, 1e10]], ["all"]
        e.evaluate()
    matches, n = e.evalImgs, len(images)

    def of(at):
        e.evalImgs = [matches[c * n + i] for c in range(len(labels)) for i in at]
        e.params.imgIds = e._paramsEval.imgIds = list(range(len(at)))
        with contextlib.redirect_stdout(io.StringIO()):
            e.accumulate()
        precision = e.eval["precision"][0, :, :, 0, -1]
        return float(precision[precision > -1].mean())
    return images, of


def interval(values, of, draws=1000, seed=0):
    """Figure and its 95 % bootstrap interval over pictures."""
    rng, n = np.random.default_rng(seed), len(values)
    sampled = [of(rng.integers(0, n, n)) for _ in range(draws)]
    return of(np.arange(n)), float(np.percentile(sampled, 2.5)), float(np.percentile(sampled, 97.5))


def words(text):
    return text.upper().split()


def word_recall(truth, result):
    said = collections.Counter(w for line in result.get("lines", []) for w in words(line["text"]))
    gold = collections.Counter(w for text in truth for w in words(text))
    return sum((said & gold).values()), sum(gold.values())


def best_box(result):
    """The first object of a grounding answer."""
    objects = result.get("objects") or []
    return corners(objects[0]["box"]) if objects else None


def mask_overlap(result, mask):
    """IoU of all polygons of a `segment` answer, or of a region's, with a mask; 0 where there are none."""
    polygons = [p for segment in result.get("segments") or [] for p in segment["polygons"]]
    h, w = mask.shape
    sheet = Image.new("1", (w, h))
    for polygon in polygons:
        if len(polygon) > 2:
            ImageDraw.Draw(sheet).polygon([tuple(point) for point in polygon], fill=1)
    said = np.asarray(sheet)
    return float((said & mask).sum() / max(1, (said | mask).sum()))


#: The task a figure is of, by how its name begins.
TASK_OF = {"right noun": "caption", "  of these": "caption", "CIDEr": "caption", "COCO AP50": "detect", "person": "detect",
           "region category": "classify_regions", "grounding": "ground", "referring": "segment", "mask IoU": "segment_regions", "OCR": "ocr"}


def collect(args, answers):
    """Asks everything that is not in `answers`; -> {figure: (values, function)}, without those of tasks the bundle was not trained for"""
    photos = Photos(args.shared)
    rows = list(photos.rows.values())
    synonyms = json.loads((ROOT / "test/data/synonyms.json").read_text())
    by_hash = lambda rows: sorted(rows, key=lambda r: hashlib.sha1(r["key"].encode()).hexdigest())
    figures = {}

    objects = by_hash(r for r in rows if r["split"] == "test" and r["source"] in ("caltech101", "clothing", "grocery"))[: args.objects]
    said = {r["key"]: answers.of("caption " + r["key"], lambda r=r: photos.open(r), [{"task": "caption"}], beams=3)[0].get("text", "") for r in objects}
    figures["right noun, object photos"] = mean_of([names_it(said[r["key"]], r["labels"][-1], synonyms) for r in objects])
    for source in ("caltech101", "clothing", "grocery"):
        figures[f"  of these {source}"] = mean_of([names_it(said[r["key"]], r["labels"][-1], synonyms) for r in objects if r["source"] == source])
    common = collections.Counter(said.values()).most_common(1)[0][1] / len(said)
    print(f"commonest caption {common:.3f} of {len(said)}, {len(set(said.values()))} different")

    coco = [r for r in rows if is_coco_test(r)]
    captioned = [r for r in coco if "captions" in r]
    captions = {r["key"]: answers.of("caption " + r["key"], lambda r=r: photos.open(r), [{"task": "caption"}], beams=3)[0].get("text", "") for r in captioned}
    if "caption" not in answers.refused:
        from pycocoevalcap.cider.cider import Cider
        from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
        with contextlib.redirect_stdout(sys.stderr):
            gold = PTBTokenizer().tokenize({r["key"]: [{"caption": c} for c in r["captions"]] for r in captioned})
            told = PTBTokenizer().tokenize({k: [{"caption": c}] for k, c in captions.items()})
            total, each = Cider().compute_score(gold, told)
        figures["CIDEr-D, COCO captions"] = mean_of(each)

    complete = [r for r in coco if r.get("boxes") and r.get("boxes_known", True)]
    scenes = by_hash(r for r in rows if r["split"] == "test" and r["source"].startswith("openimages") and any(b["label"] == "person" for b in r.get("boxes", [])))
    detected = {}
    for r in complete + scenes:
        detected[r["key"]] = [(o["label"], o["score"], corners(o["box"])) for o in answers.of("detect " + r["key"], lambda r=r: photos.open(r), [{"task": "detect"}])[0].get("objects", [])]
    pixels = {r["key"]: photos.open(r) for r in complete + scenes}
    truth = lambda r: [(b["label"], c, b.get("crowd", False)) for b, (_, c) in zip(r["boxes"], annotated(r, pixels[r["key"]], crowd=True))]
    figures["COCO AP50"] = average_precision([(truth(r), detected[r["key"]]) for r in complete])
    people = lambda found: [f for f in found if f[0] == "person"]
    figures["person AP50, Open Images"] = average_precision([(people(truth(r)), people(detected[r["key"]])) for r in scenes])
    recall = []
    for r in scenes:
        best = [c for _, _, c in sorted(people(detected[r["key"]]), key=lambda f: -f[1])[:10]]
        boxes = [c for label, c in annotated(r, pixels[r["key"]]) if label == "person"]
        recall.append((sum(any(overlap(c, b) >= 0.5 for c in best) for b in boxes), len(boxes)))
    figures["person recall, at most 10 boxes, Open Images"] = share_of(recall)

    hit = []
    for r in complete:
        boxes = [(label, c) for label, c in annotated(r, pixels[r["key"]]) if (c[2] - c[0]) > 32 and (c[3] - c[1]) > 32]
        if boxes:
            boxes = boxes[:20]
            inside = [region((max(0, c[0]), max(0, c[1]), min(pixels[r["key"]].width, c[2]), min(pixels[r["key"]].height, c[3]))) for _, c in boxes]
            result = answers.of("regions " + r["key"], lambda r=r: pixels[r["key"]], [{"task": "classify_regions", "regions": inside}])[0]
            hit.append((sum(got.get("label", "") == label for (label, _), got in zip(boxes, result.get("regions", []))), len(boxes)))
    figures["region category, COCO boxes above 32 x 32"] = share_of(hit)

    once = []
    for r in complete:
        labels = [label for label, _ in annotated(r, pixels[r["key"]], crowd=True)]
        single = [(label, c) for label, c in annotated(r, pixels[r["key"]]) if labels.count(label) == 1]
        if single:
            results = answers.of("ground " + r["key"], lambda r=r: pixels[r["key"]], [{"task": "ground", "phrase": label} for label, _ in single])
            once += [bool(box := best_box(a)) and overlap(box, c) >= 0.5 for a, (_, c) in zip(results, single)]
    figures["grounding, COCO labels that occur once"] = mean_of(once)

    sheets = test_sheets(args.shared)
    hit, grounded = [], []
    for n, (sheet, placed) in enumerate(sheets["regions"]):
        result = answers.of(f"sheet regions {n}", lambda s=sheet: s, [{"task": "classify_regions", "regions": [region(c) for _, c in placed]}])[0]
        same = lambda said, label: names_it(said, label, synonyms)
        hit.append((sum(same(got.get("label", ""), label) for (label, _), got in zip(placed, result.get("regions", []))), len(placed)))
    figures["region category, object photos in composites"] = share_of(hit)
    masks = []
    for n, (sheet, placed) in enumerate(sheets["twins"]):
        tasks = [{"task": task, "phrase": phrase} for task in ("ground", "segment") for phrase, _, _ in placed]
        results = answers.of(f"sheet twins {n}", lambda s=sheet: s, tasks)
        grounded += [bool(box := best_box(a)) and overlap(box, c) >= 0.5 for a, (_, c, _) in zip(results, placed)]
        masks += [mask_overlap(result, mask) for result, (_, _, mask) in zip(results[len(placed) :], placed)]
    figures["grounding, composites with twins"] = mean_of(grounded)
    figures["referring mIoU, composites with twins"] = mean_of(masks)

    outlined = []
    for r in complete:
        image = pixels[r["key"]]
        whole = [(b, [p for p in r.get("polygons", []) if p["box"] == at]) for at, b in enumerate(r["boxes"]) if not b.get("crowd")]
        whole = [((b["x0"] * image.width, b["y0"] * image.height, b["x1"] * image.width, b["y1"] * image.height), p) for b, p in whole if p]
        whole = [(c, np.asarray(drawn({"parts": [part for p in polygons for part in p["parts"]]}, image.size)) > 127) for c, polygons in whole if c[2] - c[0] > 32 and c[3] - c[1] > 32][:20]
        if whole:
            result = answers.of("outlines " + r["key"], lambda i=image: i, [{"task": "segment_regions", "regions": [region(c) for c, _ in whole]}])[0]
            shares = [mask_overlap(got, mask) for got, (_, mask) in zip(result.get("regions", [{}] * len(whole)), whole)]
            outlined.append((sum(shares), len(shares)))
    figures["mask IoU of regions, COCO boxes above 32 x 32"] = share_of(outlined)

    receipts = by_hash(r for r in rows if r["split"] == "test" and r["source"] == "sroie")[: args.receipts]
    figures["OCR word recall, receipts"] = share_of([word_recall([line["text"] for line in r["ocr"]], answers.of("lines " + r["key"], lambda r=r: photos.open(r), [{"task": "ocr", "layout": "lines"}])[0]) for r in receipts])
    figures["OCR word recall, drawn text"] = share_of([word_recall(told, answers.of(f"sheet text {n}", lambda s=sheet: s, [{"task": "ocr", "layout": "lines"}])[0]) for n, (sheet, told) in enumerate(sheets["text"])])

    figures |= abstention(complete, pixels, sheets, photos, answers)
    answers.close()
    refused = tuple(start for start, task in TASK_OF.items() if task in answers.refused)
    return {name: figure for name, figure in figures.items() if not name.startswith(refused)}


def pairs_to_ask(complete, pixels, sheets, photos):
    """[(key, picture, [(task, phrase, whether it is there)])]: on fully annotated photos their labels and some that are not there; on
    composites the things pasted and others, told by place where there are two."""
    R, asked = random.Random(0), []
    labels = sorted({b["label"] for r in complete for b in r["boxes"]})
    for r in complete:
        there = sorted({b["label"] for b in r["boxes"] if not b.get("crowd")})
        absent = R.sample([label for label in labels if label not in {b["label"] for b in r["boxes"]}], min(len(there) + 4, len(labels) - len(there) - 1))
        asked.append(("open " + r["key"], pixels[r["key"]], [("detect_open", label, label in there) for label in there + absent]))
        asked.append(("phrases " + r["key"], pixels[r["key"]], [("ground", label, label in there) for label in there + absent]))
    kinds = sorted({r["labels"][-1] for r in photos.rows.values() if r["source"] in ("caltech101", "grocery", "clothing")})
    for n, (sheet, placed) in enumerate(sheets["twins"] + sheets["regions"]):
        there = [name.split(" on the ")[0].removeprefix("the ") for name, *_ in placed]
        absent = R.sample([k for k in kinds if not any(k in t or t in k or KNOWN.get(k) == KNOWN.get(t, t) for t in there)], len(placed))
        absent = [f"the {k}{R.choice(('', '', ' on the left', ' on the right'))}" for k in absent]
        phrases = [(f"the {name.removeprefix('the ')}", True) for name, *_ in placed] + [(k, False) for k in absent]
        asked.append((f"sheet phrases {n}", sheet, [("ground", *p) for p in phrases]))
        asked.append((f"sheet open {n}", sheet, [("detect_open", there[i % len(there)] if truth else phrase.removeprefix("the ").split(" on the ")[0], truth)
                                                 for i, (phrase, truth) in enumerate(phrases)]))
    return asked


def surest(result):
    """The best score of an answer, 0 where it found nothing."""
    return max((o["score"] for o in result.get("objects") or []), default=0.0)


def abstention(complete, pixels, sheets, photos, answers):
    """Phrases whose thing is there and as many whose thing is not: how often something is found, and how well the scores part them."""
    scores = {}
    for key, picture, questions in pairs_to_ask(complete, pixels, sheets, photos):
        tasks = [{"task": "ground", "phrase": phrase} if task == "ground" else {"task": task, "labels": [phrase]} for task, phrase, _ in questions]
        for (task, _, there), result in zip(questions, answers.of(key, lambda p=picture: p, tasks)):
            if not is_refused(result):
                scores.setdefault((task, "composites" if key.startswith("sheet") else "COCO"), []).append((there, surest(result)))
    figures = {}
    for (task, where), pairs in sorted(scores.items()):
        yes, no = [s for t, s in pairs if t], [s for t, s in pairs if not t]
        area = np.mean([(a > b) + 0.5 * (a == b) for a in yes for b in no])
        print(f"abstention, {task}, {where}: area under the ROC {area:.3f} of {len(yes)} pairs there and {len(no)} absent; false answers / false abstentions at score "
              + ", ".join(f"{t}: {np.mean([s > 0 and s >= t for s in no]):.3f} / {np.mean([s == 0 or s < t for s in yes]):.3f}" for t in (0, 0.2, 0.4, 0.6, 0.8)))
        figures[f"false answers, {task}, {where}, absent"] = mean_of([s > 0 for s in no])
        figures[f"false abstentions, {task}, {where}, there"] = mean_of([s == 0 for s in yes])
    return figures


def difference(before, after, draws):
    """Of one figure of two bundles -> both, and the 95 % interval of after - before over pictures drawn for both at once."""
    (values, of), (others, of_before) = after, before
    assert len(values) == len(others), "not the same pictures"
    rng, n = np.random.default_rng(0), len(values)
    drawn = [of(at) - of_before(at) for at in (rng.integers(0, n, n) for _ in range(draws))]
    return of_before(np.arange(n)), of(np.arange(n)), float(np.percentile(drawn, 2.5)), float(np.percentile(drawn, 97.5))


def compare(before, after):
    """Prints the paired table of {figure: (values, function)} of two bundles; -> the figures that are worse beyond chance."""
    worse = []
    print("| figure | n | before | after | difference, 95 % of paired draws |\n| --- | --- | --- | --- | --- |")
    for name, figure in after.items():
        if name not in before:
            print(f"| {name.strip()} | {count_of(figure[0])} | - | {figure[1](np.arange(len(figure[0]))):.3f} | |", flush=True)
            continue
        old, new, low, high = difference(before[name], figure, draws_for(name))
        is_worse = low > 0 if name.startswith("false") else high < 0
        worse += [name.strip()] if is_worse else []
        print(f"| {name.strip()} | {count_of(figure[0])} | {old:.3f} | {new:.3f} | {new - old:+.3f} [{low:+.3f}, {high:+.3f}]{' worse' if is_worse else ''} |", flush=True)
    return worse


def draws_for(name):
    """How many bootstrap samples: gathering an AP anew takes long."""
    return 200 if "AP50" in name else 1000


def count_of(values):
    return f"{int(np.asarray(values)[:, 1].sum())} in {len(values)} pictures" if getattr(values, "ndim", 1) == 2 else str(len(values))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default=str(ROOT / "models/box/bundle"))
    parser.add_argument("--shared", default="../shared")
    parser.add_argument("--out", default="/tmp/florence-training/figures.jsonl", help="answers so far; asked for again, they are read from here")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--objects", type=int, default=200, help="object photos, the first by a hash of their key")
    parser.add_argument("--receipts", type=int, default=46)
    parser.add_argument("--task", action="append", default=[], help="only figures of these: caption, detect, detect_open, classify_regions, ground, segment, segment_regions, ocr")
    parser.add_argument("--compare", nargs=2, metavar="FILE", help="two files of answers to the same pictures")
    args = parser.parse_args()
    if args.compare:
        kept = [Answers(file, tasks=args.task) for file in args.compare]
        print(" -> ".join(one.identity["revision"][:19] for one in kept), flush=True)
        with contextlib.redirect_stdout(sys.stderr):
            before, after = (collect(args, answers) for answers in kept)
        worse = compare(before, after)
        print(f"\nWorse beyond chance: {', '.join(worse) or 'none'}.")
        sys.exit(1 if worse else 0)
    for name, (values, of) in collect(args, Answers(args.out, args.bundle, args.threads, args.task)).items():
        figure, low, high = interval(values, of, draws_for(name))
        print(f"{name}: {figure:.3f} [{low:.3f}, {high:.3f}], n {count_of(values)}", flush=True)
