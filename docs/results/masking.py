"""What it costs to apply a mask, and to optimize weights whose moments are denormal, on one thread.

Matrices have the shapes of MiniLM's, with a random half of the weights kept. Contestants take turns in one
process; the times are medians.

Usage: .venv/bin/python docs/results/masking.py
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter

import torch

SHAPES = [shape for _ in range(6) for shape in [(384, 384)] * 4 + [(1536, 384), (384, 1536)]]
ROUNDS = 15


def adamw_step(moment: float) -> Callable[[], float]:
    """A step of AdamW in which 80 % of the weights have no gradient, and a first moment of this size."""
    weights = [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    optimizer = torch.optim.AdamW(weights, lr=1e-4, fused=True)
    trained = [(torch.rand(shape) < 0.2).float() for shape in SHAPES]
    for weight, some in zip(weights, trained, strict=True):
        weight.grad = 1e-4 * some
    optimizer.step()

    def step() -> float:
        for weight, some in zip(weights, trained, strict=True):
            optimizer.state[weight]["exp_avg"].copy_(some * 1e-4 + (1 - some) * moment)
        start = perf_counter()
        optimizer.step()
        return perf_counter() - start

    return step


def timed(function: Callable[[], object]) -> Callable[[], float]:
    """The function, returning the seconds that it took."""

    def run() -> float:
        start = perf_counter()
        function()
        return perf_counter() - start

    return run


def main() -> None:
    """Measures and prints."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    weights = [torch.randn(shape) for shape in SHAPES]
    pruned = [torch.rand(shape) < 0.5 for shape in SHAPES]
    kept = [(~one).float() for one in pruned]
    pairs = list(zip(weights, pruned, kept, strict=True))
    contestants = {
        "mul_, float mask": timed(lambda: [weight.mul_(mask) for weight, _, mask in pairs]),
        "masked_fill_": timed(lambda: [weight.masked_fill_(gone, 0) for weight, gone, _ in pairs]),
        "AdamW, moments of 1e-20": adamw_step(1e-20),
        "AdamW, moments of 1e-40": adamw_step(1e-40),
    }
    seconds = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, measure in contestants.items():
            seconds[name].append(measure())
    for name, own in seconds.items():
        print(f"{name}: {1000 * median(own):.1f} ms")


if __name__ == "__main__":
    main()
