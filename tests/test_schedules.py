"""Ladders of sparsity and learning-rate schedules."""

import itertools
import math

import pytest

from workbench.errors import BadInput
from workbench.schedules import (
    Constant,
    Cosine,
    Cycles,
    Held,
    Linear,
    check_ladder,
    cubic_ladder,
    cubic_sparsity,
    geometric_ladder,
)

SCHEDULES = [Constant, Linear, Cosine, Held]


@pytest.mark.parametrize(
    ("final", "ladder"), [(0.9375, [0.542, 0.820, 0.923, 0.9375]), (0.99, [0.572, 0.866, 0.975, 0.99])]
)
def test_the_cubic_ladder_has_the_published_levels(final, ladder):
    assert cubic_ladder(final, 4) == pytest.approx(ladder, abs=6e-4)


@pytest.mark.parametrize("levels", [1, 2, 4, 8, 100])
def test_a_ladder_increases_and_ends_exactly_at_the_final_sparsity(levels):
    ladder = cubic_ladder(0.95, levels)
    assert len(ladder) == levels
    assert ladder[-1] == 0.95
    assert all(a < b for a, b in itertools.pairwise(ladder))


@pytest.mark.parametrize("final", [0, 1, -0.5, 1.5, math.nan])
def test_a_final_sparsity_out_of_range_is_rejected(final):
    with pytest.raises(BadInput, match=r"not in \(0, 1\)"):
        cubic_ladder(final, 4)


@pytest.mark.parametrize("levels", [0, -1, 2.0, True])
def test_the_number_of_levels_must_be_a_positive_integer(levels):
    with pytest.raises(BadInput, match="a ladder needs at least one"):
        cubic_ladder(0.9, levels)


def test_the_geometric_ladder_removes_the_same_share_of_the_remaining_weights():
    ladder = geometric_ladder(0.982, 0.2)
    assert [round(ladder[level - 1], 3) for level in (1, 3, 5, 10, 14)] == [0.2, 0.488, 0.672, 0.893, 0.956]
    assert len(ladder) == 19
    assert ladder[-1] == 0.982
    assert geometric_ladder(0.75, 0.5) == (0.5, 0.75), "rounding must not add a level"
    assert geometric_ladder(0.1, 0.2) == (0.1,)
    for share in (0, 1, math.nan):
        with pytest.raises(BadInput, match="cannot remove the share"):
            geometric_ladder(0.9, share)
    with pytest.raises(BadInput, match="not in"):
        geometric_ladder(1.0, 0.2)


def test_a_ladder_must_increase():
    assert check_ladder([0.5, 0.9]) == (0.5, 0.9)
    with pytest.raises(BadInput, match=r"does not increase: 0.8 follows 0.9"):
        check_ladder([0.5, 0.9, 0.8])
    with pytest.raises(BadInput, match="does not increase"):
        check_ladder([0.5, 0.5])
    with pytest.raises(BadInput, match="the ladder is empty"):
        check_ladder([])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_warm_up_rises_linearly_from_zero_to_one(schedule):
    factor = schedule(warmup=0.2)
    assert [factor(p) for p in (0, 0.05, 0.1, 0.2)] == pytest.approx([0, 0.25, 0.5, 1])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_factors_stay_between_zero_and_one_and_never_rise_after_the_warm_up(schedule):
    factor = schedule()
    factors = [factor(step / 1000) for step in range(1001)]
    assert min(factors) >= 0
    assert max(factors) == 1
    assert all(a >= b for a, b in itertools.pairwise(factors[100:]))


def test_each_schedule_decays_as_documented_after_the_warm_up():
    assert [Constant(0)(p) for p in (0, 0.5, 1)] == [1, 1, 1]
    assert [Linear(0.5)(p) for p in (0.5, 0.75, 1)] == [1, 0.5, 0]
    assert [Cosine(0)(p) for p in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    held = Held(warmup=0.2, hold_from=0.6)
    assert [held(p) for p in (0.2, 0.4, 0.6, 0.8, 1)] == pytest.approx([1, 0.75, 0.5, 0.5, 0.5])


@pytest.mark.parametrize("hold_from", [0.1, 0.2, 1.0, math.nan])
def test_a_rate_must_be_held_from_between_the_warm_up_and_the_end(hold_from):
    with pytest.raises(BadInput, match="above the warm-up"):
        Held(warmup=0.2, hold_from=hold_from)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_bad_warm_ups_and_progress_are_rejected(schedule):
    for warmup in (-0.1, 1, math.nan):
        with pytest.raises(BadInput, match="warm-up"):
            schedule(warmup)
    for progress in (-0.01, 1.01, math.nan):
        with pytest.raises(BadInput, match="progress"):
            schedule()(progress)


def test_schedules_compare_by_value():
    assert Linear(0.1) == Linear()
    assert Linear() != Constant()
    assert repr(Linear()) == "Linear(warmup=0.1)"


def test_cycles_decay_from_the_peak_to_the_floor_and_jump_back():
    """1e-4 to 1e-6 in every 2 of 10 epochs: lr(e) = 1e-4 + (1e-6 - 1e-4) frac(e / 2)."""
    schedule = Cycles(warmup=0, cycles=5, floor=0.01)
    rates = {epoch: 1e-4 * schedule(epoch / 10) for epoch in (0, 1, 1.9, 2, 5, 7.5, 8, 10)}
    assert rates == pytest.approx(
        {0: 1e-4, 1: 5.05e-5, 1.9: 5.95e-6, 2: 1e-4, 5: 5.05e-5, 7.5: 2.575e-5, 8: 1e-4, 10: 1e-6}
    )
    assert Cycles(warmup=0.5, cycles=1)(0.25) == 0.5
    assert Cycles(warmup=0, cycles=1.5, floor=0)(1) == pytest.approx(0.5)
    for bad in ({"cycles": 0}, {"floor": 1.5}, {"floor": math.nan}, {"cycles": math.nan}):
        with pytest.raises(BadInput, match=r"cycles|floor"):
            Cycles(**bad)


@pytest.mark.parametrize(
    ("final", "published"),
    [
        (0.90, [0.700, 0.784, 0.841, 0.875, 0.893, 0.899, 0.900]),
        (0.97, [0.700, 0.814, 0.890, 0.936, 0.960, 0.969, 0.970]),
        (0.80, [0.700, 0.742, 0.770, 0.788, 0.796, 0.800, 0.800]),
    ],
)
def test_the_cubic_schedule_has_the_published_sparsities(final, published):
    sparsities = [cubic_sparsity(step / 6, 0.7, final) for step in range(7)]
    assert sparsities == pytest.approx(published, abs=6e-4)
    assert sparsities[-1] == final
