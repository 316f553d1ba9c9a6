"""Runs that take a second or two."""

from workbench.engines.randomized import Randomized
from workbench.training import Distillation


def tiny_randomized(**changes) -> Randomized:
    """Two levels, three candidates, a few steps each."""
    values = {
        "sparsity": 0.8,
        "levels": 2,
        "candidates": 3,
        "epochs": 6.0,
        "early_epochs": 3.0,
        "dense_epochs": 3.0,
        "early_evaluations": 2,
        "eval_every": 3,
        "lr": 1e-3,
        "distillation": Distillation(mode="logits"),
    }
    return Randomized(**values | changes)
