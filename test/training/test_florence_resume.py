"""
A fine-tune of Florence-2 that is stopped and goes on is the one that was not stopped, bit by bit: in full, by LoRA and with
the vision tower, dropout and drop path on.

    python -m unittest discover -s test/training

Takes 15 seconds of one core, most of them for opening transformers.
"""

import importlib.util
import json
import sys
import tempfile
import unittest
from pathlib import Path

from same import assert_same

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))
HAS = all(importlib.util.find_spec(m) for m in ("torch", "tokenizers", "safetensors", "transformers"))
EXAMPLES = [(f"{n % 3}.jpg", f"what {n}", f"thing {n * 7}") for n in range(5)]
WAYS = {"full": (0, False), "lora": (2, False), "vision": (0, True)}


class TinyTokenizer:
    """A token a character."""

    def encode(self, text, add_special_tokens):
        class Encoding:
            ids = [4 + ord(c) % 60 for c in text]
        return Encoding()


def tiny_model():
    """Florence-2's architecture with 60 thousand random weights."""
    import torch
    from transformers import Florence2Config, Florence2ForConditionalGeneration

    torch.manual_seed(3)
    vision = {"embed_dim": [8, 8, 8, 8], "num_heads": [1, 1, 1, 1], "num_groups": [1, 1, 1, 1], "depths": [1, 1, 1, 1], "window_size": 2, "projection_dim": 16,
              "drop_path_rate": 0.3}
    text = {"model_type": "bart", "vocab_size": 70, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
            "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_position_embeddings": 64, "dropout": 0.1, "attention_dropout": 0.1, "pad_token_id": 1, "bos_token_id": 0,
            "eos_token_id": 2, "decoder_start_token_id": 2}
    return Florence2ForConditionalGeneration(Florence2Config(vision_config=vision, text_config=text, image_token_id=69, tie_word_embeddings=True))


def photo(name):
    import torch

    return torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(ord(name[0])))


@unittest.skipUnless(HAS, "no PyTorch or transformers here: pip install -r training/requirements.txt")
class Resume(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import torch

        torch.set_num_threads(1)

    def begin(self, way):
        import torch
        from florence import Learner, Rows, prepare_model

        lora, vision = WAYS[way]
        model = tiny_model()
        torch.manual_seed(0)
        prepare_model(model, lora, vision)
        return Learner(model, TinyTokenizer(), EXAMPLES, photo, vision), Rows(len(EXAMPLES), 2, 0)

    def learn(self, learner, rows, steps):
        for _ in range(steps):
            learner.learn(next(rows), 1e-3 * (1 + learner.step % 3))

    def test_half_and_half_is_the_whole(self):
        import torch
        from train import write

        for way in WAYS:
            whole, rows = self.begin(way)
            self.learn(whole, rows, 9)
            for stop in (0, 4, 5):  # before anything, and where an epoch of five has one example left
                first, rows1 = self.begin(way)
                self.learn(first, rows1, stop)
                with tempfile.TemporaryDirectory() as folder:
                    write(Path(folder) / "state.pt", {**first.state(), "rows": rows1.state()})
                    state = torch.load(Path(folder) / "state.pt", weights_only=True)
                again, rows2 = self.begin(way)
                torch.manual_seed(99)  # a new process knows nothing of the first one's random numbers
                again.load_state(state), rows2.load_state(state["rows"])
                self.learn(again, rows2, 9 - stop)
                assert_same(self, whole.model.state_dict(), again.model.state_dict(), f"{way}, stopped at {stop}, model")
                assert_same(self, {**whole.state(), "rows": rows.state()}, {**again.state(), "rows": rows2.state()}, f"{way}, stopped at {stop}")

    def test_dropout_is_random_at_all(self):
        import torch

        for way in WAYS:
            one, rows = self.begin(way)
            other, _ = self.begin(way)
            batch = next(rows)
            one.learn(batch, 1e-3)
            torch.manual_seed(99)
            other.learn(batch, 1e-3)
            self.assertFalse(all(torch.equal(a, b) for a, b in zip(one.learned.values(), other.learned.values())), way)

    def test_only_what_shall_learn_learns(self):
        import torch

        for way in WAYS:
            before = tiny_model().state_dict()
            learner, rows = self.begin(way)
            self.learn(learner, rows, 2)
            from florence import merge_lora
            merge_lora(learner.model)
            after = learner.model.state_dict()
            self.assertEqual(before.keys(), after.keys(), way)
            changed = {name for name in before if not torch.equal(before[name], after[name])}
            tower = {name for name in changed if "vision_tower" in name or "multi_modal_projector" in name}
            self.assertEqual(bool(tower), way == "vision", way)
            if way == "lora":
                self.assertTrue(changed and all(name.split(".")[-2] in ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2") for name in changed), changed)

    def test_another_way_of_learning_is_refused(self):
        full, _ = self.begin("full")
        lora, _ = self.begin("lora")
        with self.assertRaisesRegex(SystemExit, "other --lora or --vision"):
            lora.load_state(full.state())

    def test_the_log_goes_back_to_the_state(self):
        from florence import lines_until

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "log.jsonl"
            self.assertEqual(lines_until(file, 20), "")
            lines = [json.dumps({"step": n, "loss": 1.0}) + "\n" for n in (10, 20, 30)]
            file.write_text("".join(lines) + '{"step": 4')
            self.assertEqual(lines_until(file, 20), "".join(lines[:2]))


if __name__ == "__main__":
    unittest.main()
