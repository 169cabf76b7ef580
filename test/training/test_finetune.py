"""
Labels of a fine-tune are checked, and a grown detector says what it said where nothing new is seen.

    python -m unittest discover -s test/training

Takes 5 seconds.
"""

import importlib.util
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))
HAS = all(importlib.util.find_spec(m) for m in ("torch", "onnxruntime", "onnx", "safetensors"))
GOOD = '{"image":"a.jpg","objects":[{"label":"a","box":{"x_min":0,"y_min":0,"x_max":5,"y_max":9}}]}'


@unittest.skipUnless(HAS, "no PyTorch or ONNX Runtime here: pip install -r training/requirements.txt")
class Finetune(unittest.TestCase):
    def read(self, text):
        from finetune import read_labels
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "labels.jsonl"
            file.write_text(text)
            return read_labels(file)

    def test_faults_are_told_with_their_line(self):
        for line, fault in (
            ("{", r"line 2: .*docs/evaluate\.md"),
            ('{"image":"a.jpg"}', "line 2: 'objects' is missing"),
            (GOOD.replace('"x_max":5', '"x_max":0'), "line 2: the box .* has no area"),
            (GOOD.replace('"label":"a"', '"label":" "'), "line 2: a label is empty"),
        ):
            with self.assertRaisesRegex(SystemExit, fault):
                self.read(f"{GOOD}\n{line}\n")
        with self.assertRaisesRegex(SystemExit, "nothing to learn"):
            self.read('{"image":"a.jpg","objects":[]}\n')
        self.assertEqual(self.read(GOOD), [{"image": "a.jpg", "boxes": [("a", (0.0, 0.0, 5.0, 9.0))]}])

    def test_a_grown_detector_keeps_its_answers(self):
        import json

        import torch
        from finetune import Grown, Heads, grow
        from model import run_plan
        from safetensors.torch import load_file
        checkpoint = ROOT / "models" / "box" / "checkpoint"
        tower = next(t for t in json.loads((checkpoint / "config.json").read_text())["vision_config"]["towers"] if t["kind"] == "detector")
        tensors = {k: t.float() for k, t in load_file(str(checkpoint / "model.safetensors")).items()}
        torch.manual_seed(0)
        x = 255 * torch.rand(1, 3, 128, 128)
        with torch.no_grad():
            before = run_plan(tower["plan"], tensors, x)
            heads, old = Heads(tower), len(tower["labels"])
            grown = Grown(heads, tensors, 2)
            for n in range(3):  # the first stride sees the new thing everywhere, the others nowhere
                grown.named()[f"g{n}.bias"][:] = 3.0 if n == 0 else -5.0
            grow(tower, tensors, heads, grown, ["starfish", "dog"])
            after = run_plan(tower["plan"], tensors, x)
        self.assertEqual(tower["labels"][-1], "starfish")
        self.assertEqual(len(tower["labels"]), old + 1, "a dog was known")
        for stride in (16, 32):
            was, now = before[f"stride_{stride}"], after[f"stride_{stride}"]
            self.assertLess((was - now[..., : 5 + old]).abs().max().item(), 1e-5)
            self.assertLess(now[..., 5 + old].max().item(), 0.02)
        now = after["stride_8"]
        self.assertTrue(torch.equal(now[..., :4], before["stride_8"][..., :4]), "boxes stay")
        self.assertGreater(now[..., 4].min().item(), 0.99)
        self.assertTrue(torch.allclose(now[..., 5 + old], torch.tensor(3.0).sigmoid(), atol=1e-4))
        dog = tower["labels"].index("dog")
        others = [5 + k for k in range(old) if k != dog]
        self.assertLess(now[..., others].max().item(), 0.01)


if __name__ == "__main__":
    unittest.main()
