"""Exact ranking against a slow and obvious reference."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from workbench.errors import BadInput
from workbench.masks import Mask, kept_count, matrix_type, topk_mask

# Few distinct values, so that ties at the threshold are the rule.
VALUES = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 1e-45, 0.5, 1.0, 3e38])
ARRAYS = hnp.arrays(np.float32, hnp.array_shapes(max_dims=2, max_side=9), elements=VALUES)
SPARSITIES = st.floats(0, 0.99)


def slow_top_k(values: list[float], kept: int) -> list[bool]:
    ranked = sorted(range(len(values)), key=lambda i: (-values[i], i))
    return [i in ranked[:kept] for i in range(len(values))]


@given(ARRAYS, SPARSITIES)
def test_one_matrix_equals_the_reference(array, sparsity):
    kept = array.size - round(sparsity * array.size)
    if kept == 0:
        return
    mask = topk_mask({"w": torch.from_numpy(array)}, sparsity)
    assert mask.kept == kept
    assert mask["w"].flatten().tolist() == slow_top_k(array.ravel().tolist(), kept)


@given(st.lists(ARRAYS, min_size=1, max_size=4), SPARSITIES)
def test_global_ranking_equals_the_reference_on_one_long_vector(arrays, sparsity):
    values = [value for array in arrays for value in array.ravel().tolist()]
    kept = len(values) - round(sparsity * len(values))
    if kept == 0:
        return
    # Names in falling order: the mapping's order decides, not the alphabet.
    scores = {f"w{9 - i}": torch.from_numpy(array) for i, array in enumerate(arrays)}
    mask = topk_mask(scores, sparsity, scope="global")
    assert mask.kept == kept
    assert mask.names == tuple(scores)
    assert [bit for name in scores for bit in mask[name].flatten().tolist()] == slow_top_k(values, kept)


def test_types_are_ranked_together_over_the_layers():
    generator = torch.Generator().manual_seed(0)
    names = [f"layer.{layer}.{kind}.weight" for layer in range(3) for kind in ("query", "dense")]
    scores = {name: torch.rand(7, 3, generator=generator) for name in names}
    mask = topk_mask(scores, 0.6, scope="type")
    assert mask.names == tuple(names)
    for kind in ("query", "dense"):
        members = {name: scores[name] for name in names if matrix_type(name) == kind}
        together = topk_mask(members, 0.6, scope="global")
        assert together.kept == kept_count(63, 0.6)
        assert all(torch.equal(mask[name], together[name]) for name in members)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_every_float_type_ranks_exactly(dtype):
    scores = torch.randn(64, 33, generator=torch.Generator().manual_seed(1)).to(dtype)
    mask = topk_mask({"w": scores}, 0.9)
    assert mask.kept == kept_count(64 * 33, 0.9)
    assert mask["w"].flatten().tolist() == slow_top_k(scores.flatten().double().tolist(), mask.kept)


def test_float64_is_not_rounded_to_float32():
    scores = torch.tensor([1.0, 1.0 + 1e-12], dtype=torch.float64)
    assert topk_mask({"w": scores}, 0.5)["w"].tolist() == [False, True]


def test_scores_rank_by_value_and_strides_do_not_matter():
    scores = torch.tensor([[-5.0, 1.0], [2.0, -7.0]]).T
    assert topk_mask({"w": scores}, 0.5)["w"].tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    "sparsity", [0, 0.0, 0.5, 0.54, 0.9, 0.9375, 0.95, 0.99, np.float32(0.5), np.float64(0.9)]
)
@pytest.mark.parametrize("numel", [1, 2, 10, 147_456, 589_824, 84_934_656])
def test_the_count_is_the_contract_formula(numel, sparsity):
    assert kept_count(numel, sparsity) == numel - round(float(sparsity) * numel)
    assert type(kept_count(numel, sparsity)) is int


@pytest.mark.parametrize("sparsity", [1, 1.0, -0.1, 90, math.nan, math.inf, True, "0.9", None])
def test_a_sparsity_outside_its_range_is_refused(sparsity):
    with pytest.raises(BadInput, match=r"not a number in \[0, 1\)"):
        kept_count(10, sparsity)


@pytest.mark.parametrize(
    ("scope", "group", "numel"), [("matrix", "small", 10), ("global", "all matrices", 40)]
)
def test_a_sparsity_that_keeps_nothing_is_refused_with_the_largest_usable(scope, group, numel):
    scores = {"large": torch.rand(30) if scope == "global" else torch.rand(1000), "small": torch.rand(10)}
    message = rf"sparsity 0.99 keeps none of the {numel} weights of {group}.*is {1 - 1 / numel:.9g}\."
    with pytest.raises(BadInput, match=message):
        topk_mask(scores, 0.99, scope)


@pytest.mark.parametrize("numel", [1, 2, 3, 7, 10, 999])
def test_the_largest_usable_sparsity_of_the_message_is_usable(numel):
    with pytest.raises(BadInput) as refusal:
        topk_mask({"w": torch.rand(numel)}, 1 - 1e-9)
    largest = float(str(refusal.value).split(" is ")[1].removesuffix("."))
    assert topk_mask({"w": torch.rand(numel)}, largest).kept == 1


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({}, "empty"),
        ({"ok": torch.ones(4), "bad": torch.tensor([1.0, math.nan])}, "1 of 2 values of 'bad' are NaN"),
        ({"bad": torch.tensor([1.0, -math.inf, math.inf])}, "2 of 3 values of 'bad' are NaN or infinite"),
        ({"bad": torch.ones(4, dtype=torch.int64)}, "'bad' is torch.int64"),
        ({"bad": torch.ones(4, dtype=torch.bool)}, "'bad' is torch.bool"),
        ({"bad": np.ones(4)}, "'bad' is float64"),
        ({"bad": torch.ones(0)}, "'bad' has shape"),
    ],
)
def test_scores_that_cannot_be_ranked_are_refused_by_name(scores, message):
    with pytest.raises(BadInput, match=message):
        topk_mask(scores, 0.5)


def test_scores_of_parameters_are_left_as_they_are():
    weight = torch.nn.Parameter(torch.tensor([3.0, -0.0, 1.0]))
    mask = topk_mask({"w": weight}, 1 / 3)
    assert mask == Mask.from_tensors({"w": torch.tensor([True, False, True])})
    assert weight.tolist() == [3.0, -0.0, 1.0]
