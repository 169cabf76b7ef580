"""
Lines of labels become Florence-2's questions and answers.

    python -m unittest discover -s test/training

Takes 3 seconds.
"""

import importlib.util
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))
HAS_TORCH = importlib.util.find_spec("torch") and importlib.util.find_spec("tokenizers")
BOX = {"x_min": 10, "y_min": 20, "x_max": 30, "y_max": 40}
AT = "<loc_100><loc_100><loc_300><loc_200>"  # BOX in a picture of 100 x 200


@unittest.skipUnless(HAS_TORCH, "no PyTorch here: pip install -r training/requirements.txt")
class Examples(unittest.TestCase):
    def ask(self, **row):
        from florence import examples_of
        return examples_of({"image": "a.jpg", "width": 100, "height": 200, **row})

    def test_each_task_has_its_prompt_and_answer(self):
        objects = [{"label": "cat", "box": BOX}, {"label": "dog", "box": BOX}, {"label": "cat", "box": BOX}]
        for row, prompt, answer in (
            ({"task": "caption", "text": "A cat."}, "What does the image describe?", "A cat."),
            ({"task": "caption:detailed", "text": "A cat."}, "Describe in detail what is shown in the image.", "A cat."),
            ({"task": "caption:full", "text": "A cat."}, "Describe with a paragraph what is shown in the image.", "A cat."),
            ({"task": "detect", "objects": objects}, "Locate the objects with category name in the image.", f"cat{AT}{AT}dog{AT}"),
            ({"task": "dense_caption", "objects": objects[:1]}, "Locate the objects in the image, with their descriptions.", f"cat{AT}"),
            ({"task": "propose", "objects": objects[:2]}, "Locate the region proposals in the image.", AT + AT),
            ({"task": "ground", "phrase": "a cat", "objects": objects[:1]}, "Locate the phrases in the caption: a cat", f"cat{AT}"),
            ({"task": "detect_open", "labels": ["cat", "ox"], "objects": objects[:1]}, "Locate cat<and>ox in the image.", f"cat{AT}"),
            ({"task": "segment", "phrase": "a cat", "polygons": [[10, 20, 30, 40], [0, 0, 99.9, 199.9]]}, "Locate a cat in the image with mask", f"{AT}<sep><loc_0><loc_0><loc_999><loc_999>"),
            ({"task": "segment_regions", "region": BOX, "polygons": [[10, 20, 30, 40]]}, f"What is the polygon mask of region {AT}", AT),
            ({"task": "classify_regions", "region": BOX, "text": "cat"}, f"What is the region {AT}?", "cat"),
            ({"task": "describe_regions", "region": BOX, "text": "a cat"}, f"What does the region {AT} describe?", "a cat"),
            ({"task": "ocr_regions", "region": BOX, "text": "CAT"}, f"What text is in the region {AT}?", "CAT"),
            ({"task": "ocr", "text": "CAT"}, "What is the text in the image?", "CAT"),
            ({"task": "ocr:lines", "lines": [{"text": "CAT", "quad": [10, 20, 30, 20, 30, 40, 10, 40]}]}, "What is the text in the image, with regions?",
             "CAT<loc_100><loc_100><loc_300><loc_100><loc_300><loc_200><loc_100><loc_200>"),
        ):
            self.assertEqual(self.ask(**row), [(prompt, answer)], row["task"])

    def test_a_line_of_an_evaluation_is_caption_and_detect(self):
        found = self.ask(captions=["One.", "Two."], objects=[{"label": "cat", "box": BOX}])
        self.assertEqual([answer for _, answer in found], ["One.", "Two.", f"cat{AT}"])

    def test_an_unknown_task_is_told(self):
        with self.assertRaisesRegex(ValueError, "there is no task 'od'; there are caption"):
            self.ask(task="od")

    @unittest.skipUnless(HAS_TORCH, "no PyTorch")
    def test_merged_matrices_say_the_same(self):
        import torch
        from florence import Lora
        torch.manual_seed(0)
        linear, x = torch.nn.Linear(8, 6), torch.randn(3, 8)
        lora = Lora(linear, 2)
        self.assertTrue(torch.equal(lora(x), linear(x)), "changes nothing at first")
        torch.nn.init.normal_(lora.b)
        said = lora(x)
        self.assertLess((lora.merge()(x) - said).abs().max().item(), 1e-5)


if __name__ == "__main__":
    unittest.main()
