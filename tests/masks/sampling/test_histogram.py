"""Histograms of magnitudes, compared to counting one by one."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.masks.ranking.reference import ARRAYS, working
from workbench.errors import BadInput
from workbench.masks.ranking.keys import FLOAT32, FLOAT64
from workbench.masks.ranking.vectors import vectors_of
from workbench.masks.sampling.histogram import Histogram

LAYOUTS = pytest.mark.parametrize("layout", [FLOAT32, FLOAT64], ids=["float32", "float64"])
BY_TORCH = pytest.mark.parametrize("by_torch", [False, True], ids=["numba", "torch"])


def histogram(values: torch.Tensor, precision: int, by_torch: bool = False) -> Histogram:
    with working((16, 2, by_torch)):
        return Histogram.of(vectors_of({"w": values}, ["w"])[0], precision)


@LAYOUTS
@BY_TORCH
@settings(deadline=None)  # the first call compiles
@given(array=ARRAYS, precision=st.integers(3, 10))
def test_each_weight_is_counted_between_the_edges_of_its_bin(layout, by_torch, array, precision):
    values = torch.from_numpy(array).to(layout.real)
    result = histogram(values, precision, by_torch)
    magnitudes = values.double().abs().numpy().ravel()
    assert result.zeros == (magnitudes == 0).sum()
    assert result.numel == magnitudes.size
    for low, high, count in zip(result.lower, result.upper, result.counts, strict=True):
        inside = (magnitudes > (0 if low == 5e-324 else low)) & (magnitudes <= high)
        assert count == inside.sum() > 0


@settings(deadline=None)  # the first call compiles
@given(array=ARRAYS, precision=st.integers(3, 10))
def test_a_coarser_histogram_equals_one_built_from_the_weights(array, precision):
    values = torch.from_numpy(array)
    result, expected = histogram(values, 10).coarser(precision), histogram(values, precision)
    np.testing.assert_array_equal(result.bins, expected.bins)
    np.testing.assert_array_equal(result.counts, expected.counts)
    assert (result.shift, result.zeros) == (expected.shift, expected.zeros)


@settings(deadline=None)  # the first call compiles
@given(st.lists(ARRAYS, min_size=1, max_size=3))
def test_merged_histograms_equal_one_of_all_weights(arrays):
    tensors = [torch.from_numpy(array).flatten() for array in arrays]
    result, expected = Histogram.merged([histogram(t, 7) for t in tensors]), histogram(torch.cat(tensors), 7)
    np.testing.assert_array_equal(result.bins, expected.bins)
    np.testing.assert_array_equal(result.counts, expected.counts)
    assert result.zeros == expected.zeros


@LAYOUTS
@BY_TORCH
def test_values_that_are_not_finite_are_rejected_whatever_their_bits(layout, by_torch):
    for bits in (layout.infinity, layout.infinity + 1, (1 << layout.width - 1) - 1, -1):
        values = torch.tensor([5, bits, 0], dtype=layout.integer).view(layout.real)
        with pytest.raises(BadInput, match="1 of 3 values of 'w'"):
            histogram(values, 10, by_torch)
    assert histogram(torch.full((3,), torch.finfo(layout.real).max, dtype=layout.real), 10).alive == 3
