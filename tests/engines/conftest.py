"""The small classifier from the training tests, and trainers for it."""

import copy

import pytest

from tests.training.conftest import batch, model  # noqa: F401 - fixtures
from workbench.training import Distillation, MaskedTrainer, TrainingConfig


@pytest.fixture
def trainer_of(model, batch):  # noqa: F811
    """Makes a trainer for a fresh copy of the model with a given sparsifier."""

    def make(sparsifier, steps=8, **changes):
        values = {"steps": steps, "lr": 1e-2, "clip": 1.0, "distillation": Distillation(mode="none")}
        return MaskedTrainer(
            copy.deepcopy(model),
            TrainingConfig(**values | changes),
            key=("a",),
            mask=sparsifier,
            batches=lambda number, size, key: batch(number),
        )

    return make
