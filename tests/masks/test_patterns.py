"""Patterns: what is kept, how many, and what is refused."""

import itertools

import numpy as np
import pytest
import torch

from workbench.errors import BadInput
from workbench.masks import Pattern, kept_count, nm_mask, sample_mask, topk_counts, topk_mask
from workbench.masks.grouping import groups
from workbench.masks.of_every import best_of_every
from workbench.randomness import torch_generator

SHAPES = {
    "layer.0.query.weight": (8, 12),
    "layer.1.query.weight": (8, 12),
    "layer.0.output.weight": (12, 24),
    "layer.1.output.weight": (12, 24),
}
SCORES = {
    name: torch.rand(shape, generator=torch_generator("patterns", name)) * (1 + i)
    for i, (name, shape) in enumerate(SHAPES.items())
}
SPARSITIES = (0.0, 0.1, 0.5, 0.62, 0.9)
RECTANGLES = [
    *itertools.product(["block:2x3", "block:4x1", "block:1x12"], ["matrix", "type", "global"]),
    ("neuron", "matrix"),
    ("neuron", "type"),
]


def rectangles(values: torch.Tensor, pattern: str) -> torch.Tensor:
    """The entries of each rectangle, one rectangle a row."""
    height, width = Pattern.of(pattern).sides(tuple(values.shape))
    rows, columns = values.shape
    return (
        values.reshape(rows // height, height, columns // width, width)
        .transpose(1, 2)
        .flatten(2)
        .flatten(0, 1)
    )


@pytest.mark.parametrize(("pattern", "scope"), RECTANGLES)
def test_an_exact_number_of_whole_rectangles_with_the_highest_means_is_kept(pattern, scope):
    for sparsity in SPARSITIES:
        mask = topk_mask(SCORES, sparsity, scope, pattern)
        for names in groups(SCORES, scope).values():
            kept = torch.cat([rectangles(mask[name], pattern) for name in names])
            assert torch.equal(kept.all(1), kept.any(1))
            assert kept.all(1).sum() == kept_count(len(kept), sparsity)
            means = torch.cat([rectangles(SCORES[name], pattern).double().mean(1) for name in names])
            highest_pruned = means[~kept.any(1)].max() if sparsity else -1
            assert means[kept.any(1)].min() >= highest_pruned


@pytest.mark.parametrize("scope", ["matrix", "type", "global"])
@pytest.mark.parametrize("name", ["1:2", "2:4", "1:4", "3:4", "2:3", "4:12"])
def test_n_of_every_m_are_kept_in_every_scope(name, scope):
    pattern = Pattern.of(name)
    mask = topk_mask(SCORES, pattern.sparsity, scope, name)
    assert mask == nm_mask(SCORES, pattern.n, pattern.m)
    assert mask.kept * pattern.m == mask.numel * pattern.n


@pytest.mark.parametrize("scope", ["matrix", "type", "global"])
def test_on_the_way_to_n_of_every_m_at_least_n_are_kept_and_the_count_is_exact(scope):
    final = nm_mask(SCORES, 2, 4)
    before = None
    for sparsity in (0.0, 0.1, 0.3, 0.49):
        mask = topk_mask(SCORES, sparsity, scope, "2:4")
        assert final & mask == final
        for names in groups(SCORES, scope).values():
            numel = sum(SCORES[name].numel() for name in names)
            assert sum(mask.packed(name).kept for name in names) == kept_count(numel, sparsity)
        assert before is None or before & mask == mask
        before = mask


@pytest.mark.parametrize("scope", ["matrix", "type", "global"])
def test_single_weights_as_blocks_are_no_pattern(scope):
    weights = {name: score - 0.7 for name, score in SCORES.items()}
    for sparsity in (0.3, 0.9):
        assert topk_mask(SCORES, sparsity, scope) == topk_mask(SCORES, sparsity, scope, "block:1x1")
        for method, ratio in [("counts", 0.01), ("counts", 1e-4), ("uniform", 1.0)]:
            law = {"sparsity": sparsity, "ratio": ratio, "scope": scope, "method": method}
            assert sample_mask(weights, **law) == sample_mask(weights, pattern="block:1x1", **law)


def test_numbers_of_rectangles_can_be_given():
    numbers = dict(zip(SHAPES, (0, 3, 12, 1), strict=True))
    mask = topk_counts(SCORES, numbers, "neuron")
    assert {name: int(mask[name].any(1).sum()) for name in SHAPES} == numbers
    assert mask.kept == 3 * 12 + 12 * 24 + 24


def test_a_convolution_is_the_matrix_of_its_outputs():
    kernels = {"conv": torch.rand(4, 2, 3, 3, generator=torch_generator("kernels"))}
    flat = {"conv": kernels["conv"].flatten(1)}
    for pattern, sparsity in [("neuron", 0.5), ("block:2x3", 0.5), ("2:6", 2 / 3)]:
        mask = topk_mask(kernels, sparsity, "matrix", pattern)
        assert torch.equal(mask["conv"].flatten(1), topk_mask(flat, sparsity, "matrix", pattern)["conv"])


@pytest.mark.parametrize("m", [2, 3, 4, 8, 33])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_best_of_every_group_are_those_of_a_stable_sort(m, dtype):
    scores = (torch.randn(60, m, generator=torch_generator("best", m)) * 2).round().to(dtype)
    order = np.argsort(-scores.double().numpy(), axis=1, kind="stable")
    for n in (0, 1, m // 2, m):
        wanted = np.zeros((60, m), dtype=bool)
        np.put_along_axis(wanted, order[:, :n], True, axis=1)
        np.testing.assert_array_equal(best_of_every(scores, n, m).numpy(), wanted)


def test_means_of_the_lowest_numbers_stay_finite():
    scores = torch.full((2, 6), torch.finfo(torch.float64).min, dtype=torch.float64)
    scores[1] = 1.0
    assert topk_mask({"w": scores}, 0.5, pattern="neuron")["w"].tolist() == [[False] * 6, [True] * 6]


@pytest.mark.parametrize(
    ("name", "spelt"),
    [("unstructured",) * 2, ("neuron",) * 2, ("2:4", "2:4"), ("02:4", "2:4"), ("block:04x1", "block:4x1")],
)
def test_a_pattern_has_one_spelling(name, spelt):
    assert str(Pattern.of(name)) == spelt
    assert Pattern.of(Pattern.of(name)) == Pattern.of(spelt)


@pytest.mark.parametrize(
    ("pattern", "sparsity", "scope", "message"),
    [
        ("2-4", 0.5, "matrix", "pattern '2-4' is unknown. Give unstructured, neuron, n:m such as 2:4"),
        ("block:0x4", 0.5, "matrix", "pattern 'block:0x4' is unknown"),
        ("0:4", 0.5, "matrix", "pattern '0:4' is unknown"),
        ("4:4", 0.5, "matrix", "pattern 4:4 is not possible. Give n:m with n from 1 to m - 1"),
        ("2:4", 0.6, "matrix", "sparsity is 0.6, but a mask with the pattern 2:4 has 0.5"),
        ("1:3", 0.667, "matrix", "the pattern 1:3 has 0.666666666667"),
        (
            "2:5",
            0.6,
            "matrix",
            "rows of 'layer.0.query.weight', which have 12 weights.* one of 1, 2, 3, 4, 6, 12",
        ),
        (
            "block:3x4",
            0.5,
            "matrix",
            "'layer.0.query.weight', which has 8 x 12.* R one of 1, 2, 4, and C one of 1",
        ),
        (
            "neuron",
            0.5,
            "global",
            r"rows of 12 weights \(layer.1.query.weight\) and of 24.* Give the scope type",
        ),
        ("neuron", 0.95, "matrix", "sparsity 0.95 keeps none of the 8 rows of layer.0.query.weight"),
        ("block:8x12", 0.9, "global", "block:8x12 does not divide 'layer.0.output.weight'"),
        ("block:4x12", 0.9, "matrix", "keeps none of the 2 blocks of layer.0.query.weight"),
        ("2:4", 0.5, "row", "unknown scope 'row'"),
    ],
)
def test_what_has_no_meaning_is_refused_with_what_has(pattern, sparsity, scope, message):
    for make in (topk_mask, sample_mask):
        with pytest.raises(BadInput, match=message):
            make(SCORES, sparsity=sparsity, scope=scope, pattern=pattern)


@pytest.mark.parametrize("pattern", ["2:4", "block:2x2", "neuron"])
def test_values_that_cannot_be_ranked_are_refused_by_name(pattern):
    broken = torch.ones(8, 12)
    broken[3, 5] = torch.nan
    for make in (topk_mask, sample_mask):
        with pytest.raises(BadInput, match="1 of 96 values of 'w' are NaN"):
            make({"w": broken}, 0.5, pattern=pattern)
        with pytest.raises(BadInput, match="'w' is torch"):
            make({"w": torch.ones(8, 12, dtype=torch.int64)}, 0.5, pattern=pattern)
