"""Make the model goldens: features, encoder output, logits, token ids.

For each recipe of `recipes.json` a random checkpoint is written to a scratch
folder and run through `transformers`' native Florence-2 class in float32 (the
golden) and in float64 (its noise, and whether its ids are stable: the same, and
no near tie among the choices that led to them). The shapes of
`models/RECIPE.json` are described in the README.

Long, since a golden is one script from weights to file.

Command:  python test/golden/make_models.py SCRATCH_FOLDER [RECIPE ...]
Expected: 5 to 10 minutes a recipe on one core; prints a line of figures each.
"""

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image
from transformers import (
    Florence2ForConditionalGeneration,
    LogitsProcessor,
    LogitsProcessorList,
)
from transformers.modeling_outputs import BaseModelOutput

from random_weights import (
    Recipe,
    fingerprint,
    load_recipe,
    recipe_names,
    write_random_checkpoint,
)
from reference import (
    HERE,
    load_processor,
    load_reference,
    load_tokenizer,
    prompt_of,
    read_pixels,
    task_token,
)

# ids that the tokenizer has; native's padded rows above are banned
LAST_ID = 51289
SAMPLES = 512
LOGIT_SAMPLES = 1024
MAX_NEW_TOKENS = 20
# Searches of the float64 model over disturbed logits; one other answer is a near tie.
SEARCHES = 12
# By how many times the float32 reference's own error they are disturbed: two
# float32 implementations, each with an error of this size.
DISTURBANCE = 2

Request = dict[str, Any]
Model = Florence2ForConditionalGeneration

# Settings tried on some of the prompts beside the two that all prompts get.
EXTRAS: list[dict[str, Any]] = [
    {"beams": 3, "early_stopping": False},
    {"beams": 3, "length_penalty": 0.6},
    {"beams": 3, "length_penalty": 2},
    {"beams": 3, "early_stopping": False, "length_penalty": 2},
    {"beams": 3, "max_new_tokens": 5},
    {"beams": 1, "max_new_tokens": 3},
    {"beams": 3, "max_new_tokens": 2},
    {"beams": 1, "max_new_tokens": 48},
    {"beams": 3, "early_stopping": False, "max_new_tokens": 40},
    {"beams": 2},
    {"beams": 5, "length_penalty": 0.6},
]


@dataclass
class Encoded:
    """One photo and prompt, encoded: what the decoder attends to."""

    model: Model
    hidden: torch.Tensor  # [1, image tokens + prompt, d]
    mask: torch.Tensor  # [1, image tokens + prompt]


def requests_of(photo: dict[str, Any]) -> list[Request]:
    """The 15 tasks for one photo, in our request form."""
    whole, part = photo["phrases"]
    regions = [{"box": photo["region"]}]
    return [
        {"task": "caption", "detail": "short"},
        {"task": "caption", "detail": "detailed"},
        {"task": "caption", "detail": "full"},
        {"task": "detect"},
        {"task": "detect_open", "labels": photo["labels"]},
        {"task": "ground", "phrase": whole},
        {"task": "dense_caption"},
        {"task": "propose"},
        {"task": "segment", "phrase": part},
        {"task": "segment_regions", "regions": regions},
        {"task": "classify_regions", "regions": regions},
        {"task": "describe_regions", "regions": regions},
        {"task": "ocr_regions", "regions": regions},
        {"task": "ocr", "layout": "text"},
        {"task": "ocr", "layout": "lines"},
    ]


# --- running the reference -------------------------------------------------


def encode(model: Model, features: torch.Tensor, prompt_ids: list[int]) -> Encoded:
    """Encoder output of [image tokens] [prompt], as native's forward joins them."""
    embedded = model.get_input_embeddings()(torch.tensor([prompt_ids]))
    joined = torch.cat([features, embedded], 1)
    mask = torch.ones(joined.shape[:2], dtype=torch.long)
    output = model.model.language_model.encoder(inputs_embeds=joined, attention_mask=mask)
    return Encoded(model, output.last_hidden_state, mask)


def generation_options(recipe: Recipe, settings: dict[str, Any]) -> dict[str, Any]:
    rows = range(LAST_ID, recipe["vocab_size"])
    beams = settings["beams"]
    options = {
        "num_beams": beams,
        "do_sample": False,
        "no_repeat_ngram_size": 3,
        "forced_bos_token_id": 0,
        "forced_eos_token_id": 2,
        "max_new_tokens": settings.get("max_new_tokens", MAX_NEW_TOKENS),
        "suppress_tokens": list(rows) or None,
    }
    if beams > 1:
        options["early_stopping"] = settings.get("early_stopping", True)
        options["length_penalty"] = settings.get("length_penalty", 1)
    return options


def strip_ids(ids: list[int]) -> list[int]:
    """Without the decoder start token and without the pads after </s>."""
    assert ids[0] == 2
    ids = ids[1:]
    while ids and ids[-1] == 1:
        ids.pop()
    return ids


def generate(recipe: Recipe, encoded: Encoded, settings: dict[str, Any]) -> list[int]:
    output = encoded.model.generate(
        encoder_outputs=BaseModelOutput(encoded.hidden),
        attention_mask=encoded.mask,
        **generation_options(recipe, settings),
    )
    return strip_ids(output[0].tolist())


class Disturb(LogitsProcessor):
    """Moves the scores of each step's best tokens at random, by up to `most`."""

    def __init__(self, most: float, seed: int) -> None:
        self.most = most
        self.random = torch.Generator().manual_seed(seed)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        best, ids = scores.topk(64)
        move = torch.rand(best.shape, generator=self.random, dtype=best.dtype) * 2 - 1
        return scores.scatter(1, ids, best + move * self.most)


def is_stable(
    recipe: Recipe,
    single: Encoded,
    double: Encoded,
    settings: dict[str, Any],
    ids: list[int],
    seed: int,
) -> bool:
    """Whether float64 gives the same ids, with logits disturbed and without.

    Float32 elsewhere rounds in another order: where the model's choices are
    closer than that, its ids are as right as these. The disturbance is
    `DISTURBANCE` times the float32 reference's own largest error in the logits
    of this very answer.
    """
    if generate(recipe, double, settings) != ids:
        return False
    known, known64 = logits_of(single, ids), logits_of(double, ids)
    noise = (known.double() - known64)[:, :LAST_ID].abs().max().item()
    outputs = double.model.generate(
        encoder_outputs=BaseModelOutput(double.hidden.expand(SEARCHES, -1, -1)),
        attention_mask=double.mask.expand(SEARCHES, -1),
        logits_processor=LogitsProcessorList([Disturb(DISTURBANCE * noise, seed)]),
        **generation_options(recipe, settings),
    )
    return all(strip_ids(row) == ids for row in outputs.tolist())


def logits_of(encoded: Encoded, ids: list[int]) -> torch.Tensor:
    """[len(ids), vocabulary]: row i predicts ids[i], the start token in front."""
    start = torch.tensor([[2, *ids[:-1]]])
    output = encoded.model(
        encoder_outputs=BaseModelOutput(encoded.hidden),
        attention_mask=encoded.mask,
        decoder_input_ids=start,
        use_cache=False,
    )
    return output.logits[0]


def log_probs_of(encoded: Encoded, ids: list[int]) -> list[float]:
    """Plain log-softmax (no bans, no forcing) of each id, teacher-forced."""
    rows = logits_of(encoded, ids).double().log_softmax(-1)
    return [rows[i, token].item() for i, token in enumerate(ids)]


def check_against_whole_model(
    recipe: Recipe, model: Model, pixels: torch.Tensor, prompt_ids: list[int], wanted: list[int]
) -> None:
    """The class's own front door (pixels and placeholders) gives the same ids."""
    tokens = (recipe["input_size"] // 32) ** 2 + 1
    if recipe["input_size"] % 32:
        raise ValueError("side must be a multiple of 32")
    image = model.config.image_token_id
    input_ids = torch.tensor([[image] * tokens + prompt_ids])
    output = model.generate(
        input_ids=input_ids,
        pixel_values=pixels,
        attention_mask=torch.ones_like(input_ids),
        **generation_options(recipe, {"beams": 3}),
    )
    assert strip_ids(output[0].tolist()) == wanted


def batch_golden(
    recipe: Recipe, model: Model, features: torch.Tensor, prompts: list[list[int]]
) -> list[list[int]]:
    """Greedy ids of prompts of several lengths, padded into one batch."""
    longest = max(map(len, prompts))
    ids = torch.tensor([prompt + [1] * (longest - len(prompt)) for prompt in prompts])
    embedded = model.get_input_embeddings()(ids)
    joined = torch.cat([features.expand(len(prompts), -1, -1), embedded], 1)
    image_mask = torch.ones(len(prompts), features.shape[1], dtype=torch.long)
    mask = torch.cat([image_mask, (ids != 1).long()], 1)
    output = model.model.language_model.encoder(inputs_embeds=joined, attention_mask=mask)
    answers = model.generate(
        encoder_outputs=BaseModelOutput(output.last_hidden_state),
        attention_mask=mask,
        **generation_options(recipe, {"beams": 1}),
    )
    return [strip_ids(row) for row in answers.tolist()]


# --- writing ---------------------------------------------------------------


def significant(value: float, digits: int = 6) -> float:
    return float(f"{value:.{digits}g}")


def sample(single: torch.Tensor, double: torch.Tensor, count: int) -> dict[str, Any]:
    """`count` evenly spaced values: flat index i * size // count."""
    flat = single.flatten()
    size = flat.numel()
    return {
        "shape": list(single.shape),
        "std": significant(double.std().item()),
        "noise": significant((single.double() - double).abs().max().item(), 3),
        "values": [significant(flat[i * size // count].item()) for i in range(count)],
    }


def to_json_lines(golden: dict[str, Any]) -> str:
    """One list item a line, so that a change shows as a change."""
    parts = []
    for key, value in golden.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            items = ",\n".join(
                json.dumps(item, ensure_ascii=False, separators=(",", ":"))
                for item in value
            )
            parts.append(f'"{key}":[\n{items}\n]')
        else:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            parts.append(f'"{key}":{text}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def make_golden(recipe: Recipe, folder: Path) -> dict[str, Any]:
    write_random_checkpoint(folder, recipe)
    tokenizer = load_tokenizer(folder)
    processor = load_processor(tokenizer)
    model = load_reference(folder, torch.float32)
    model64 = load_reference(folder, torch.float64)
    requests = json.loads((HERE / "requests.json").read_text("utf-8"))
    hashes = fingerprint(folder)
    rows = recipe["vocab_size"]
    golden: dict[str, Any] = {
        "recipe": recipe["name"],
        "made_with": {
            "transformers": transformers.__version__,
            "torch": torch.__version__,
            "attention": "eager",
        },
        "input_size": recipe["input_size"],
        "banned_ids": [LAST_ID, rows - 1] if rows > LAST_ID else None,
        "weights_sha256": {
            name: hashes[name] for name in hashes if name.endswith(".safetensors")
        },
        "tensors": [],
        "prompts": [],
        "answers": [],
        "batches": [],
    }
    for number, (photo, wishes) in enumerate(requests.items()):
        path = HERE / "photos" / f"{photo}.png"
        size = Image.open(path).size
        pixels = read_pixels(path, recipe["input_size"])
        features = model.get_image_features(pixels).pooler_output
        features64 = model64.get_image_features(pixels.double()).pooler_output
        prompt_ids: list[list[int]] = []
        for n, request in enumerate(requests_of(wishes)):
            text = prompt_of(processor, request, size)
            ids = tokenizer(text).input_ids
            prompt_ids.append(ids)
            prompt = len(golden["prompts"])
            golden["prompts"].append(
                {
                    "photo": photo,
                    "request": request,
                    "task": task_token(request),
                    "text": text,
                    "ids": ids,
                }
            )
            single = encode(model, features, ids)
            double = encode(model64, features64, ids)
            settings: list[dict[str, Any]] = [{"beams": 1}, {"beams": 3}]
            if (n + number) % 3 == 0:
                settings.append(EXTRAS[(n // 3 + number * 5) % len(EXTRAS)])
            for setting in settings:
                ids32 = generate(recipe, single, setting)
                answer: dict[str, Any] = {"prompt": prompt, **setting, "ids": ids32}
                seed = len(golden["answers"])
                answer["stable"] = is_stable(recipe, single, double, setting, ids32, seed)
                if (n + number) % 5 == 0:
                    known, known64 = log_probs_of(single, ids32), log_probs_of(double, ids32)
                    answer["log_probs"] = [significant(value) for value in known]
                    noise = max(abs(a - b) for a, b in zip(known, known64))
                    answer["log_probs_noise"] = significant(noise, 3)
                golden["answers"].append(answer)
                if n == number and setting == {"beams": 3}:
                    check_against_whole_model(recipe, model, pixels, ids, ids32)
            if n == number * 2:
                first, first64 = logits_of(single, [0])[0], logits_of(double, [0])[0]
                known, known64 = first[:LAST_ID], first64[:LAST_ID]
                golden["tensors"].append(
                    {
                        "photo": photo,
                        "prompt": prompt,
                        "features": sample(features, features64, SAMPLES),
                        "encoder": sample(single.hidden, double.hidden, SAMPLES),
                        "logits": {
                            **sample(known, known64, LOGIT_SAMPLES),
                            "argmax": int(known.argmax()),
                            "log_sum_exp": significant(first.logsumexp(0).item(), 8),
                        },
                    }
                )
        if number < 2:
            chosen = [0, 4, 5, 9]
            base = len(golden["prompts"]) - 15
            together = batch_golden(recipe, model64, features64, [prompt_ids[i] for i in chosen])
            for i, ids in zip(chosen, together):
                alone = generate(recipe, encode(model64, features64, prompt_ids[i]), {"beams": 1})
                assert ids == alone, "a padded batch must equal its singles"
            golden["batches"].append(
                {"photo": photo, "prompts": [base + i for i in chosen], "ids": together}
            )
    return golden


def report(golden: dict[str, Any]) -> None:
    answers = golden["answers"]
    ids = [answer["ids"] for answer in answers]
    every = [token for answer in ids for token in answer]
    locations = sum(50269 <= token < 51269 for token in every)
    noise = {
        name: max(row[name]["noise"] / row[name]["std"] for row in golden["tensors"])
        for name in ("features", "encoder", "logits")
    }
    print(
        golden["recipe"],
        f"answers {len(answers)}",
        f"stable {sum(answer['stable'] for answer in answers)}",
        f"different {len(set(map(tuple, ids)))}",
        f"tokens {len(set(every))}",
        f"locations {locations / len(every):.2f}",
        f"shorter than the limit {sum(len(a) < MAX_NEW_TOKENS for a in ids)}",
        f"<s><s> {sum(a[:2] == [0, 0] for a in ids)}",
        f"<s><s><s> {sum(a[:3] == [0, 0, 0] for a in ids)}",
        f"padded rows win {sum(t >= LAST_ID for t in every)}",
        "noise/std " + " ".join(f"{k} {v:.1e}" for k, v in noise.items()),
        f"lengths {sorted(Counter(map(len, ids)).items())}",
        sep=" · ",
        flush=True,
    )


def main() -> None:
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    transformers.logging.set_verbosity_error()
    scratch = Path(sys.argv[1])
    (HERE / "models").mkdir(exist_ok=True)
    for name in sys.argv[2:] or recipe_names():
        golden = make_golden(load_recipe(name), scratch / name)
        report(golden)
        path = HERE / "models" / f"{name}.json"
        path.write_text(to_json_lines(golden), "utf-8")


if __name__ == "__main__":
    main()
