"""Makes the vectors of the metrics with the official tools. Long: one tool after the other.

Command, a minute; needs Java for the captions:

    pip install pycocotools==2.0.11 pycocoevalcap==1.2 jiwer==4.0.0 Polygon3==3.0.9.1 prettytable rapidfuzz
    python test/evaluate/vectors/make_metric_vectors.py TOOLS

TOOLS is a folder with three files of others, which are loaded as they are:

    m4c_evaluators.py      facebookresearch/mmf, mmf/utils/
    flickr_eval.py         ashkamath/mdetr, datasets/
    text_eval_script.py    ICDAR 2015's evaluation script as AdelaiDet has it,
                           aim-uofa/AdelaiDet, adet/evaluation/

Truth and answers are random but shaped like real ones: boxes of all sizes,
answers near the truth, beside it and without any, ties of scores, crowds, empty
images, images without answers, more than 100 answers. Seeds are fixed.
"""

import contextlib
import importlib.util
import io
import json
import math
import random
import sys
import tempfile
import types
from pathlib import Path

import jiwer
import numpy as np
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.rouge.rouge import Rouge
from pycocotools import mask as masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

HERE = Path(__file__).parent
STATS = "AP AP50 AP75 APsmall APmedium APlarge AR1 AR10 AR100 ARsmall ARmedium ARlarge".split()


# ---------------------------------------------------------------- detection

def random_box(rng, width, height):
    """A box of any size, whole or fractional pixels."""
    w = min(width * 0.95, math.exp(rng.uniform(math.log(5), math.log(width))))
    h = min(height * 0.95, w * math.exp(rng.gauss(0, 0.5)))
    x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
    digits = rng.choice([0, 2])
    return [round(v, digits) for v in (x, y, max(1, w), max(1, h))]


def near(rng, box, spread):
    x, y, w, h = box
    shifted = [x + rng.gauss(0, spread) * w, y + rng.gauss(0, spread) * h]
    return [round(v, 2) for v in (*shifted, max(1, w * math.exp(rng.gauss(0, spread))), max(1, h * math.exp(rng.gauss(0, spread))))]


def blob(rng, box):
    """A ring around the middle of a box."""
    x, y, w, h = box
    corners = rng.randint(3, 14)
    ring = []
    for at in range(corners):
        angle = 2 * math.pi * at / corners
        radius = rng.uniform(0.6, 1.0)
        ring += [round(x + w / 2 + radius * w / 2 * math.cos(angle), 2), round(y + h / 2 + radius * h / 2 * math.sin(angle), 2)]
    return ring


def polygons(rng, box):
    rings = [blob(rng, box)]
    if rng.random() < 0.2:
        x, y, w, h = box
        rings.append(blob(rng, [x + 0.6 * w, y, 0.5 * w, 0.5 * h]))
    return rings


def to_rle(rings, width, height):
    return masks.merge(masks.frPyObjects(rings, height, width))


def text_rle(rle):
    return {"size": rle["size"], "counts": rle["counts"].decode()}


def runs(rle):
    """COCO's uncompressed form, which crowds have."""
    flat = masks.decode(rle).flatten(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *edges, len(flat)]).tolist()
    return {"size": rle["size"], "counts": lengths if flat[0] == 0 else [0, *lengths]}


def detection_case(name, seed, images, categories, kind, one_class=False, sizes=((640, 480), (333, 500), (97, 120))):
    rng = random.Random(seed)
    truths, answers, pictures = [], [], []
    for image in range(1, images + 1):
        width, height = rng.choice(sizes)
        pictures.append({"id": image, "width": width, "height": height})
        count = rng.choice([0, 1, 2, 3, 5, 8, 14])
        boxes = []
        for _ in range(count):
            box = random_box(rng, width, height)
            if boxes and rng.random() < 0.15:
                box = near(rng, boxes[-1][0], 0.1)
            category = rng.randint(1, categories)
            boxes.append((box, category))
            crowd = int(rng.random() < 0.08)
            truth = {"id": len(truths) + 1, "image_id": image, "category_id": category, "bbox": box, "iscrowd": crowd}
            if kind == "segm":
                rings = polygons(rng, box)
                rle = to_rle(rings, width, height)
                form = rng.random()
                truth["segmentation"] = runs(rle) if crowd else rings if form < 0.7 else text_rle(rle)
                truth["area"] = float(masks.area(rle))
            else:
                truth["area"] = round(box[2] * box[3] * rng.choice([1, 0.7]), 2)
            truths.append(truth)
        if rng.random() < 0.1:
            continue  # nothing was found here
        found = []
        for box, category in boxes:
            if rng.random() < 0.2:
                continue
            for _ in range(rng.choice([1, 1, 1, 2])):
                guess = category if rng.random() < 0.85 else rng.randint(1, categories)
                found.append((near(rng, box, rng.choice([0.02, 0.06, 0.2])), guess))
        found += [(random_box(rng, width, height), rng.randint(1, categories)) for _ in range(rng.choice([0, 0, 2, 6]))]
        if image == 3:
            found += [(random_box(rng, width, height), 1) for _ in range(130)]
        for box, category in found:
            score = round(rng.random(), rng.choice([1, 1, 3]))
            answer = {"image_id": image, "category_id": 1 if one_class else category, "score": score}
            if kind == "segm":
                answer["segmentation"] = text_rle(to_rle(polygons(rng, box), width, height))
            else:
                answer["bbox"] = box
            answers.append(answer)
    if one_class:
        # Without categories the tool takes objects by category.
        truths.sort(key=lambda t: (t["image_id"], t["category_id"]))
    stats = coco_stats(pictures, truths, answers, categories, kind, one_class)
    return {"name": name, "kind": kind, "agnostic": one_class, "images": pictures, "truths": truths, "answers": answers, "figures": stats}


def coco_stats(pictures, truths, answers, categories, kind, one_class):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "info": {}, "images": pictures, "annotations": json.loads(json.dumps(truths)),
            "categories": [{"id": c, "name": f"c{c}"} for c in range(1, categories + 1)],
        }
        truth.createIndex()
        result = truth.loadRes(json.loads(json.dumps(answers)))
        judge = COCOeval(truth, result, kind)
        judge.params.useCats = 0 if one_class else 1
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return {name: None if value == -1 else float(value) for name, value in zip(STATS, judge.stats)}


def mask_cases():
    """Rings of every kind, with their pixels as pycocotools has them."""
    rng = random.Random(5)
    rows = []
    for at in range(160):
        width, height = rng.randint(3, 60), rng.randint(3, 60)
        corners = rng.randint(3, 9)
        digits = rng.choice([0, 1, 2])
        out = 0.3 if at % 4 == 0 else 0
        rings = []
        for _ in range(rng.choice([1, 1, 2])):
            ring = []
            for _ in range(corners):
                ring += [round(rng.uniform(-out * width, (1 + out) * width), digits), round(rng.uniform(-out * height, (1 + out) * height), digits)]
            if rng.random() < 0.3:
                ring += ring[:2]  # closed
            if rng.random() < 0.2:
                ring = ring[:4] + ring[2:]  # a corner twice
            rings.append(ring)
        rle = to_rle(rings, width, height)
        other = to_rle([blob(rng, [0, 0, width, height])], width, height)
        rows.append({
            "width": width, "height": height, "rings": rings, "counts": runs(rle)["counts"], "text": rle["counts"].decode(),
            "area": int(masks.area(rle)), "other": other["counts"].decode(),
            "iou": float(masks.iou([rle], [other], [0])[0][0]), "crowdIou": float(masks.iou([rle], [other], [1])[0][0]),
        })
    return rows


# ----------------------------------------------------------------- captions

def caption_cases():
    """BLEU and ROUGE-L on the captions of cider.json, tokenised as there."""
    from make_vectors import tokenize

    rows = []
    for case in json.loads((HERE / "cider.json").read_text("utf8")):
        items = case["items"]
        words = iter(tokenize([c for i in items for c in (i["candidate"], *i["references"])]))
        answers, references = {}, {}
        for at, item in enumerate(items):
            answers[at] = [" ".join(next(words))]
            references[at] = [" ".join(next(words)) for _ in item["references"]]
        with contextlib.redirect_stdout(io.StringIO()):
            bleu, _ = Bleu(4).compute_score(references, answers)
        rouge, each = Rouge().compute_score(references, answers)
        rows.append({"name": case["name"], "bleu": [float(b) for b in bleu], "rouge": float(rouge), "rouges": [float(r) for r in each]})
    return rows


# ---------------------------------------------------------------- grounding

def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def grounding_case(tools):
    """Phrases of 60 photos, through files as Flickr30k Entities has them."""
    util = types.ModuleType("util")
    util.dist = types.ModuleType("util.dist")
    sys.modules.update({"util": util, "util.dist": util.dist})
    judge = load(tools / "flickr_eval.py", "flickr_eval")
    rng = random.Random(11)
    photos = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "Annotations").mkdir()
        (root / "Sentences").mkdir()
        predictions = []
        for photo in range(60):
            width, height = rng.choice([(500, 375), (333, 500)])
            chains = {}
            objects = ""
            for chain in range(rng.randint(1, 5)):
                boxes = []
                for _ in range(rng.choice([1, 1, 1, 2, 3])):
                    x, y, w, h = (int(v) for v in random_box(rng, width, height))
                    boxes.append([x, y, x + max(2, w), y + max(2, h)])
                chains[str(100 + chain)] = boxes
                for x0, y0, x1, y1 in boxes:
                    objects += f"<object><name>{100 + chain}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            (root / "Annotations" / f"{photo}.xml").write_text(f"<annotation><size><width>{width}</width><height>{height}</height><depth>3</depth></size>{objects}</annotation>")
            sentences = []
            for sentence in range(2):
                ids = rng.sample(list(chains), rng.randint(1, len(chains)))
                sentences.append(" and ".join(f"[/EN#{c}/people the thing]" for c in ids) + " .")
                answers = []
                for chain in ids:
                    truth = rng.choice(chains[chain])
                    ranked = [near(rng, [truth[0], truth[1], truth[2] - truth[0], truth[3] - truth[1]], rng.choice([0.05, 0.2, 0.5])) for _ in range(rng.choice([1, 3, 12]))]
                    rng.shuffle(ranked)
                    answers.append([[x, y, x + w, y + h] for x, y, w, h in ranked])
                predictions.append({"image_id": str(photo), "sentence_id": sentence, "boxes": answers})
                photos.append({"phrases": [{"truths": chains[c], "answers": a} for c, a in zip(ids, answers)]})
            (root / "Sentences" / f"{photo}.txt").write_text("\n".join(sentences))
        (root / "test.txt").write_text("\n".join(str(p) for p in range(60)))
        figures = {}
        for protocol, merged in (("any-box", False), ("merged-box", True)):
            report = judge.Flickr30kEntitiesRecallEvaluator(root, "test", (1, 5, 10), 0.5, merged, verbose=False).evaluate(predictions)
            figures[protocol] = [report[k]["all"] for k in (1, 5, 10)]
    return {"phrases": [phrase for photo in photos for phrase in photo["phrases"]], "figures": figures}


def referring_case():
    """Boxes and outlines of one phrase each, overlaps by pycocotools."""
    rng = random.Random(13)
    rows = []
    for at in range(120):
        width, height = rng.choice([(640, 480), (120, 90)])
        box = random_box(rng, width, height)
        answer = near(rng, box, rng.choice([0.05, 0.2, 0.4])) if at % 15 else None
        rings = polygons(rng, box)
        outline = polygons(rng, answer) if answer else None
        truth = to_rle(rings, width, height)
        guess = to_rle(outline, width, height) if outline else None
        both = int(masks.area(masks.merge([truth, guess], intersect=True))) if guess else 0
        either = int(masks.area(masks.merge([truth, guess]))) if guess else int(masks.area(truth))
        rows.append({
            "width": width, "height": height, "box": box, "answer": answer, "rings": rings, "outline": outline,
            "overlap": float(masks.iou(np.array([answer]), np.array([box]), [0])[0][0]) if answer else 0.0,
            "iou": float(masks.iou([guess], [truth], [0])[0][0]) if guess else 0.0, "both": both, "either": either,
        })
    return {
        "rows": rows,
        "accuracy": float(np.mean([row["overlap"] >= 0.5 for row in rows])),
        "meanIou": float(np.mean([row["iou"] for row in rows])),
        "overallIou": sum(r["both"] for r in rows) / sum(r["either"] for r in rows),
    }


# --------------------------------------------------------------------- text

WORDS = "the a an exit no. 7 seven none two stop-sign don't dont its 3.5 $5,000 café u.s.a. yes no coca-cola pepsi's 10:30 (left) red/blue it's".split()


def vqa_cases(tools):
    module = load(tools / "m4c_evaluators.py", "m4c_evaluators")
    judge = module.TextVQAAccuracyEvaluator()
    rng = random.Random(17)
    spellings = list(module.EvalAIAnswerProcessor.CONTRACTIONS) + list(module.EvalAIAnswerProcessor.CONTRACTIONS.values())
    odd = ["", " ", "The Dog.", "a.b.c", "3.14", "1,000", "what?", "x-y z", "x -y z", "Bob's", "hello\nworld\tagain", "[a] {b}", "it`s", "N/A", "٣.٤", "50 %", "50%", "." * 40 + "x", "'Ow's'at"]
    texts = odd + spellings + [" ".join(rng.choices(WORDS, k=rng.randint(1, 4))) for _ in range(300)]
    process = module.EvalAIAnswerProcessor()
    questions = []
    for _ in range(200):
        truth = " ".join(rng.choices(WORDS, k=rng.randint(1, 3)))
        variants = [truth, truth.upper(), truth + ".", "the " + truth, truth.replace("'", ""), " ".join(rng.choices(WORDS, k=2))]
        people = [rng.choice(variants) for _ in range(10)]
        answer = rng.choice([*variants, "nothing of it"])
        questions.append({"answer": answer, "people": people, "accuracy": judge.eval_pred_list([{"pred_answer": answer, "gt_answers": people}])})
    return {"normalized": [[text, process(text)] for text in texts], "questions": questions}


def error_cases():
    rng = random.Random(19)
    pairs = []
    for _ in range(150):
        truth = " ".join(rng.choices(WORDS, k=rng.randint(1, 12)))
        letters = list(truth)
        for _ in range(rng.choice([0, 1, 3, len(letters) // 2])):
            at = rng.randrange(len(letters))
            letters[at : at + rng.choice([0, 1, 2])] = rng.choice(["", "x", "  ", "é"])
        read = rng.choice(["".join(letters), "", truth]) if rng.random() < 0.2 else "".join(letters)
        pairs.append([read, truth])
    truths, reads = [t for _, t in pairs], [r for r, _ in pairs]
    return {
        "pairs": pairs, "cer": jiwer.cer(truths, reads), "wer": jiwer.wer(truths, reads),
        "cers": [jiwer.cer(t, r) for r, t in pairs], "wers": [jiwer.wer(t, r) for r, t in pairs],
    }


def spotting_case(tools):
    funcs = types.ModuleType("rrc_evaluation_funcs")
    adet, evaluation = types.ModuleType("adet"), types.ModuleType("adet.evaluation")
    evaluation.rrc_evaluation_funcs = funcs
    rapidfuzz = types.ModuleType("rapidfuzz")
    rapidfuzz.string_metric = None  # asked for word spotting alone
    sys.modules.update({"adet": adet, "adet.evaluation": evaluation, "rapidfuzz": rapidfuzz})
    rng = random.Random(23)
    images = []
    for at in range(50):
        truths, answers = [], []
        for _ in range(rng.choice([0, 1, 4, 9])):
            x, y, w, h = (int(v) for v in random_box(rng, 600, 400))
            w, h, lean = max(8, w), max(6, h // 3), rng.randint(-6, 6)
            quad = [[x, y], [x + w, y + lean], [x + w, y + h + lean], [x, y + h]]
            text = rng.choice(["###", "###", *WORDS, "(Open)", "TOTAL:", "'quoted'", "A B"])
            truths.append({"quad": quad, "text": text})
            if rng.random() < 0.8:
                for _ in range(rng.choice([1, 1, 2])):
                    moved = [[px + rng.randint(-w // 6, w // 6), py + rng.randint(-h // 5 - 1, h // 5 + 1)] for px, py in quad]
                    said = rng.choice([text, text, text.upper(), text.strip("(:')"), text[1:], text + "x"])
                    answers.append({"quad": moved, "text": said})
        if at % 7 == 0:
            answers.append({"quad": [[1, 1], [50, 1], [50, 20], [1, 20]], "text": "extra"})
        rng.shuffle(answers)
        images.append({"truths": truths, "answers": answers})
    funcs.load_zip_file = lambda rows, *_: {str(i): image[rows] for i, image in enumerate(images)}
    funcs.decode_utf8 = lambda rows: rows

    def lines(rows, *_):
        return [[v for p in r["quad"] for v in p] for r in rows], [], [r["text"] for r in rows]

    funcs.get_tl_line_values_from_file_contents = lines
    funcs.get_tl_line_values_from_file_contents_det = lines
    judge = load(tools / "text_eval_script.py", "text_eval_script")
    params = {**judge.default_evaluation_params(), "WORD_SPOTTING": False}
    result = judge.evaluate_method("truths", "answers", params)
    read = lambda text: [float(part.split(":")[1]) for part in text.split(": ", 1)[1].split(",")]
    return {"images": images, "endToEnd": read(result["e2e_method"]), "detection": read(result["det_only_method"])}


def dump(name, value):
    rows = value if isinstance(value, list) else [value]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    (HERE / name).write_text(f"[\n{lines}\n]\n", "utf8")
    print(name, len(rows), "rows")


def main(tools):
    dump("masks.json", mask_cases())
    dump("detection.json", [
        detection_case("boxes, 40 images, 6 categories", 1, 40, 6, "bbox"),
        detection_case("boxes, 12 images, one category", 2, 12, 1, "bbox"),
        detection_case("boxes, 3 images, 30 categories, most absent", 3, 3, 30, "bbox"),
        detection_case("masks, 18 images, 4 categories", 4, 18, 4, "segm", sizes=((120, 90), (64, 100), (200, 150))),
        detection_case("proposals, 40 images, categories ignored", 6, 40, 5, "bbox", one_class=True),
    ])
    dump("captions.json", caption_cases())
    dump("grounding.json", grounding_case(tools))
    dump("referring.json", referring_case())
    dump("vqa.json", vqa_cases(tools))
    dump("text-errors.json", error_cases())
    dump("text-spotting.json", spotting_case(tools))


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main(Path(sys.argv[1]))
