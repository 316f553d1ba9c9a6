"""Both sets of kernels compute what their descriptions say, and the same."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.masks.ranking_reference import ANY, ARRAYS, TIES
from workbench.masks import rank_numba, rank_torch
from workbench.masks.keys import FLOAT32, FLOAT64, on_host

KERNELS = pytest.mark.parametrize("kernels", [rank_numba, rank_torch])
NARROW = [torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16, torch.float16]


def key_of(value: float) -> int:
    """The key of a float32 number, from its sign and magnitude."""
    magnitude = int(np.abs(np.float32(value)).view(np.int32))
    return -magnitude if value < 0 else magnitude


def vectors(layout):
    return ARRAYS.map(lambda array: torch.from_numpy(array).flatten().to(layout.real))


@settings(deadline=None)
@given(st.one_of(TIES, ANY), st.one_of(TIES, ANY))
def test_keys_order_as_numbers_do(a, b):
    assert (a < b, a == b) == (key_of(a) < key_of(b), key_of(a) == key_of(b))


@KERNELS
@settings(deadline=None)
@given(array=ARRAYS, data=st.data())
def test_counting_and_finding_follow_the_keys(kernels, array, data):
    values = torch.from_numpy(array).flatten()
    bits, keys = kernels.bits_of(values, FLOAT32), [key_of(value) for value in values.tolist()]
    bound = st.one_of(st.sampled_from(keys), st.integers(1 - FLOAT32.infinity, FLOAT32.infinity - 1))
    first, last = data.draw(bound), data.draw(bound)
    assert kernels.count(bits, first, last) == sum(first <= key <= last for key in keys)
    places = [i for i, key in enumerate(keys) if key == first]
    for n in range(1, len(places) + 1):
        assert kernels.nth(bits, first, n) == places[n - 1]
    assert kernels.nth(bits, first, len(places) + 1) == len(keys)
    cut = data.draw(st.integers(0, len(keys)))
    marks = [key > first or (key == first and i < cut) for i, key in enumerate(keys)]
    out = torch.empty(len(keys), dtype=torch.bool)
    kernels.mark(bits, first, cut, out)
    assert out.tolist() == marks
    assert kernels.packed_marks(bits, first, cut).tolist() == np.packbits(marks).tolist()


@pytest.mark.parametrize("layout", [FLOAT32, FLOAT64], ids=["float32", "float64"])
@settings(deadline=None)
@given(data=st.data())
def test_histograms_agree(layout, data):
    values = data.draw(vectors(layout))
    first = data.draw(st.integers(1 - layout.infinity, layout.infinity - 2))
    shift = data.draw(st.integers(0, layout.width - 16))
    # Whole bins, as `Window` has them.
    first = max(first >> shift << shift, 1 - layout.infinity)
    last = min(((first >> shift) + 999 << shift) + (1 << shift) - 1, layout.infinity - 1)
    found = []
    for kernels in (rank_numba, rank_torch):
        counts = np.ones((last >> shift) - (first >> shift) + 1, dtype=np.int64)
        inside = kernels.histogram(kernels.bits_of(values, layout), first, last, shift, counts)
        assert inside == kernels.count(kernels.bits_of(values, layout), first, last)
        assert counts.sum() == counts.size + inside
        found.append(counts.tolist())
    assert found[0] == found[1]


@pytest.mark.parametrize("layout", [FLOAT32, FLOAT64], ids=["float32", "float64"])
@pytest.mark.parametrize("dtype", NARROW)
def test_narrow_formats_are_widened_exactly(dtype, layout):
    every = torch.arange(1 << 8 * dtype.itemsize)
    values = every.to({1: torch.uint8, 2: torch.uint16}[dtype.itemsize]).view(dtype)
    values = values[values.double().isfinite()]
    expected = values.to(layout.real).view(layout.integer)
    assert rank_numba.bits_of(values, layout).tolist() == expected.tolist()
    assert rank_torch.bits_of(values, layout).tolist() == expected.tolist()


def test_a_tensor_of_the_layout_is_not_copied():
    values = torch.rand(9)
    bits = rank_numba.bits_of(values, FLOAT32)
    assert bits.__array_interface__["data"][0] == values.data_ptr()


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1), st.data())
def test_the_bin_of_the_nth_largest(counts, data):
    keys = [place for place, number in enumerate(counts) for _ in range(number)][::-1]
    if not keys:
        return
    n = data.draw(st.integers(1, len(keys)))
    place, above = rank_numba.nth_bin(np.array(counts), n)
    assert place == keys[n - 1]
    assert above == sum(key > place for key in keys)


def test_what_is_on_the_host():
    assert on_host([torch.ones(1), torch.ones(2)])
    assert not on_host([torch.ones(1), torch.ones(2, device="meta")])


def test_numba_is_imported_by_the_first_that_needs_it():
    code = "import sys, workbench.masks; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
