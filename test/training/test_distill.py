"""
What a detector's boxes become for the small DaViT, and back; and that its loss is least where it says what its teachers say.

    python -m unittest discover -s test/training

Takes 3 seconds.
"""

import importlib.util
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))
HAS = all(importlib.util.find_spec(m) for m in ("torch", "PIL", "numpy", "safetensors", "tokenizers"))
LABELS = [f"thing {n}" for n in range(80)]
BOXES = [("thing 3", 0.9, (0.1, 0.1, 0.4, 0.5)), ("thing 7", 0.5, (0.6, 0.6, 0.9, 0.95)), ("thing 9", 0.1, (0.0, 0.0, 0.2, 0.2))]


@unittest.skipUnless(HAS, "no PyTorch or Pillow here: pip install -r training/requirements.txt")
class Distilled(unittest.TestCase):
    def setUp(self):
        from distill import taught

        self.taught = taught(BOXES, {label: n for n, label in enumerate(LABELS)})

    def test_boxes_come_back_from_their_cells(self):
        from distill import boxes_of_cells

        scores, sides, there = self.taught
        found = boxes_of_cells(scores, sides, LABELS)
        self.assertEqual(int(there.sum()), 2, "a box below the least score is not taught")
        self.assertEqual([(label, round(score, 3)) for label, score, _ in found], [("thing 3", 0.9), ("thing 7", 0.5)])
        for (_, _, box), (_, _, expected) in zip(found, BOXES):
            for value, wanted in zip(box, expected):
                self.assertAlmostEqual(value, wanted, places=6)

    def test_a_name_is_told_once_where_boxes_overlap(self):
        from distill import boxes_of_cells

        scores, sides, _ = self.taught
        row, column = 2, 2  # of the first box
        scores[3, row, column + 1] = 0.8
        sides[:, row, column + 1] = sides[:, row, column] + sides.new_tensor([1 / 8, 0, -1 / 8, 0])  # the same box, from the next cell
        self.assertEqual([label for label, _, _ in boxes_of_cells(scores, sides, LABELS)], ["thing 3", "thing 7"])

    def test_the_loss_is_least_for_what_the_teachers_say(self):
        import torch
        from distill import loss_of

        torch.manual_seed(0)
        scores, sides, there = (t[None] for t in self.taught)
        pooled, last = torch.rand(1, 1280), (torch.randn(1000, 1280) * 0.1, torch.zeros(1000))
        right = (pooled, torch.logit(scores, eps=1e-4), sides)
        least, parts = loss_of(right, pooled, scores, sides, there, last)
        self.assertAlmostEqual(parts[0], 0, places=5)
        self.assertAlmostEqual(parts[1], 0, places=4)
        for wrong in ((torch.rand(1, 1280), *right[1:]), (pooled, right[1].flip(1), sides), (*right[:2], sides + 0.1)):
            self.assertGreater(loss_of(wrong, pooled, scores, sides, there, last)[0].item(), least.item() + 0.01)


if __name__ == "__main__":
    unittest.main()
