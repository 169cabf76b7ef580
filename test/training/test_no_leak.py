"""
Nothing that is tested on may be trained on.

    python -m unittest discover -s test/training

Takes 3 seconds; needs the photos and captions (`FLORENCE_SHARED`, else ../shared), and is skipped where they are not.
"""

import json
import os
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))
SHARED = Path(os.environ.get("FLORENCE_SHARED", ROOT.parent / "shared"))


@unittest.skipUnless((SHARED / "photos" / "photos.jsonl").exists(), f"no photos in {SHARED}: set FLORENCE_SHARED")
class NoLeak(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from photos import check_no_leak, is_coco_test, may_train, read_captions, read_photos
        cls.check, cls.may_train = staticmethod(check_no_leak), staticmethod(may_train)
        cls.photos = read_photos(SHARED)
        cls.test = [r for r in cls.photos if is_coco_test(r)]
        cls.captions = read_captions(SHARED, cls.photos)

    def test_the_coco_test_set_is_the_stated_one(self):
        known = [r for r in self.test if r.get("boxes") and r.get("boxes_known", True)]
        self.assertEqual(len(self.test), 79)
        self.assertEqual(sum("captions" in r for r in self.test), 57)
        self.assertEqual(sum(len(r["boxes"]) for r in known), 642)

    def test_captions_of_held_out_photos_are_taken_away(self):
        with open(SHARED / "text" / "coco-val2017-captions.jsonl", encoding="utf8") as file:
            everything = {json.loads(line)["image_id"] for line in file}
        held_out = {r["image_id"] for r in self.test}
        self.assertTrue(held_out & everything, "the test would show nothing")
        self.assertEqual(set(self.captions), everything - held_out)

    def test_a_held_out_caption_is_refused(self):
        image_id = next(r["image_id"] for r in self.test if "captions" in r)
        with self.assertRaisesRegex(AssertionError, "captions of held-out photos"):
            self.check({**self.captions, image_id: ["A dog."]}, [], self.photos)

    def test_a_test_photo_and_one_under_by_sa_are_refused(self):
        a_test = next(r for r in self.photos if r["split"] == "test")
        share_alike = next(r for r in self.photos if r["license"] == "CC-BY-SA-2.0" and r["split"] == "train")
        for photo in (a_test, share_alike):
            self.assertFalse(self.may_train(photo))
            with self.assertRaises(AssertionError):
                self.check({}, [photo], self.photos)


if __name__ == "__main__":
    unittest.main()
