"""Exact ranking, compared to a slow and obvious reference."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.masks.ranking.reference import ARRAYS, WAYS, entries, slow_top_k, working
from workbench.errors import BadInput
from workbench.masks import Mask, kept_count, matrix_type, topk_counts, topk_mask

SPARSITIES = st.floats(0, 0.99)
DTYPES = st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16])


@st.composite
def score_tensors(draw, max_size: int = 4) -> dict[str, torch.Tensor]:
    """Tensors of several formats, some of them not contiguous."""
    scores = {}
    for i, array in enumerate(draw(st.lists(ARRAYS, min_size=1, max_size=max_size))):
        tensor = torch.from_numpy(array)
        if draw(st.booleans()):
            # 6e4 is close to the largest number in float16.
            tensor = tensor.clamp(-6e4, 6e4).to(draw(DTYPES))
        if draw(st.booleans()):
            tensor = tensor.repeat_interleave(2, dim=-1)[..., ::2].transpose(0, -1)
        # Names in descending order: the mapping's order matters, not the alphabet.
        scores[f"w{9 - i}"] = tensor
    return scores


@settings(deadline=None)
@given(score_tensors(max_size=1), SPARSITIES, WAYS)
def test_one_matrix_equals_the_reference(scores, sparsity, way):
    (tensor,) = scores.values()
    kept = tensor.numel() - round(sparsity * tensor.numel())
    if kept == 0:
        return
    with working(way):
        mask = topk_mask(scores, sparsity)
    assert mask.kept == kept
    assert mask.shapes == {"w9": tuple(tensor.shape)}
    assert entries([mask["w9"]]) == slow_top_k(entries([tensor]), kept)


@settings(deadline=None)
@given(score_tensors(), SPARSITIES, WAYS)
def test_global_ranking_equals_the_reference_on_one_long_vector(scores, sparsity, way):
    values = entries(scores.values())
    kept = len(values) - round(sparsity * len(values))
    if kept == 0:
        return
    with working(way):
        mask = topk_mask(scores, sparsity, scope="global")
    assert mask.kept == kept
    assert mask.names == tuple(scores)
    assert entries(mask[name] for name in scores) == slow_top_k(values, kept)


@settings(deadline=None)
@given(score_tensors(), st.data(), WAYS)
def test_a_number_per_matrix_equals_the_reference(scores, data, way):
    kept = {name: data.draw(st.integers(0, tensor.numel())) for name, tensor in scores.items()}
    with working(way):
        mask = topk_counts(scores, kept)
    assert mask.kept_per_matrix() == kept
    for name, tensor in scores.items():
        assert entries([mask[name]]) == slow_top_k(entries([tensor]), kept[name])


def test_sizes_that_float32_cannot_count_are_exact():
    size = 2**24 + 3
    mask = topk_mask({"w": (torch.arange(size) // 5).float()}, 0.3)
    # Groups of five equal scores, ascending: of the five at the boundary the first ones are kept.
    pruned = round(0.3 * size)
    start, wanted = pruned // 5 * 5, 5 - pruned % 5
    expected = torch.arange(size) >= start
    expected[start + wanted : start + 5] = False
    assert mask.kept == size - pruned
    assert torch.equal(mask["w"], expected)


def test_subnormals_rank_exactly_even_if_the_processor_flushes_them_to_zero():
    scores = torch.arange(1, 1001, dtype=torch.int32).view(torch.float32)
    assert torch.set_flush_denormal(True)
    try:
        mask = topk_mask({"w": scores}, 0.5)
    finally:
        torch.set_flush_denormal(False)
    assert entries([mask["w"]]) == [False] * 500 + [True] * 500


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


@pytest.mark.parametrize(
    "dtype", [torch.float8_e4m3fn, torch.bfloat16, torch.float16, torch.float32, torch.float64]
)
def test_every_float_type_ranks_exactly(dtype):
    scores = torch.randn(64, 33, generator=torch.Generator().manual_seed(1)).to(dtype)
    mask = topk_mask({"w": scores}, 0.9)
    assert mask.kept == kept_count(64 * 33, 0.9)
    assert entries([mask["w"]]) == slow_top_k(entries([scores.double()]), mask.kept)


def test_float64_is_not_rounded_to_float32():
    scores = torch.tensor([1.0, 1.0 + 1e-12], dtype=torch.float64)
    assert topk_mask({"w": scores}, 0.5)["w"].tolist() == [False, True]


def test_scores_rank_by_value_regardless_of_strides():
    scores = torch.tensor([[-5.0, 1.0], [2.0, -7.0]]).T
    assert topk_mask({"w": scores}, 0.5)["w"].tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    "sparsity", [0, 0.0, 0.5, 0.54, 0.9, 0.9375, 0.95, 0.99, np.float32(0.5), np.float64(0.9)]
)
@pytest.mark.parametrize("numel", [1, 2, 10, 147_456, 589_824, 84_934_656])
def test_the_count_follows_the_documented_formula(numel, sparsity):
    assert kept_count(numel, sparsity) == numel - round(float(sparsity) * numel)
    assert type(kept_count(numel, sparsity)) is int


@pytest.mark.parametrize("sparsity", [1, 1.0, -0.1, 90, math.nan, math.inf, True, "0.9", None])
def test_a_sparsity_out_of_range_is_rejected(sparsity):
    with pytest.raises(BadInput, match=r"not a number in \[0, 1\)"):
        kept_count(10, sparsity)


@pytest.mark.parametrize(
    ("scope", "group", "numel"), [("matrix", "small", 10), ("global", "all matrices", 40)]
)
def test_a_sparsity_that_keeps_nothing_is_rejected_with_the_largest_usable_one(scope, group, numel):
    scores = {"large": torch.rand(30) if scope == "global" else torch.rand(1000), "small": torch.rand(10)}
    message = (
        rf"sparsity 0.99 keeps none of the {numel} weights of {group}\. Give at most {1 - 1 / numel:.9g}\."
    )
    with pytest.raises(BadInput, match=message):
        topk_mask(scores, 0.99, scope)


@pytest.mark.parametrize("numel", [1, 2, 3, 7, 10, 999])
def test_the_sparsity_suggested_in_the_message_is_usable(numel):
    with pytest.raises(BadInput) as refusal:
        topk_mask({"w": torch.rand(numel)}, 1 - 1e-9)
    largest = float(str(refusal.value).split("Give at most ")[1].removesuffix("."))
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
def test_scores_that_cannot_be_ranked_are_rejected_by_name(scores, message):
    with pytest.raises(BadInput, match=message):
        topk_mask(scores, 0.5)


@pytest.mark.parametrize("way", [(8, 1, False), (8, 3, False), (8, 1, True)])
def test_among_several_tensors_that_are_not_finite_the_first_is_named(way):
    scores = {name: torch.ones(40) for name in "abcd"}
    for name in "cb":
        scores[name][[3, 30]] = torch.tensor([-math.inf, math.nan])
    for scope in ("matrix", "global"):
        with working(way), pytest.raises(BadInput, match="2 of 40 values of 'b' are NaN or infinite"):
            topk_mask(scores, 0.5, scope)


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ({"v": 1}, "'w' is not in both mappings"),
        ({"v": 1, "w": 2, "x": 3}, "'x' is not in both mappings"),
        ({"v": 1, "w": 4}, "cannot keep 4 weights of w. Give an integer from 0 to 3"),
        ({"v": -1, "w": 1}, "-1 weights of v"),
        ({"v": 1.0, "w": 1}, "1.0 weights of v"),
        ({"v": True, "w": 1}, "True weights of v"),
    ],
)
def test_impossible_numbers_are_rejected(kept, message):
    with pytest.raises(BadInput, match=message):
        topk_counts({"v": torch.ones(2), "w": torch.ones(3)}, kept)


def test_scores_that_are_parameters_are_not_changed():
    weight = torch.nn.Parameter(torch.tensor([3.0, -0.0, 1.0]))
    mask = topk_mask({"w": weight}, 1 / 3)
    assert mask == Mask.from_tensors({"w": torch.tensor([True, False, True])})
    assert weight.tolist() == [3.0, -0.0, 1.0]
