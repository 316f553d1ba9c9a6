"""A small classifier and batches for it."""

import pytest
import torch

from workbench.models import load_encoder
from workbench.randomness import torch_generator


@pytest.fixture
def model(tiny_model_dir):
    """A fresh tiny classifier with two classes; equal each time."""
    return load_encoder(str(tiny_model_dir), outputs=2, seed=0)


@pytest.fixture
def batch():
    """Gives batch number n: 4 sequences of 6 tokens."""

    def make(n: int) -> dict[str, torch.Tensor]:
        rng = torch_generator("batch", n)
        return {
            "input_ids": torch.randint(5, 1000, (4, 6), generator=rng),
            "token_type_ids": torch.zeros(4, 6, dtype=torch.int64),
            "attention_mask": torch.ones(4, 6, dtype=torch.int64),
            "labels": torch.randint(0, 2, (4,), generator=rng),
        }

    return make
