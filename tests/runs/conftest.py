"""Runs that take a second or two."""

import pytest

from workbench.engines.randomized import Randomized
from workbench.runs import FineTuning, RunSpec
from workbench.training import Distillation


@pytest.fixture
def spec_of(tiny_model_dir, monkeypatch):
    """Makes a spec of a tiny run: some 45 optimizer steps on a tiny encoder."""

    def make(engine=None, **changes) -> RunSpec:
        values = {
            "task": "synth/sst2",
            "model": str(tiny_model_dir),
            "engine": engine or tiny_randomized(),
            "dense": FineTuning(epochs=0.05, lr=1e-3),
            "scale": 0.02,
            "precision": "fp32",
        }
        return RunSpec(**values | changes)

    return make


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
