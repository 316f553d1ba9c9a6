"""Both sets of kernels compute what their docstrings say, and agree."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.masks.ranking.reference import ANY, ARRAYS, TIES
from workbench.masks.ranking import kernels_numba, kernels_torch
from workbench.masks.ranking.keys import FLOAT32, FLOAT64, keys_of
from workbench.masks.ranking.selection import Window
from workbench.masks.ranking.vectors import on_host

KERNELS = pytest.mark.parametrize("kernels", [kernels_numba, kernels_torch])
NARROW = [torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16, torch.float16]


def key_of(value: float) -> int:
    """The key of a float32 number, from its sign and magnitude."""
    magnitude = int(np.abs(np.float32(value)).view(np.int32))
    return -magnitude if value < 0 else magnitude


def vectors(layout):
    return ARRAYS.map(lambda array: torch.from_numpy(array).flatten().to(layout.real))


@settings(deadline=None)
@given(st.one_of(TIES, ANY), st.one_of(TIES, ANY))
def test_keys_have_the_order_of_the_numbers(a, b):
    a, b = np.float32(a), np.float32(b)
    assert (a < b, a == b) == (key_of(a) < key_of(b), key_of(a) == key_of(b))


@KERNELS
@settings(deadline=None)
@given(array=ARRAYS, data=st.data())
def test_marks_follow_the_keys(kernels, array, data):
    values = torch.from_numpy(array).flatten()
    bits, keys = kernels.bits_of(values, FLOAT32), [key_of(value) for value in values.tolist()]
    assert keys_of(bits if isinstance(bits, np.ndarray) else bits.numpy()).tolist() == keys
    anywhere = st.integers(1 - FLOAT32.infinity, FLOAT32.infinity - 1)
    threshold = data.draw(st.one_of(st.sampled_from(keys), anywhere))
    equal = [i for i, key in enumerate(keys) if key == threshold]
    ties = data.draw(st.integers(0, len(keys)))
    marks = [key > threshold or i in equal[:ties] for i, key in enumerate(keys)]
    out = torch.empty(len(keys), dtype=torch.bool)
    assert kernels.mark(bits, threshold, ties, out) == len(equal)
    assert out.tolist() == marks
    packed, count = kernels.packed_marks(bits, threshold, ties)
    assert packed.tolist() == np.packbits(marks).tolist()
    assert count == len(equal)


@pytest.mark.parametrize("layout", [FLOAT32, FLOAT64], ids=["float32", "float64"])
@KERNELS
@settings(deadline=None)
@given(data=st.data())
def test_histograms_follow_the_keys(kernels, layout, data):
    values = data.draw(vectors(layout))
    first = data.draw(st.integers(1 - layout.infinity, layout.infinity - 1))
    reach = data.draw(st.sampled_from([0, 1, 1 << 16, 1 << 20, 2 * layout.infinity]))
    window = Window.of(first, first + reach, layout)
    keys = keys_of(values.view(layout.integer).numpy())
    expected = np.ones(window.bins, dtype=np.int64)
    inside = keys[(keys >= window.first) & (keys <= window.last)].astype(object)
    for key in inside:
        expected[(key >> window.shift) - (window.first >> window.shift)] += 1
    counts = np.ones(window.bins, dtype=np.int64)
    bits = kernels.bits_of(values, layout)
    above, largest = kernels.histogram(bits, window.first, window.last, window.shift, counts)
    assert above == (keys > window.last).sum()
    assert largest == np.abs(keys).max()
    np.testing.assert_array_equal(counts, expected)


@KERNELS
@pytest.mark.parametrize("layout", [FLOAT32, FLOAT64], ids=["float32", "float64"])
@pytest.mark.parametrize("value", [torch.inf, -torch.inf, torch.nan, -torch.nan])
def test_values_that_are_not_finite_have_the_largest_magnitude(kernels, layout, value):
    values = torch.tensor([1.0, value, -3.0], dtype=layout.real)
    window = Window.of(-5, 5, layout)
    counts = np.zeros(window.bins, dtype=np.int64)
    bits = kernels.bits_of(values, layout)
    _, largest = kernels.histogram(bits, window.first, window.last, window.shift, counts)
    assert largest >= layout.infinity
    assert not counts.any()


@pytest.mark.parametrize("layout", [FLOAT32, FLOAT64], ids=["float32", "float64"])
@pytest.mark.parametrize("dtype", NARROW)
def test_narrow_formats_are_widened_exactly(dtype, layout):
    every = torch.arange(1 << 8 * dtype.itemsize)
    values = every.to({1: torch.uint8, 2: torch.uint16}[dtype.itemsize]).view(dtype)
    values = values[values.double().isfinite()]
    expected = values.to(layout.real).view(layout.integer)
    assert kernels_numba.bits_of(values, layout).tolist() == expected.tolist()
    assert kernels_torch.bits_of(values, layout).tolist() == expected.tolist()


def test_a_tensor_of_the_layout_is_not_copied():
    values = torch.rand(9)
    bits = kernels_numba.bits_of(values, FLOAT32)
    assert bits.__array_interface__["data"][0] == values.data_ptr()


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1), st.data())
def test_the_bin_of_the_nth_largest_key_is_correct(counts, data):
    keys = [place for place, number in enumerate(counts) for _ in range(number)][::-1]
    if not keys:
        return
    n = data.draw(st.integers(1, len(keys)))
    place, above = kernels_numba.nth_bin(np.array(counts), n)
    assert place == keys[n - 1]
    assert above == sum(key > place for key in keys)


def test_only_cpu_tensors_are_on_the_host():
    assert on_host([torch.ones(1), torch.ones(2)])
    assert not on_host([torch.ones(1), torch.ones(2, device="meta")])


def test_numba_is_imported_only_when_needed():
    code = "import sys, workbench.masks; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
