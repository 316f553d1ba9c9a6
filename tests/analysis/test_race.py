"""The early scores of a race, and their rank correlation with the final ones."""

import pandas as pd
import pytest

from workbench.analysis.race import curves_so_far, prediction, raced_levels

ONE_TO_TEN = pd.Series(range(10))


@pytest.mark.parametrize(
    ("final", "sentence"),
    [
        (2.0**ONE_TO_TEN, "over 10 candidates is 1.00, 95 % interval 0."),
        (-ONE_TO_TEN, "over 10 candidates is -1.00, 95 % interval -1.00 to -0."),
        (0 * ONE_TO_TEN, "There is no rank correlation"),
    ],
)
def test_the_prediction_of_a_race_is_a_sentence(final, sentence):
    assert sentence in prediction(ONE_TO_TEN, final)


def test_two_candidates_predict_nothing():
    assert prediction(ONE_TO_TEN[:2], ONE_TO_TEN[:2]).startswith("There is no rank correlation")


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
