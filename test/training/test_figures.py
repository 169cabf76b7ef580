"""
Figures of two bundles are compared over the same pictures, and answers outlive a run that was killed.

    python -m unittest discover -s test/training

Takes 3 seconds.
"""

import contextlib
import importlib.util
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))
HAS = all(importlib.util.find_spec(m) for m in ("torch", "PIL", "scipy", "numpy"))


@unittest.skipUnless(HAS, "no PyTorch, Pillow or SciPy here: pip install -r training/requirements.txt")
class Figures(unittest.TestCase):
    def test_a_difference_is_of_pictures_drawn_for_both(self):
        from figures import difference, mean_of
        hard = [0.0, 1.0] * 50
        better = [v + 0.1 for v in hard]  # of every picture the same, however hard it is
        old, new, low, high = difference(mean_of(hard), mean_of(better), 200)
        self.assertAlmostEqual(old, 0.5), self.assertAlmostEqual(new, 0.6)
        self.assertAlmostEqual(low, 0.1), self.assertAlmostEqual(high, 0.1)

    def test_what_is_worse_is_told_and_what_was_not_answered_is_left_blank(self):
        from figures import compare, mean_of, share_of
        before = {"noun": mean_of([1, 1, 1, 1]), "false answers": mean_of([0, 0, 0, 0])}
        after = {"noun": mean_of([0, 0, 0, 0]), "false answers": mean_of([0, 0, 0, 0]), "words": share_of([(1, 2), (2, 3)])}
        with contextlib.redirect_stdout(io.StringIO()) as told:
            self.assertEqual(compare(before, after), ["noun"])
        self.assertIn("| noun | 4 | 1.000 | 0.000 | -1.000 [-1.000, -1.000] worse |", told.getvalue())
        self.assertIn("| words | 5 in 2 pictures | - | 0.600 | |", told.getvalue())
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(compare({"false answers": mean_of([0] * 4)}, {"false answers": mean_of([1] * 4)}), ["false answers"])

    def test_answers_outlive_a_run_and_are_of_one_bundle(self):
        from answers import Answers
        with tempfile.TemporaryDirectory() as folder:
            bundle, file = Path(folder) / "bundle", Path(folder) / "answers.jsonl"
            bundle.mkdir()
            (bundle / "manifest.json").write_text('{"revision":"a"}')
            Answers(file, bundle).append({"key": "caption x", "answers": [{"text": "a dog"}]})
            with open(file, "a") as half:  # as if killed within a line
                half.write('{"key": "caption y", "ans')
            again = Answers(file, bundle)
            again.append({"key": "ground x", "answers": [{"code": "unsupported_task"}]})
            self.assertEqual([json.loads(line).get("key") for line in file.read_text().splitlines()], [None, "caption x", "ground x"])
            read = Answers(file)
            self.assertEqual(read.of("caption x", None, [{"task": "caption"}]), [{"text": "a dog"}])
            self.assertEqual(read.refused, set())
            read.of("ground x", None, [{"task": "ground"}])
            self.assertEqual(read.refused, {"ground"})
            with self.assertRaisesRegex(SystemExit, "no answer about 'caption z'"):
                read.of("caption z", None, [])
            (bundle / "manifest.json").write_text('{"revision":"b"}')
            with self.assertRaisesRegex(SystemExit, "answers of another bundle"):
                Answers(file, bundle)


if __name__ == "__main__":
    unittest.main()
