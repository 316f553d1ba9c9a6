"""Saliency criteria and their registry."""

import pytest
import torch

from workbench.errors import BadInput
from workbench.scores import criterion, find_criterion, magnitude, random


def test_magnitude_is_the_absolute_value_in_the_same_dtype():
    weight = torch.nn.Parameter(torch.tensor([-2.0, 0.5], dtype=torch.bfloat16))
    result = magnitude({"w": weight})["w"]
    assert result.tolist() == [2.0, 0.5]
    assert result.dtype == torch.bfloat16
    assert not result.requires_grad


def test_random_depends_only_on_seed_and_name():
    a, b = torch.zeros(3, 5), torch.ones(4)
    first = random({"a": a, "b": b}, seed=1)
    again = random({"b": b, "a": a + 7}, seed=1)
    assert torch.equal(first["a"], again["a"])
    assert torch.equal(first["b"], again["b"])
    assert first["a"].shape == (3, 5)
    assert not torch.equal(first["a"], random({"a": a}, seed=2)["a"])
    assert not torch.equal(first["a"], random({"c": a}, seed=1)["c"])


def test_random_is_uniform_and_does_not_use_the_global_generator():
    state = torch.random.get_rng_state()
    values = random({"w": torch.empty(20_000)}, seed=0)["w"]
    assert torch.equal(state, torch.random.get_rng_state())
    assert values.mean().item() == pytest.approx(0.5, abs=0.01)
    assert values.var().item() == pytest.approx(1 / 12, abs=0.005)
    assert values.unique().numel() == 20_000


def test_an_external_criterion_is_found_by_name(registries):
    @criterion
    def squared(weights):
        return {name: weight**2 for name, weight in weights.items()}

    assert find_criterion("squared") is squared
    with pytest.raises(BadInput, match="criterion 'squared' already exists"):
        criterion(squared)


def test_an_unknown_criterion_is_rejected_with_the_closest_name():
    assert find_criterion("magnitude") is magnitude
    with pytest.raises(BadInput, match=r"unknown criterion 'magnitud'\. Did you mean magnitude"):
        find_criterion("magnitud")
