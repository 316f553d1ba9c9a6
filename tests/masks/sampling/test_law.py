"""The law of a weight and the binomial tail, compared to SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from workbench.masks.sampling import law
from workbench.masks.sampling.binomial import tail

Y = st.floats(-12, 3.5)


@settings(deadline=None)  # the first call compiles
@given(st.integers(2, 10**9), st.floats(-6, 6), Y)
def test_the_tail_equals_that_of_the_binomial_distribution(draws, deviations, y):
    pi = -math.expm1(-math.exp(y))
    variance = draws * pi * (1 - pi)
    count = min(max(round(draws * pi + deviations * math.sqrt(variance)), 0), draws)
    at_least, equal = tail(count, draws, y)
    exact, precise = binom.sf(count - 1, draws, pi), {"rel": 1e-6, "abs": 1e-14}
    assert at_least == pytest.approx(exact, **precise if variance < 2**14 else {"abs": 2e-6})
    assert equal == pytest.approx(
        binom.pmf(count, draws, pi), **precise if variance < 2**14 else {"abs": 2e-6}
    )


@settings(deadline=None)  # the first call compiles
@given(st.integers(1, 700), Y, st.floats(0, 1), st.floats(0, 700))
def test_a_weight_passes_a_threshold_with_its_chance(draws, y, share, near):
    u = min(max(share, 2.0**-53), 1 - 2.0**-53)
    z = law.place(u, y, near, draws)
    assert law.chance(y, z, draws) == pytest.approx(u, rel=1e-6, abs=1e-12)
    if draws > 1:
        pi = -math.expm1(-math.exp(y))
        assert binom.sf(math.floor(z), draws, pi) <= u * (1 + 1e-9) + 1e-14
        assert binom.sf(math.floor(z) - 1, draws, pi) >= u * (1 - 1e-9) - 1e-14


@settings(deadline=None)  # the first call compiles
@given(st.integers(2, 700), Y, st.floats(2.0**-53, 0.999), st.floats(0, 700))
def test_the_start_of_the_search_does_not_change_the_result(draws, y, u, near):
    assert law.place(u, y, near, draws) == law.place(u, y, 0.0, draws)


LOG_P = st.lists(st.floats(-5000, 5000), min_size=2, max_size=40, unique=True).map(sorted).map(np.array)


def rank(counts: np.ndarray, kept: int) -> int:
    return int(counts.size - 1 - np.searchsorted(np.cumsum(counts[::-1]), kept))


@settings(deadline=None)  # the first call compiles
@given(LOG_P, st.floats(0, 0.999), st.integers(1, 200), st.randoms(use_true_random=False))
def test_time_and_threshold_make_the_chances_sum_to_the_count(log_p, share, draws, random):
    counts = np.array([random.randint(1, 50) for _ in log_p])
    kept = max(1, math.floor(share * counts.sum()))
    start = rank(counts, kept)
    y = log_p + law.log_time(log_p, counts, kept, start)
    pi = -np.expm1(-np.exp(np.minimum(y, 5.0)))
    assert (counts * pi).sum() == pytest.approx(kept, rel=1e-9)
    q = np.empty(y.size)
    law.threshold(y, counts, kept, draws, start, q)
    assert (counts * q).sum() == pytest.approx(kept, rel=1e-9)
    assert (np.diff(q) >= -1e-12).all()


def test_the_time_has_the_form_of_the_law():
    log_p = np.log([0.25, 0.5, 1.0])
    counts = np.array([2, 1, 1])
    y = log_p + law.log_time(log_p, counts, 2, 1)
    pi = -np.expm1(-np.exp(y))
    assert -np.log1p(-pi) / np.exp(log_p) == pytest.approx(np.exp(y - log_p)[0])
    assert (counts * pi).sum() == pytest.approx(2)
