"""
What a round of refining teaches is what its records show.

    python -m unittest discover -s test/training

Takes a second; needs nothing but Python.
"""

import json
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))


def region(text, about="object"):
    return {"kind": "region_text", "about": about, "text": text, "region": {"box": {"x_min": 1, "y_min": 2, "x_max": 30, "y_max": 40}}}


def record(path, *annotations):
    return json.dumps({"photo": {"path": path, "width": 50, "height": 60}, "annotations": annotations})


class Round(unittest.TestCase):
    def test_names_with_enough_boxes_are_taught_and_photos_without_them_stay(self):
        from refine_round import lines_to_learn
        lines, taught = lines_to_learn([
            record("a.webp", region("Starfish "), region("starfish"), region("lamp"), region("EXIT", "writing")),
            "",
            record("b.webp", {"kind": "text", "level": "brief", "text": "a starfish"}, region("salient object", "salient")),
        ], least=2)
        self.assertEqual(taught, {"starfish": 2})
        box = {"x_min": 1, "y_min": 2, "x_max": 30, "y_max": 40}
        self.assertEqual(lines, [
            {"image": "a.webp", "width": 50, "height": 60, "objects": [{"label": "starfish", "box": box}] * 2},
            {"image": "b.webp", "width": 50, "height": 60, "objects": []},
        ])

    def test_nothing_is_taught_of_few_boxes(self):
        from refine_round import lines_to_learn
        self.assertEqual(lines_to_learn([record("a.webp", region("lamp"))], least=2)[1], {})


if __name__ == "__main__":
    unittest.main()
