"""A guess may make ranking quicker and never changes what it gives."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.masks.ranking_reference import ARRAYS, WAYS, working
from workbench.masks.keys import FLOAT32, FLOAT64, vectors_of
from workbench.masks.selection import Window, choose

KEYS = st.integers(-(1 << 31), 1 << 31)


@settings(deadline=None)
@given(ARRAYS, st.data(), KEYS, st.integers(0, 1 << 31), WAYS)
def test_a_guess_changes_nothing(array, data, key, reach, way):
    tensor = torch.from_numpy(array)
    kept = data.draw(st.integers(0, tensor.numel()))
    near = data.draw(st.integers(-70_000, 70_000))
    with working(way):
        vectors = vectors_of({"w": tensor}, ["w"])
        choice = choose(vectors, kept)
        assert choose(vectors, kept, Window.around(key, reach, FLOAT32)) == choice
        assert choose(vectors, kept, Window.around(choice.threshold + near, reach, FLOAT32)) == choice


@settings(deadline=None)
@given(st.sampled_from([FLOAT32, FLOAT64]), st.data())
def test_a_window_reaches_as_far_as_it_says_to_a_bin_or_everywhere(layout, data):
    key = data.draw(st.integers(1 - layout.infinity, layout.infinity - 1))
    reach = data.draw(st.integers(0, layout.infinity))
    window = Window.around(key, reach, layout)
    far = max(reach - (1 << window.shift), 0)
    assert window == Window.whole(layout) or window.first <= key - far <= key + far <= window.last
    assert window.bins <= 1 << 16


@settings(deadline=None)
@given(st.sampled_from([FLOAT32, FLOAT64]), st.data())
def test_bins_cut_a_window_into_pieces_without_gaps(layout, data):
    key = data.draw(st.integers(1 - layout.infinity, layout.infinity - 1))
    window = Window.around(key, data.draw(st.integers(0, layout.infinity)), layout)
    first, last = window.bin(0), window.bin(window.bins - 1)
    assert first.first <= window.first <= first.last
    assert last.first <= window.last <= last.last
    place = data.draw(st.integers(0, window.bins - 1))
    assert place == 0 or window.bin(place).first == window.bin(place - 1).last + 1
    assert window.bin(place).bins <= 1 << 16
