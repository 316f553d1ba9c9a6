"""What a fixed mask costs a training step: dense and masked steps of MiniLM in turn, in one process.

Usage: .venv/bin/python docs/results/step_overhead.py [LENGTH] [PAIRS]
"""

import sys
import time
from statistics import median

import torch

from workbench.masks import topk_mask
from workbench.models import MINILM, load_encoder, prunable
from workbench.randomness import torch_generator
from workbench.scores import magnitude
from workbench.training import Distillation, MaskedTrainer, Recipe, detect_precision

length, pairs = (int(argument) for argument in (*sys.argv[1:], *("32", "40")[len(sys.argv) - 1 :]))
recipe = Recipe(steps=10_000, lr=1e-5, distillation=Distillation(mode="none"))


def trainer(masked: bool) -> MaskedTrainer:
    """A trainer of a model of its own, with or without a mask."""
    model = load_encoder(MINILM, outputs=2, seed=0)
    mask = topk_mask(magnitude(prunable(model)), 0.9) if masked else None
    return MaskedTrainer(model, recipe, key=("overhead",), mask=mask, precision=detect_precision())


rng = torch_generator("overhead")
batch = {
    "input_ids": torch.randint(1000, 20_000, (32, length), generator=rng),
    "attention_mask": torch.ones(32, length, dtype=torch.int64),
    "labels": torch.randint(0, 2, (32,), generator=rng),
}
trainers = {"dense": trainer(False), "masked": trainer(True)}
seconds = {name: [] for name in trainers}
for turn in range(pairs + 5):
    for name in sorted(trainers, reverse=turn % 2 == 1):
        started = time.perf_counter()
        trainers[name].advance(batch)
        if turn >= 5:
            seconds[name].append(time.perf_counter() - started)
ratios = [masked / dense for dense, masked in zip(*seconds.values(), strict=True)]
print(f"batch 32 x {length} tokens, {torch.get_num_threads()} threads, {pairs} pairs")
print({name: f"{median(values) * 1000:.1f} ms" for name, values in seconds.items()})
print(f"masked / dense: median of the pairs' ratios {median(ratios):.3f}")
