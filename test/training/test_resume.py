"""
A training that is stopped and goes on is the training that was not stopped, bit by bit.

    python -m unittest discover -s test/training

Takes 3 seconds.
"""

import importlib.util
import random
import sys
import tempfile
import unittest
from pathlib import Path

from same import assert_same

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))
HAS_TORCH = importlib.util.find_spec("torch") and importlib.util.find_spec("tokenizers")


class TinyWorld:
    def __init__(self):
        self.random = random.Random(5)


class TinyEncoder:
    def __init__(self):
        self.cache = {}

    def __call__(self, hints, task, text, answer):
        return hints, answer


def draw(world):
    """Ids of a source, a task, ids of an answer that copies some of it."""
    R = world.random
    source = [0] + [R.randint(4, 63) for _ in range(R.randint(2, 12))] + [2]
    return source, R.choice(("caption", "ground")), "", [0] + source[1 : R.randint(3, 5)] + [2]


@unittest.skipUnless(HAS_TORCH, "no PyTorch here: pip install -r training/requirements.txt")
class Resume(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import torch

        from model import TextConfig
        torch.set_num_threads(1)
        cls.config = TextConfig(vocab_size=64, d_model=16, encoder_layers=1, decoder_layers=1, heads=2, ffn_dim=32, max_position_embeddings=64, dropout=0.1)

    def begin(self, most=24_000):
        import torch

        from train import Batches, Training
        torch.manual_seed(0)
        return Training(self.config, most=most), Batches(TinyWorld(), TinyEncoder(), 4, pool=3, draw=draw)

    def learn(self, training, batches, steps):
        from train import schedule
        for _ in range(steps):
            training.learn(*next(batches), schedule(training.step / 20, 1e-2))

    def test_half_and_half_is_the_whole(self):
        import torch

        from train import write
        whole, data = self.begin()
        self.learn(whole, data, 20)
        for stop in (0, 3, 7, 10):  # before anything, at a pool's end, in the middle of one
            first, data1 = self.begin()
            self.learn(first, data1, stop)
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "state.pt"
                write(file, {**first.state(), "batches": data1.state()})
                state = torch.load(file, weights_only=True)
            again, data2 = self.begin()
            torch.manual_seed(99)  # a new process knows nothing of the first one's random numbers
            again.load_state(state)
            data2.load_state(state["batches"])
            self.learn(again, data2, 20 - stop)
            assert_same(self, whole.state(), again.state(), f"stopped at {stop}")

    def test_dropout_and_data_are_random_at_all(self):
        import torch
        one, data = self.begin()
        self.learn(one, data, 2)
        other, data = self.begin()
        torch.manual_seed(99)
        self.learn(other, data, 2)
        self.assertFalse(torch.equal(one.bart.shared.weight, other.bart.shared.weight))

    def test_a_batch_in_parts_learns_the_same(self):
        import torch
        self.config.dropout, before = 0.0, self.config.dropout
        try:
            whole, data = self.begin()
            parts, _ = self.begin(most=30)
            batch = next(data)
            for training in (whole, parts):
                training.learn(*batch, 1e-3)
            for (name, a), b in zip(whole.bart.named_parameters(), parts.bart.parameters()):
                self.assertLess((a.grad - b.grad).abs().max().item(), 1e-6, name)
            self.assertEqual(whole.losses, parts.losses)
            self.assertTrue(torch.isfinite(whole.bart.shared.weight).all())
        finally:
            self.config.dropout = before


if __name__ == "__main__":
    unittest.main()
