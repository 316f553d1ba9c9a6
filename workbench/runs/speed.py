"""How long forwards take: a measurement, since zeros and bytes say nothing of it."""

import time
from collections.abc import Mapping
from statistics import median

import torch
from torch import Tensor, nn

from workbench.training import autocast

EXAMPLES = 32
_ROUNDS = 9
# Enough for a median of small models; a large one is measured as often as fits, thrice at least.
_SECONDS = 3.0


@torch.inference_mode()
def forward_milliseconds(
    models: Mapping[str, nn.Module], batch: Mapping[str, Tensor], precision: str
) -> dict[str, float]:
    """The median time of a forward of each model, measured in turns, so that a busy computer slows all.

    Args:
        models: by name, on one device. They are left in eval mode.
        batch: what each is given; labels are left out.
        precision: "fp32" or "bf16".
    """
    device = next(next(iter(models.values())).parameters()).device
    inputs = {name: tensor.to(device) for name, tensor in batch.items() if name != "labels"}
    taken: dict[str, list[float]] = {name: [] for name in models}
    deadline = time.perf_counter() + _SECONDS
    for turn in range(1 + _ROUNDS):
        for name, model in models.items():
            model.eval()
            begun = time.perf_counter()
            with autocast(device, precision):
                model(**inputs).logits.sum().item()  # waits for the accelerator
            if turn:  # the first forward of a shape plans and allocates
                taken[name].append(1000 * (time.perf_counter() - begun))
        if turn >= 3 and time.perf_counter() > deadline:
            break
    return {name: median(times) for name, times in taken.items()}
