"""Randomized masks: exact counts, seeds, zeros, ranges. The law is tested in test_drawn_law.py."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.masks import kept_count, sample_mask, topk_mask

METHODS = ["counts", "draws"]


def gaussian(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scope", ["matrix", "type", "global"])
@pytest.mark.parametrize("sparsity", [0, 0.3, 0.54, 0.9, 0.97])
def test_the_count_is_exact_in_every_group(method, scope, sparsity):
    names = [f"layer.{i}.{kind}.weight" for i in range(2) for kind in ("query", "dense")]
    weights = {name: gaussian(9, 13, seed=i) for i, name in enumerate(names)}
    mask = sample_mask(weights, sparsity, ratio=0.02, scope=scope, method=method)
    kept = list(mask.kept_per_matrix().values())
    sums = {"matrix": kept, "type": [kept[0] + kept[2], kept[1] + kept[3]], "global": [sum(kept)]}[scope]
    assert sums == [kept_count(468 // len(sums), sparsity)] * len(sums)


@settings(deadline=None)
@given(
    exponent=st.one_of(st.just(0.0), st.floats(0, 30), st.just(1000.0)),
    decades=st.integers(0, 38),
    sparsity=st.floats(0, 0.98),
    ratio=st.floats(1e-3, 1),
    method=st.sampled_from(METHODS),
)
def test_the_count_is_exact_at_any_exponent_and_dynamic_range(exponent, decades, sparsity, ratio, method):
    weights = {"w": gaussian(8, 8) * torch.logspace(0, -decades, 64).reshape(8, 8)}
    mask = sample_mask(weights, sparsity, ratio, exponent, method=method)
    assert mask.kept == kept_count(64, sparsity)
    assert (weights["w"][mask["w"]] != 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_sample_depends_only_on_seed_and_name(method):
    weights = {"a": gaussian(20, 20), "b": gaussian(20, 20)}
    both = sample_mask(weights, 0.9, 0.05, seed=3, method=method)
    assert both == sample_mask(dict(reversed(weights.items())), 0.9, 0.05, seed=3, method=method)
    assert torch.equal(both["b"], sample_mask({"b": weights["b"]}, 0.9, 0.05, seed=3, method=method)["b"])
    assert both != sample_mask(weights, 0.9, 0.05, seed=4, method=method)
    assert not torch.equal(both["a"], sample_mask({"b": weights["b"]}, 0.9, 0.05, seed=3, method=method)["b"])


@pytest.mark.parametrize("method", METHODS)
def test_samples_from_pruned_weights_are_nested(method):
    weights = {"w": gaussian(40, 40)}
    parent = sample_mask(weights, 0.5, 0.02, exponent=0, method=method)
    parent.apply_(weights)
    child = sample_mask(weights, 0.8, 0.02, exponent=0, seed=1, method=method)
    assert (child & ~parent).kept == 0
    assert child.kept == kept_count(1600, 0.8)
    assert sample_mask(weights, 0.5, 0.02, method=method) == parent


def test_scale_sign_and_dtype_of_the_weights_do_not_matter():
    weights = gaussian(30, 30).bfloat16()
    mask = sample_mask({"w": weights}, 0.9, 0.02)
    assert mask == sample_mask({"w": -weights.double()}, 0.9, 0.02)
    assert mask == sample_mask({"w": weights.float() * 2.0**-100}, 0.9, 0.02)


def test_more_draws_get_closer_to_the_magnitude_mask():
    weights = {"w": gaussian(64, 64)}
    magnitude = topk_mask({"w": weights["w"].abs()}, 0.9)
    distances = [(sample_mask(weights, 0.9, ratio) ^ magnitude).kept for ratio in (3e-4, 3e-3, 3e-2, 3)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": 0}, "ratio 0 "),
        ({"ratio": -1e-4}, "ratio"),
        ({"ratio": math.nan}, "ratio nan"),
        ({"ratio": math.inf}, "ratio inf"),
        ({"exponent": -1}, "exponent -1 "),
        ({"exponent": math.nan}, "exponent nan"),
        ({"exponent": math.inf}, "exponent inf"),
        ({"method": "count"}, "unknown sampling method 'count'. Did you mean counts"),
        ({"scope": "layer"}, "unknown scope 'layer'"),
        ({"sparsity": 1.0}, "sparsity 1.0"),
        ({"sparsity": 0.999}, "keeps none of the 100 weights of w"),
        ({"weights": {}}, "empty"),
        ({"weights": {"w": torch.ones(4, dtype=torch.int64)}}, "'w' is torch.int64"),
        ({"weights": {"w": torch.tensor([1.0, math.nan])}}, "1 of 2 values of 'w'"),
        ({"weights": {"w": torch.ones(0)}}, "'w' has shape"),
    ],
)
def test_unusable_arguments_are_rejected(options, message):
    arguments = {"weights": {"w": gaussian(10, 10)}, "sparsity": 0.5} | options
    with pytest.raises(BadInput, match=message):
        sample_mask(**arguments)


@pytest.mark.parametrize("method", METHODS)
def test_too_few_non_zero_weights_are_counted_in_the_message(method):
    weights = {"w": torch.tensor([1.0] * 3 + [0.0] * 7)}
    assert sample_mask(weights, 0.7, method=method)["w"].tolist() == [True] * 3 + [False] * 7
    with pytest.raises(BadInput, match=r"w has 3 non-zero weights, but sparsity 0\.5 keeps 5 of 10"):
        sample_mask(weights, 0.5, method=method)


@pytest.mark.parametrize(
    ("method", "digest"), [("counts", "fff40000009dfff0"), ("draws", "ffe82000001ffff0")]
)
def test_the_samples_are_pinned(method, digest):
    weights = {"w": torch.linspace(-1, 1, 60).reshape(6, 10)}
    mask = sample_mask(weights, 0.5, ratio=0.2, exponent=2.0, seed=7, method=method)
    assert np.packbits(mask["w"].numpy()).tobytes().hex() == digest
