"""Deterministic algorithms within a block, and what is said where there is none."""

import os

import pytest
import torch
from torch.utils import deterministic as memory

from workbench.errors import BadInput
from workbench.training import deterministic

VARIABLE = "CUBLAS_WORKSPACE_CONFIG"


def state() -> tuple:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        memory.fill_uninitialized_memory,
        os.environ.get(VARIABLE),
    )


@pytest.mark.parametrize("before", [None, ":16:8", ":0:0"])
def test_a_block_is_deterministic_and_leaves_everything_as_it_was(monkeypatch, before):
    if before is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, before)
    outside = state()
    with deterministic(False):
        assert state() == outside
    with deterministic():
        assert state() == (True, False, False, before if before == ":16:8" else ":4096:8")
    assert state() == outside


def test_an_operation_without_a_deterministic_algorithm_is_refused_by_name():
    place = torch.zeros(3)
    with (
        pytest.raises(BadInput, match=r"^put_ has no deterministic algorithm.*ACCELERATE_USE_CPU=true"),
        deterministic(),
    ):
        place.put_(torch.tensor([0]), torch.ones(1))
    with pytest.raises(BadInput, match=f"used the GPU before the run.*{VARIABLE}=:4096:8"), deterministic():
        raise RuntimeError(f"you must set an environment variable: {VARIABLE}=:4096:8")
    with pytest.raises(RuntimeError, match="another"), deterministic():
        raise RuntimeError("another")
