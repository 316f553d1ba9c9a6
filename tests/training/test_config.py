import pytest

from workbench.errors import BadInput
from workbench.training import TrainingConfig


def test_evaluations_come_at_equal_distances_and_at_the_end():
    config = TrainingConfig(steps=7, lr=1.0, eval_every=3)
    assert [step for step in range(1, 8) if config.evaluates_at(step)] == [3, 6, 7]


def test_averages_come_at_evaluations_or_at_equal_distances_from_the_end():
    def steps(**changes):
        config = TrainingConfig(steps=23, lr=1.0, eval_every=5, keep="last", average_from=0.5, **changes)
        return [step for step in range(1, 24) if config.averages_at(step)]

    assert steps() == [15, 20, 23]
    assert steps(average_every=4) == [15, 19, 23]
    assert steps(average_every=100) == [23]


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"lr": 0}, {"lr": float("nan")}, {"clip": -1}, {"batch": 8}])
def test_bad_values_are_refused(wrong):
    with pytest.raises(BadInput, match=next(iter(wrong))):
        TrainingConfig(**{"steps": 1, "lr": 1.0} | wrong)
