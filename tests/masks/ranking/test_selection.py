"""A guess may make ranking faster but never changes its result."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.masks.ranking.reference import ARRAYS, WAYS, working
from workbench.masks.ranking import selection
from workbench.masks.ranking.keys import FLOAT32, FLOAT64
from workbench.masks.ranking.selection import Window, choose
from workbench.masks.ranking.vectors import Vector, vectors_of

KEYS = st.integers(-(1 << 31), 1 << 31)


@settings(deadline=None)
@given(ARRAYS, st.data(), KEYS, st.integers(0, 1 << 31), WAYS)
def test_a_guess_does_not_change_the_result(array, data, key, reach, way):
    tensor = torch.from_numpy(array)
    kept = data.draw(st.integers(0, tensor.numel()))
    near = data.draw(st.integers(-70_000, 70_000))
    with working(way):
        vectors = vectors_of({"w": tensor}, ["w"])
        choice = choose(vectors, kept)
        for middle in (key, choice.threshold + near):
            assert choose(vectors, kept, Window.of(middle - reach, middle + reach, FLOAT32)) == choice


@pytest.mark.parametrize("sample", [[-5.0], [5.0], [-0.0, 0.0], [0.5, 1.5, math.nan], [math.inf] * 9])
@pytest.mark.parametrize("kept", [1, 500, 4999, 5000])
def test_a_misleading_sample_does_not_change_the_result(kept, sample, monkeypatch):
    values = torch.rand(5000, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(Vector, "sample", lambda self, step: np.array(sample, dtype=np.float32))
    choice = choose(vectors_of({"w": values}, ["w"]), kept)
    assert choice.threshold == values.sort(descending=True).values[kept - 1].view(torch.int32)
    assert choice.ties == kept - (values.view(torch.int32) > choice.threshold).sum()


def test_with_a_sample_one_pass_over_all_entries_is_enough(monkeypatch):
    windows = []
    counted = selection._histogram
    monkeypatch.setattr(selection, "_histogram", lambda v, w: windows.append(w) or counted(v, w))
    values = torch.randn(1 << 20, generator=torch.Generator().manual_seed(0))
    choose(vectors_of({"w": values}, ["w"]), 1 << 16)
    # All other windows are bins of the first one.
    widths = [window.last - window.first for window in windows]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] < 1 << 20


@settings(deadline=None)
@given(st.sampled_from([FLOAT32, FLOAT64]), st.data())
def test_a_window_has_exactly_the_finite_keys_requested(layout, data):
    keys = st.integers(-2 * layout.infinity, 2 * layout.infinity)
    first, last = sorted([data.draw(keys), data.draw(keys)])
    window = Window.of(first, last, layout)
    limit = layout.infinity - 1
    assert window.first == min(max(first, -limit), limit)
    assert window.last == min(max(last, -limit), limit)
    assert 1 <= window.bins <= (1 << 16) + 1


@settings(deadline=None)
@given(st.sampled_from([FLOAT32, FLOAT64]), st.data())
def test_bins_divide_a_window_without_gaps(layout, data):
    keys = st.integers(1 - layout.infinity, layout.infinity - 1)
    window = Window.of(*sorted([data.draw(keys), data.draw(keys)]), layout)
    assert window.bin(0, layout).first == window.first
    assert window.bin(window.bins - 1, layout).last == window.last
    place = data.draw(st.integers(0, window.bins - 1))
    assert place == 0 or window.bin(place, layout).first == window.bin(place - 1, layout).last + 1
    assert window.bin(place, layout).bins <= 1 << 16
