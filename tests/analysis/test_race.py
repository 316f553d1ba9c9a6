"""The early scores of a race, and their rank correlation with the final ones."""

import math

import pandas as pd
import pytest

from workbench.analysis.race import RankCorrelation, curves_so_far, raced_levels, rank_correlation

ONE_TO_TEN = pd.Series(range(10))


def test_rho_and_interval_of_a_worked_example():
    # Two neighbours exchanged: rho = 1 - 6 * 2 / (10 * 99); Fisher's z is 2.5499, 0.9036 to either side.
    swapped = pd.Series([1, 0, 2, 3, 4, 5, 6, 7, 8, 9])
    correlation = rank_correlation(ONE_TO_TEN, swapped)
    assert correlation.rho == pytest.approx(1 - 12 / 990)
    assert (correlation.low, correlation.high) == pytest.approx(
        (math.tanh(1.6463), math.tanh(3.4536)), abs=1e-5
    )
    assert correlation.pairs == 10


def test_only_ranks_count():
    correlation = rank_correlation(ONE_TO_TEN, 2.0**ONE_TO_TEN)
    assert correlation.rho == pytest.approx(1)
    assert correlation.low is None


def test_constant_or_few_values_have_no_correlation():
    assert rank_correlation(ONE_TO_TEN, 0 * ONE_TO_TEN).rho is None
    assert rank_correlation(ONE_TO_TEN[:2], ONE_TO_TEN[:2]).rho is None
    assert rank_correlation(ONE_TO_TEN[:0], ONE_TO_TEN[:0]).pairs == 0


def test_three_pairs_have_no_interval():
    correlation = rank_correlation(pd.Series([1, 2, 3]), pd.Series([2, 1, 3]))
    assert correlation.rho == pytest.approx(0.5)
    assert correlation.low is correlation.high is None


@pytest.mark.parametrize(
    ("correlation", "sentence"),
    [
        (RankCorrelation(None, None, None, 5), "There is no rank correlation"),
        (RankCorrelation(1.0, None, None, 5), "over 5 candidates is 1.00; there is no interval"),
        (RankCorrelation(0.5, -0.1, 0.9, 8), "is 0.50, 95 % interval -0.10 to 0.90"),
    ],
)
def test_a_rank_correlation_is_a_sentence(correlation, sentence):
    assert sentence in str(correlation)


def evaluation(stage, step, value):
    return {"event": "evaluation", "stage": stage, "step": step, "metrics": {"accuracy": value}}


def test_a_race_in_progress_has_the_curves_of_its_own_candidates():
    events = [
        {"event": "start", "stage": "level-2/race/candidate-0", "step": 0},
        evaluation("level-1", 5, 0.9),
        evaluation("level-1/race/candidate-10", 5, 0.4),
        evaluation("level-1/race/candidate-1", 5, 0.5),
        evaluation("level-1/full/candidate-1", 5, 0.8),
        evaluation("level-11/race/candidate-1", 5, 0.7),
    ]
    assert raced_levels(events) == [1, 2, 11]
    curves = curves_so_far(events, 1, dropped=[1])
    assert curves[["candidate", "step", "value"]].to_numpy().tolist() == [[10, 5, 0.4], [1, 5, 0.5]]
    assert curves["dropped"].tolist() == [False, True]
    assert not curves["chosen"].any()
    assert curves_so_far(events, 3).empty
