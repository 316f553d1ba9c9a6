import math

import pandas as pd
import pytest

from workbench.analysis.race import RankCorrelation, rank_correlation

ONE_TO_TEN = pd.Series(range(10))


def test_rho_and_interval_of_a_worked_example():
    # Two neighbours exchanged: rho = 1 - 6 * 2 / (10 * 99); Fisher's z is 2.5499, 0.9036 to either side.
    swapped = pd.Series([1, 0, 2, 3, 4, 5, 6, 7, 8, 9])
    found = rank_correlation(ONE_TO_TEN, swapped)
    assert found.rho == pytest.approx(1 - 12 / 990)
    assert (found.low, found.high) == pytest.approx((math.tanh(1.6463), math.tanh(3.4536)), abs=1e-5)
    assert found.pairs == 10


def test_only_ranks_count():
    found = rank_correlation(ONE_TO_TEN, 2.0**ONE_TO_TEN)
    assert found.rho == pytest.approx(1)
    assert found.low is None


def test_what_has_no_correlation():
    assert rank_correlation(ONE_TO_TEN, 0 * ONE_TO_TEN).rho is None
    assert rank_correlation(ONE_TO_TEN[:2], ONE_TO_TEN[:2]).rho is None
    assert rank_correlation(ONE_TO_TEN[:0], ONE_TO_TEN[:0]).pairs == 0


def test_three_pairs_have_no_interval():
    found = rank_correlation(pd.Series([1, 2, 3]), pd.Series([2, 1, 3]))
    assert found.rho == pytest.approx(0.5)
    assert found.low is found.high is None


@pytest.mark.parametrize(
    ("correlation", "sentence"),
    [
        (RankCorrelation(None, None, None, 5), "no rank correlation"),
        (RankCorrelation(1.0, None, None, 5), "over 5 candidates is 1.00; too few or too regular"),
        (RankCorrelation(0.5, -0.1, 0.9, 8), "is 0.50, 95 % interval -0.10 to 0.90"),
    ],
)
def test_rank_correlations_in_words(correlation, sentence):
    assert sentence in str(correlation)
