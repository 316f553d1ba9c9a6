import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.masks.allocation import allocate

parts = st.lists(st.tuples(st.floats(1e-6, 1e6), st.integers(1, 50)), min_size=1, max_size=8)


@given(parts, st.floats(0, 1))
def test_every_unit_is_allocated_and_no_limit_is_exceeded(parts, fraction):
    shares, limits = zip(*parts, strict=True)
    total = round(fraction * sum(limits))
    counts = allocate(total, shares, limits)
    assert sum(counts) == total
    assert all(0 <= count <= limit for count, limit in zip(counts, limits, strict=True))


@given(parts, st.floats(0, 1))
def test_a_larger_share_never_gets_fewer_units_at_equal_limits(parts, fraction):
    shares = [share for share, _ in parts]
    counts = allocate(round(fraction * 50 * len(shares)), shares, [50] * len(shares))
    in_order = sorted(zip(shares, counts, strict=True))
    assert all(left[1] <= right[1] or left[0] == right[0] for left, right in itertools.pairwise(in_order))


def test_units_are_proportional_while_they_fit():
    assert allocate(60, [1, 2, 3], [100, 100, 100]) == [10, 20, 30]


def test_the_excess_goes_to_the_others_in_proportion():
    assert allocate(100, [8, 1, 1], [40, 100, 100]) == [40, 30, 30]
    assert allocate(90, [1, 2, 100], [100, 20, 10]) == [60, 20, 10]


def test_remaining_units_go_to_the_largest_fractions_and_then_to_the_first():
    assert allocate(4, [1, 1, 1], [9, 9, 9]) == [2, 1, 1]
    assert allocate(3, [1, 1.1, 1], [9, 9, 9]) == [1, 1, 1]
    assert allocate(4, [1, 1.1, 1], [9, 9, 9]) == [1, 2, 1]


@pytest.mark.parametrize(
    ("total", "shares", "limits", "words"),
    [
        (11, [1, 1], [5, 5], "cannot keep 11 of 10 weights"),
        (3, [1, 0], [5, 5], "positive"),
        (3, [1, float("nan")], [5, 5], "positive"),
    ],
)
def test_an_impossible_allocation_is_rejected(total, shares, limits, words):
    with pytest.raises(BadInput, match=words):
        allocate(total, shares, limits)
