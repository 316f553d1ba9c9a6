"""What batches of many lengths take of memory: MiniLM under a mask, one step at each length, twice.

Usage: OMP_NUM_THREADS=1 .venv/bin/python docs/results/lengths.py [EVERY]

Batches have 16 examples of 8 to 128 tokens, all lengths or each EVERY-th. Resident memory is read from /proc,
so this needs Linux.
"""

import resource
import sys
import time
from pathlib import Path

import torch

from workbench.benchmark.models import classifier, magnitude_mask
from workbench.benchmark.scales import SCALES
from workbench.randomness import torch_generator
from workbench.training import Distillation, MaskedTrainer, TrainingConfig, detect_precision

EXAMPLES, SHORTEST, LONGEST = 16, 8, 128


def resident() -> float:
    """Resident memory in GB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e9


def batch_of(length: int) -> dict[str, torch.Tensor]:
    """Examples without padding."""
    ids = torch.randint(1, 1000, (EXAMPLES, length), generator=torch_generator("lengths", length))
    examples = torch.arange(EXAMPLES)
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": examples % 2,
        "indices": examples,
    }


def main(every: int = 1) -> None:
    """Prints the memory before, and memory and CPU seconds of each pass."""
    scale = SCALES["minilm"]
    model = classifier(scale.layers, scale.hidden)
    trainer = MaskedTrainer(
        model,
        TrainingConfig(steps=1000, lr=1e-5, clip=1.0, distillation=Distillation(mode="logits")),
        key=("lengths",),
        mask=magnitude_mask(model, 0.9),
        teacher=torch.randn(EXAMPLES, 2, generator=torch_generator("lengths", "teacher")),
        precision=detect_precision(),
    )
    for _ in range(2):
        trainer.advance(batch_of(LONGEST))
    print(f"two steps of {LONGEST} tokens: {resident():.2f} GB")
    lengths = range(SHORTEST, LONGEST + 1, every)
    for number in (1, 2):
        begun = time.process_time()
        for length in lengths:
            trainer.advance(batch_of(length))
        spent = time.process_time() - begun
        print(
            f"pass {number}, {len(lengths)} lengths: {resident():.2f} GB, {spent:.0f} CPU seconds", flush=True
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
