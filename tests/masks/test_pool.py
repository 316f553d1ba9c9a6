"""Growth, entropy and disagreement of a pool, compared to unpacked masks."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from tests.masks.pools import pools
from workbench.errors import BadInput
from workbench.masks import Mask, disagreement, entropy, growth
from workbench.masks import bits as kernels


def packed(pool):
    return [Mask.from_tensors(tensors) for tensors in pool]


@settings(deadline=None)  # the first example compiles
@given(pool=pools())
def test_growth_counts_union_and_intersection(pool):
    masks = packed(pool)
    union = intersection = masks[0]
    total, first = growth(masks), growth(masks, "m0")
    assert list(total.columns) == ["union", "intersection"]
    for index, mask in enumerate(masks):
        union, intersection = union | mask, intersection & mask
        assert total.loc[index].tolist() == [union.kept, intersection.kept]
        assert first.loc[index].tolist() == [union["m0"].sum(), intersection["m0"].sum()]


def test_growth_is_labelled_by_mask():
    mask = Mask.from_tensors({"w": torch.ones(3, dtype=torch.bool)})
    assert list(growth({"a": mask, "b": mask}).index) == ["a", "b"]


@settings(deadline=None)  # the first example compiles
@given(pool=pools())
def test_entropy_is_the_mean_over_the_weights(pool):
    table = entropy(packed(pool))
    assert list(table.index) == list(pool[0])
    for name in pool[0]:
        share = np.mean([tensors[name].numpy() for tensors in pool], axis=0)
        terms = [p * np.log2(np.where(p > 0, p, 1)) for p in (share, 1 - share)]
        assert table[name] == pytest.approx(-np.mean(terms[0] + terms[1]), abs=1e-12)


def cuts(length: int) -> np.ndarray:
    """Where the cells of a map start along one side of a matrix."""
    cells = min(length, 64)
    return np.arange(1, cells) * length // cells


@settings(deadline=None)  # the first example compiles
@given(pool=pools(least=2))
def test_disagreement_is_the_share_of_pairs_that_differ_in_a_cell(pool):
    for name, tensor in pool[0].items():
        rows = tensor.shape[0] if tensor.ndim > 1 else 1
        flat = [tensors[name].reshape(rows, -1).numpy() for tensors in pool]
        differing = np.mean([first ^ second for first, second in combinations(flat, 2)], axis=0)
        bands = [np.array_split(np.arange(n), cuts(n)) for n in differing.shape]
        expected = [[differing[np.ix_(row, column)].mean() for column in bands[1]] for row in bands[0]]
        np.testing.assert_allclose(disagreement(packed(pool), name), expected, atol=1e-12)


@pytest.mark.parametrize("words", [1, 2, 3, 5])
def test_results_do_not_depend_on_the_block_size(monkeypatch, words):
    tensors = [{"w": torch.arange(700) % divisor == 0} for divisor in (2, 3, 5, 7)]
    masks = packed(tensors)
    whole = growth(masks), entropy(masks)
    monkeypatch.setattr(kernels, "_BLOCK_WORDS", 4 * words)
    assert growth(masks).equals(whole[0])
    assert entropy(masks).equals(whole[1])


def test_many_masks_are_tallied_exactly():
    masks = packed([{"w": torch.arange(300) < index} for index in range(300)])
    share = np.arange(299, -1, -1) / 300
    inner = share[(share > 0) & (share < 1)]
    expected = -np.sum(inner * np.log2(inner) + (1 - inner) * np.log2(1 - inner)) / 300
    assert entropy(masks)["w"] == pytest.approx(expected, abs=1e-12)


def test_bad_pools_are_rejected():
    mask = Mask.from_tensors({"w": torch.ones(3, dtype=torch.bool)})
    for refused in (growth, entropy, lambda masks: disagreement(masks, "w")):
        with pytest.raises(BadInput, match="no masks"):
            refused([])
        with pytest.raises(BadInput, match="different models: 'v'"):
            refused([mask, Mask.from_tensors({"w": mask["w"], "v": mask["w"]})])
    with pytest.raises(BadInput, match="at least two"):
        disagreement([mask], "w")
    for refused in (growth, disagreement):
        with pytest.raises(BadInput, match="'x'"):
            refused([mask, mask], "x")
