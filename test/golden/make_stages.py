"""Make the golden of `florence features`: the vision tower's four stages.

Runs the native class of `transformers` over one photo with the random
checkpoint `tiny-native`, keeps what each stage gives, and writes samples of it:
`{shape, std, values}` for each stage, `values[i]` element
`floor(i * size / values.length)` of the flattened tensor.

Command:  python test/golden/make_stages.py SCRATCH_FOLDER
Expected: 10 seconds on one core.
"""

import json
import sys
from pathlib import Path

import torch

from random_weights import load_recipe, write_random_checkpoint
from reference import HERE, load_reference, read_pixels

SAMPLES = 256


def stages_of(tower: torch.nn.Module, pixels: torch.Tensor) -> list[torch.Tensor]:
    """[1, 3, S, S] -> what each stage gives, [1, C, H, W]."""
    stages: list[torch.Tensor] = []
    hooks = [
        blocks.register_forward_hook(lambda _, __, output: stages.append(output))
        for blocks in (stage[-1] for stage in tower.blocks)
    ]
    with torch.no_grad():
        tower(pixels)
    for hook in hooks:
        hook.remove()
    return stages


if __name__ == "__main__":
    scratch = Path(sys.argv[1]) / "tiny-native"
    recipe = load_recipe("tiny-native")
    write_random_checkpoint(scratch, recipe)
    model = load_reference(scratch, torch.float32)
    pixels = read_pixels(HERE / "photos" / "boat.png", recipe["input_size"])
    golden = {}
    for number, stage in enumerate(stages_of(model.model.vision_tower, pixels), 1):
        flat = stage.flatten()
        picks = [i * flat.numel() // SAMPLES for i in range(SAMPLES)]
        golden[f"stage_{number}"] = {
            "shape": list(stage.shape[1:]),
            "std": flat.std().item(),
            "values": [round(flat[i].item(), 6) for i in picks],
        }
    file = HERE / "stages.json"
    file.write_text(json.dumps({"recipe": "tiny-native", "photo": "boat", "stages": golden}) + "\n")
    print({name: stage["shape"] for name, stage in golden.items()})
