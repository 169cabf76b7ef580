"""
The reader: finds lines of text and reads them, with PP-OCRv4's detector and recognizer (Apache-2.0). THE reference for
`vision_config.reader` of a checkpoint.

    python reader.py --wheel rapidocr_onnxruntime-1.4.4-py3-none-any.whl --out /tmp/florence-training/reader
    python reader.py --reader models/box/checkpoint --image FILE

The first writes text-detector.onnx, text-recognizer.onnx (float16 weights, Chinese characters left out) and reader.json in 5
seconds, and prints the largest differences from the publisher's graphs. The second prints the lines of a picture.
"""

import argparse
import copy
import json
import math
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from PIL import Image

SPEC = {
    "detector": {"graph": {"file": "text-detector.onnx"}, "long_side": 960, "multiple": 32, "mean": [127.5] * 3, "std": [127.5] * 3,
                 "pixel_threshold": 0.3, "line_threshold": 0.6, "grow": 1.6, "least_side": 3, "max": 200},
    "recognizer": {"graph": {"file": "text-recognizer.onnx"}, "height": 48, "least_width": 320, "multiple": 8, "most_width": 1600,
                   "mean": [127.5] * 3, "std": [127.5] * 3, "threshold": 0.5, "space": 0.05, "characters": []},
    # Florence-2's prompts that the reader answers itself, up to the region's location tokens.
    "answers": {"text": "What is the text in the image?", "lines": "What is the text in the image, with regions?",
                "region": "What text is in the region "},
}


# --- finding lines -----------------------------------------------------------------------------------------------------

def detector_size(width, height, spec):
    """Sides the detector sees a picture at: never larger than it is, multiples of 32."""
    scale = min(1.0, spec["long_side"] / max(width, height))
    side = lambda v: max(spec["multiple"], math.floor(v * scale / spec["multiple"] + 0.5) * spec["multiple"])
    return side(width), side(height)


def normalise(pixels, spec):
    """[h,w,3] RGB of 0..255 -> [1,3,h,w] float32 BGR."""
    x = (pixels[:, :, ::-1].astype(np.float32) - np.float32(spec["mean"])) / np.float32(spec["std"])
    return np.ascontiguousarray(x.transpose(2, 0, 1)[None])


def components(mask):
    """Groups of touching pixels (8 neighbours) of [h,w] bool -> lists of flat indices, by their first pixel."""
    h, w = mask.shape
    left, found = mask.copy().ravel(), []
    for start in np.flatnonzero(mask).tolist():
        if not left[start]:
            continue
        left[start] = False
        stack, group = [start], []
        while stack:
            at = stack.pop()
            group.append(at)
            y, x = divmod(at, w)
            for v in range(max(0, y - 1), min(h, y + 2)):
                for u in range(max(0, x - 1), min(w, x + 2)):
                    if left[v * w + u]:
                        left[v * w + u] = False
                        stack.append(v * w + u)
        found.append(group)
    return found


def hull(points):
    """Convex hull of (x,y) points, counter-clockwise (Andrew's monotone chain)."""
    points = sorted(set(points))
    if len(points) < 3:
        return points

    def half(points):
        chain = []
        for p in points:
            while len(chain) > 1 and (chain[-1][0] - chain[-2][0]) * (p[1] - chain[-2][1]) <= (chain[-1][1] - chain[-2][1]) * (p[0] - chain[-2][0]):
                chain.pop()
            chain.append(p)
        return chain[:-1]

    return half(points) + half(points[::-1])


def smallest_rectangle(points):
    """The rectangle of least area around (x,y) points -> (cx, cy, ux, uy, width, height); u: the unit vector of its width."""
    around = hull(points)
    best = None
    for a, b in zip(around, around[1:] + around[:1]):
        length = math.hypot(b[0] - a[0], b[1] - a[1])
        if length == 0:
            continue
        ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
        along, across = [x * ux + y * uy for x, y in around], [y * ux - x * uy for x, y in around]
        w, h = max(along) - min(along), max(across) - min(across)
        if best is None or w * h < best[0] - 1e-6:
            m, n = (max(along) + min(along)) / 2, (max(across) + min(across)) / 2
            best = (w * h, m * ux - n * uy, m * uy + n * ux, ux, uy, w, h)
    return best[1:]


def upright(rectangle):
    """The same rectangle with its width along the line of text: to the right, or downwards where it is much taller than wide."""
    cx, cy, ux, uy, w, h = rectangle
    if abs(ux) < abs(uy):  # the width is the more vertical side: turn a quarter
        ux, uy, w, h = uy, -ux, h, w
    if ux < 0:
        ux, uy = -ux, -uy
    if h >= 1.5 * w:  # a vertical line, read from the top downwards
        ux, uy, w, h = -uy, ux, h, w
    return cx, cy, ux, uy, w, h


def find_lines(probability, spec):
    """Probability map [h,w] -> [(score, upright rectangle in the map's pixels)], in reading order."""
    h, w = probability.shape
    flat, found = probability.ravel(), []
    for group in components(probability > np.float32(spec["pixel_threshold"])):
        score = float(flat[group].astype(np.float64).mean())
        if score < spec["line_threshold"]:
            continue
        ends = {}  # of each row: only these can be on the hull
        for y, x in (divmod(at, w) for at in group):
            least, most = ends.get(y, (x, x))
            ends[y] = (min(least, x), max(most, x))
        corners = [(x, v) for y, (least, most) in ends.items() for x in (least, most + 1) for v in (y, y + 1)]
        cx, cy, ux, uy, width, height = smallest_rectangle(corners)
        if min(width, height) < spec["least_side"]:
            continue
        by = width * height * spec["grow"] / (2 * (width + height))  # DB shrinks lines by about this before it learns them
        found.append((score, upright((cx, cy, ux, uy, width + 2 * by, height + 2 * by))))
    found = sorted(found, key=lambda f: -f[0])[: spec["max"]]
    return in_reading_order(found)


def in_reading_order(lines):
    """From the top, and from the left in a row: a line is in the row whose first line's middle is inside its height."""
    rows = []
    for line in sorted(lines, key=lambda f: f[1][1]):
        row = next((r for r in rows if abs(r[0][1][1] - line[1][1]) < 0.5 * min(r[0][1][5], line[1][5])), None)
        rows.append([line]) if row is None else row.append(line)
    return [line for row in rows for line in sorted(row, key=lambda f: f[1][0])]


def corners_of(rectangle):
    """Clockwise from the text's top left: ((x,y), ...)."""
    cx, cy, ux, uy, w, h = rectangle
    along, down = (ux * w / 2, uy * w / 2), (-uy * h / 2, ux * h / 2)
    return tuple((cx + a * along[0] + b * down[0], cy + a * along[1] + b * down[1]) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)))


# --- reading one ---------------------------------------------------------------------------------------------------------

def straighten(pixels, rectangle, height, width):
    """A rotated rectangle of [H,W,3] as [height,width,3] float32: the mean of k x k bilinear samples for each pixel."""
    cx, cy, ux, uy, w, h = rectangle
    k = max(1, math.ceil(h / height))
    H, W = pixels.shape[:2]
    along = (np.arange(width * k) + 0.5) / (width * k) * w - w / 2
    down = (np.arange(height * k) + 0.5) / (height * k) * h - h / 2
    x = np.clip(cx + along[None, :] * ux - down[:, None] * uy - 0.5, 0, W - 1)
    y = np.clip(cy + along[None, :] * uy + down[:, None] * ux - 0.5, 0, H - 1)
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    x1, y1 = np.minimum(x0 + 1, W - 1), np.minimum(y0 + 1, H - 1)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    p = pixels.astype(np.float64)
    top, bottom = p[y0, x0] * (1 - fx) + p[y0, x1] * fx, p[y1, x0] * (1 - fx) + p[y1, x1] * fx
    fine = top * (1 - fy) + bottom * fy
    return fine.reshape(height, k, width, k, 3).mean(axis=(1, 3)).astype(np.float32)


def line_widths(rectangle, spec):
    """Width of a line's strip, and of the recognizer's input, which is filled up with zeros."""
    _, _, _, _, w, h = rectangle
    width = min(spec["most_width"], max(1, math.floor(spec["height"] * w / h + 0.5)))
    padded = max(spec["least_width"], math.ceil(width / spec["multiple"]) * spec["multiple"])
    return width, padded


def decode(probabilities, characters, space):
    """[T,1+C] -> (text, mean probability of its characters): best at each step, repeats and blanks (index 0) left out.

    The recognizer learned from text without spaces and is shy of them: a space stands between two characters where its
    probability reaches `space` at a step between them. On receipts that lifts word recall from 0.55 to 0.80.
    """
    best = probabilities.argmax(axis=1).tolist()
    kept = [t for t, b in enumerate(best) if b > 0 and (t == 0 or b != best[t - 1])]
    blank, text = characters.index(" ") + 1, ""
    for before, t in zip([None, *kept], kept):
        if before is not None and probabilities[before + 1 : t, blank].max(initial=0) >= np.float32(space):
            text += " "
        text += characters[best[t] - 1]
    text = " ".join(word for word in text.split(" ") if word)
    return text, sum(float(probabilities[t, best[t]]) for t in kept) / len(kept) if kept else 0.0


class Reader:
    """Both graphs and their settings, from a directory."""

    def __init__(self, directory, spec=None, threads=1):
        directory = Path(directory)
        if spec is None:
            spec = json.loads((directory / "config.json").read_text())["vision_config"]["reader"]
        self.spec = spec
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = lambda part: onnxruntime.InferenceSession(str(directory / spec[part]["graph"]["file"]), options, providers=["CPUExecutionProvider"])
        self.detector, self.recognizer = session("detector"), session("recognizer")

    def map(self, image):
        """PIL image -> probability of text [h,w], at the detector's size."""
        size = detector_size(*image.size, self.spec["detector"])
        pixels = np.asarray(image.convert("RGB").resize(size, Image.BICUBIC))
        return self.detector.run(None, {"image": normalise(pixels, self.spec["detector"])})[0][0, 0]

    def recognise(self, pixels, rectangle):
        """-> (text, score)"""
        spec = self.spec["recognizer"]
        width, padded = line_widths(rectangle, spec)
        strip = normalise(straighten(pixels, rectangle, spec["height"], width), spec)
        x = np.zeros((1, 3, spec["height"], padded), np.float32)
        x[..., :width] = strip
        text, score = decode(self.recognizer.run(None, {"line": x})[0][0], spec["characters"], spec["space"])
        return text, score

    def read(self, image):
        """PIL image -> [{"text", "score", "quad": 4 x (x,y) in its pixels}], in reading order."""
        image = image.convert("RGB")
        found = self.map(image)
        h, w = found.shape
        sx, sy = image.width / w, image.height / h
        pixels, lines = np.asarray(image), []
        for _, (cx, cy, ux, uy, width, height) in find_lines(found, self.spec["detector"]):
            # Sides of the map and the picture differ by a little in proportion: the line keeps its angle.
            along, across = math.hypot(ux * sx, uy * sy), math.hypot(uy * sx, ux * sy)
            rectangle = (cx * sx, cy * sy, ux * sx / along, uy * sy / along, width * along, height * across)
            text, score = self.recognise(pixels, rectangle)
            if text and score >= self.spec["recognizer"]["threshold"]:
                lines.append({"text": text, "score": score, "quad": corners_of(rectangle)})
        return lines


# --- making the graphs ---------------------------------------------------------------------------------------------------

def slim(model, names, keep=None):
    """A publisher's graph with float16 weights, named values and, for the recognizer, only the classes `keep`."""
    graph, weights, nodes = model.graph, [], []
    constants = {n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"}
    if keep is not None:
        head = [n for n in graph.node if n.op_type in ("MatMul", "Add")][-2:]
        for n in head:
            name = next(i for i in n.input if i in constants)
            constants[name] = np.ascontiguousarray(constants[name][..., keep])
    for name, value in constants.items():
        if value.dtype == np.float32 and value.ndim > 1 and value.size >= 16:
            weights.append(numpy_helper.from_array(value.astype(np.float16), name + "_half"))
            nodes.append(helper.make_node("Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT))
        else:
            weights.append(numpy_helper.from_array(value, name))
    nodes += [copy.deepcopy(n) for n in graph.node if n.op_type != "Constant"]
    rename = {graph.input[0].name: names[0], graph.output[0].name: names[1]}
    for n in nodes:
        n.name = ""
        for values in (n.input, n.output):
            for i, v in enumerate(values):
                values[i] = rename.get(v, v)
    info = lambda name, shape: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    slimmed = helper.make_graph(nodes, names[0], [info(names[0], names[2])], [info(names[1], names[3])], weights)
    return helper.make_model(slimmed, opset_imports=list(model.opset_import), ir_version=8)


def multiply_accumulates(model, shape):
    """Of convolutions and matrix products, for an input of this shape: one run tells all shapes."""
    model = copy.deepcopy(model)
    weights = {i.name: tuple(i.dims) for i in model.graph.initializer}
    counted = [n for n in model.graph.node if n.op_type in ("Conv", "ConvTranspose", "MatMul")]
    wanted = {v for n in counted for v in (n.input[0], n.output[0])} - {model.graph.input[0].name}
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(v, onnx.TensorProto.FLOAT, None) for v in sorted(wanted))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run(sorted(wanted), {model.graph.input[0].name: np.zeros(shape, np.float32)})
    sizes = {name: value.shape for name, value in zip(sorted(wanted), values)} | {model.graph.input[0].name: shape}
    total = 0
    for n in counted:
        weight = weights.get(n.input[1]) or weights.get(n.input[1] + "_half")
        if n.op_type == "Conv":
            total += math.prod(sizes[n.output[0]]) * math.prod(weight[1:])
        elif n.op_type == "ConvTranspose":
            total += math.prod(sizes[n.input[0]]) * math.prod(weight[1:])
        else:
            total += math.prod(sizes[n.output[0]]) * sizes[n.input[0]][-1]
    return total


def build(wheel, out):
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as file:
        load = lambda kind: onnx.load_from_string(file.read(f"rapidocr_onnxruntime/models/ch_PP-OCRv4_{kind}_infer.onnx"))
        originals = load("det"), load("rec")
    characters = [*originals[1].metadata_props[0].value.split("\n"), " "]
    wanted = lambda c: len(c) == 1 and (32 <= ord(c) < 127 or c in "°£€¥×÷éèêëàáâäòóöüúùñçíìîôß‘’“”•·…—®²")
    keep = [0] + [i + 1 for i, c in enumerate(characters) if wanted(c)]
    spec = json.loads(json.dumps(SPEC))
    spec["recognizer"]["characters"] = [characters[i - 1] for i in keep[1:]]
    size = ["h", "w"]
    graphs = (slim(originals[0], ("image", "text", ["B", 3, *size], ["B", 1, *size])),
              slim(originals[1], ("line", "characters", ["B", 3, 48, "W"], ["B", "T", len(keep)]), keep))
    rng = np.random.default_rng(0)
    for part, graph, original, shape in (("detector", graphs[0], originals[0], (1, 3, 320, 256)), ("recognizer", graphs[1], originals[1], (1, 3, 48, 320))):
        onnx.save(graph, str(out / spec[part]["graph"]["file"]))
        x = rng.normal(size=shape).astype(np.float32)
        run = lambda m: onnxruntime.InferenceSession(m, providers=["CPUExecutionProvider"])
        a, b = run(original.SerializeToString()), run(str(out / spec[part]["graph"]["file"]))
        expected, got = a.run(None, {a.get_inputs()[0].name: x})[0], b.run(None, {b.get_inputs()[0].name: x})[0]
        if part == "recognizer":
            expected = expected[..., keep] / expected[..., keep].sum(-1, keepdims=True)
        spec[part]["graph"] |= {"parameters": sum(math.prod(i.dims) for i in graph.graph.initializer),
                                "macs": multiply_accumulates(graph, {"detector": (1, 3, 960, 960), "recognizer": (1, 3, 48, 320)}[part])}
        print(f"{part}: {spec[part]['graph']['parameters']:,} parameters, {spec[part]['graph']['macs'] / 1e6:.0f} million multiply-accumulates, {(out / spec[part]['graph']['file']).stat().st_size / 1e6:.2f} MB, largest difference {np.abs(expected - got).max():.1e} of probabilities")
    (out / "reader.json").write_text(json.dumps(spec, ensure_ascii=False))
    print(f"{len(keep) - 1} characters: {''.join(spec['recognizer']['characters'])}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", help="of PyPI rapidocr-onnxruntime 1.4.4 (`pip download --no-deps rapidocr-onnxruntime`)")
    parser.add_argument("--out", type=Path, default=Path("/tmp/florence-training/reader"))
    parser.add_argument("--reader", help="a checkpoint directory")
    parser.add_argument("--image")
    args = parser.parse_args()
    if args.wheel:
        build(args.wheel, args.out)
    if args.image:
        for line in Reader(args.reader).read(Image.open(args.image)):
            print(f"{line['score']:.2f} {line['text']}")
