"""
A tower's plan in ONNX Runtime, for passes over many photos: four to five times faster than `run_plan`, which stays the
reference.

    python runtime.py

Takes 5 seconds; prints the largest differences from `run_plan` and both times.
"""

import json
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file

import near
from model import closer, prepare, read_boxes, read_tags, run_plan

UNARY = {"relu": "Relu", "sigmoid": "Sigmoid"}


def plan_session(tower, tensors, outputs, threads=1):
    """-> a function from images [B,3,S,S] (float32) to {value: torch tensor}, for the named values of the tower's plan."""
    nodes, weights = [], {}

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def constant(name, array):
        weights[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    for step in tower["plan"]:
        op, out, x = step["op"], step["output"], step.get("input")
        if "weight" in step:
            constant(step["weight"], tensors[step["weight"]].float().numpy())
            constant(step["bias"], tensors[step["bias"]].float().numpy())
        if op == "conv":
            act = step["activation"]
            y = node("Conv", [x, step["weight"], step["bias"]], out if act == "none" else out + "_linear",
                     strides=[step["stride"]] * 2, pads=step["padding"], group=step["groups"])
            if act in UNARY:
                node(UNARY[act], [y], out)
            elif act == "relu6":
                node("Clip", [y, constant("zero", np.float32(0)), constant("six", np.float32(6))], out)
            elif act == "silu":
                node("Mul", [y, node("Sigmoid", [y], out + "_gate")], out)
        elif op == "max_pool":
            node("MaxPool", [x], out, kernel_shape=[step["kernel"]] * 2, strides=[step["stride"]] * 2, pads=step["padding"])
        elif op == "average_pool":
            node("GlobalAveragePool", [x], out)
        elif op == "upsample_nearest":
            scales = constant(f"scale{step['scale']}", np.float32([1, 1, step["scale"], step["scale"]]))
            node("Resize", [x, "", scales], out, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        elif op == "concat":
            node("Concat", step["inputs"], out, axis=1)
        elif op == "add":
            node("Add", step["inputs"], out)
        elif op == "space_to_depth":
            ends, axes, steps = (constant(n, np.int64(v)) for n, v in (("ends", [2**40] * 2), ("axes", [2, 3]), ("steps", [2, 2])))
            corners = [node("Slice", [x, constant(f"at{r}{c}", np.int64([r, c])), ends, axes, steps], f"{out}_{r}{c}") for r, c in ((0, 0), (1, 0), (0, 1), (1, 1))]
            node("Concat", corners, out, axis=1)
        elif op == "linear":
            node("Gemm", [node("Flatten", [x], out + "_flat", axis=1), step["weight"], step["bias"]], out, transB=1)
        elif op == "flatten_grid":
            last = node("Transpose", [x], out + "_last", perm=[0, 2, 3, 1])
            node("Reshape", [last, constant("grid", np.int64([0, -1, 5 + len(tower["labels"])]))], out)
        else:
            raise ValueError(f"unknown step {op}")
    size = tower["input"]["size"]
    graph = helper.make_graph(
        nodes, tower["name"], [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["B", 3, size, size])],
        [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs], list(weights.values()))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda images: {o: torch.from_numpy(v) for o, v in zip(outputs, session.run(outputs, {"image": images.numpy()}))}


class Towers:
    """Both towers in ONNX Runtime: `look` as in model.py, and the pooled features."""

    def __init__(self, vision, tensors, threads=1):
        self.eyes, self.finder = vision["towers"][:2]
        self.see = plan_session(self.eyes, tensors, ["pooled", *[self.eyes["outputs"][h["output"]] for h in self.eyes["heads"]]], threads)
        self.find = plan_session(self.finder, tensors, list(self.finder["outputs"].values()), threads)

    def tags(self, images):
        """PIL images -> [(tags, pooled [1280])]"""
        values = self.see(torch.stack([prepare(i, self.eyes["input"])[0] for i in images]))
        return [(read_tags({k: v[n : n + 1] for k, v in values.items()}, self.eyes), values["pooled"][n].flatten()) for n in range(len(images))]

    def boxes(self, images):
        """PIL images -> [boxes]"""
        prepared = [prepare(i, self.finder["input"]) for i in images]
        values = self.find(torch.stack([x for x, _ in prepared]))
        return [read_boxes({k: v[n : n + 1] for k, v in values.items()}, self.finder, scale) for n, (_, scale) in enumerate(prepared)]

    def cells(self, image):
        """PIL image -> the detector's cells, as near.py takes them."""
        x, scale = prepare(image, self.finder["input"])
        return (*near.cells(self.find(x[None]), self.finder, scale), self.finder["labels"])

    def near_features(self, image, rules=near.NEAR):
        """PIL image -> [(label, score, box in pixels)] of the candidates, and (tags, pooled) of the first ones' crops."""
        found = near.candidates(*self.cells(image), rules)
        crops = [closer(image, box) for _, _, box in found[: rules["closer"]]]
        return found, self.tags(crops) if crops else []

    def look(self, image):
        return {"tags": self.tags([image])[0][0], "boxes": self.boxes([image])[0], "size": image.size}


if __name__ == "__main__":
    work = Path("/tmp/florence-training/towers")
    vision, tensors = json.loads((work / "towers.json").read_text()), load_file(str(work / "towers.safetensors"))
    torch.set_num_threads(1)
    for tower in vision["towers"]:
        names = list(tower["outputs"].values())
        run, x = plan_session(tower, tensors, names), 100 * torch.randn(2, 3, tower["input"]["size"], tower["input"]["size"])
        began = time.time()
        with torch.no_grad():
            expected = run_plan(tower["plan"], tensors, x)
        middle = time.time()
        got = run(x)
        ended = time.time()
        worst = max(((got[n] - expected[n]).abs().max() / expected[n].abs().max()).item() for n in names)
        print(f"{tower['name']}: largest difference {worst:.1e} of the outputs' scale; {middle - began:.2f} s and {ended - middle:.2f} s for two images")
