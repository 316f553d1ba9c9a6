"""Evaluations of a race: at most a seventh of its training, by count."""

import numpy as np
import pytest

from workbench.execution.proportion import in_proportion
from workbench.files import read_json
from workbench.training import TrainingConfig

TRAIN, VALIDATION = np.full(1000, 10), np.full(400, 10)


def planned(steps, eval_every, rounds=1, validation=VALIDATION):
    config = TrainingConfig(steps=steps, lr=1.0, batch_size=32, eval_every=eval_every)
    return in_proportion(config, rounds, TRAIN, validation)


def count(config, rounds=1):
    ends = {config.steps * turn // rounds for turn in range(1, rounds + 1)}
    return len(ends | {step for step in range(1, config.steps + 1) if config.evaluates_at(step)})


def share(config, rounds=1, validation=VALIDATION):
    examples = config.eval_examples or len(validation)
    evaluated = count(config, rounds) * examples * validation.mean() / 3
    return evaluated / (config.steps * config.batch_size * TRAIN.mean())


def test_few_evaluations_stay_as_they_are():
    config = TrainingConfig(steps=200, lr=1.0, batch_size=32, eval_every=50)
    assert in_proportion(config, 1, TRAIN, VALIDATION) == config


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("steps", [7, 20, 52, 104, 1000])
@pytest.mark.parametrize("eval_every", [1, 6, 50])
def test_evaluations_take_at_most_a_seventh(steps, eval_every, rounds):
    config = planned(steps, eval_every, rounds)
    assert config.eval_every >= eval_every
    assert share(config, rounds) <= 1 / 7


def test_evaluations_become_fewer_before_they_become_smaller():
    longer, shorter = planned(52, 6), planned(15, 1)
    assert (count(longer), longer.eval_examples) == (1, None)
    assert (count(shorter), shorter.eval_examples) == (1, 15 * 32 * 3 // 7)
    assert count(planned(104, 6)) == 3


def test_each_round_ends_with_an_evaluation_however_short_it_is():
    config = planned(52, 6, rounds=3)
    assert count(config, 3) == 3
    assert config.eval_examples == 52 * 32 * 3 // 7 // 3


def test_tokens_are_counted_and_not_examples():
    assert count(planned(104, 6, validation=VALIDATION * 3)) == 1
    assert planned(104, 6, validation=VALIDATION * 30).eval_examples < 400


def test_no_evaluation_sees_fewer_than_32_examples():
    assert planned(1, 1).eval_examples == 32
    assert planned(1, 1, validation=np.full(20, 10)).eval_examples is None


def test_a_race_records_what_it_did_and_levels_see_the_whole_split(spec_of, tmp_path):
    from workbench import prune

    run = prune(spec_of(), store=tmp_path)
    race = read_json(run.path / "stages" / "level-1" / "race" / "race.json")
    assert race["eval_examples"] < run.results["examples"]["validation"]
    evaluations = [event for event in run.events() if event["event"] == "evaluation"]
    raced = [event for event in evaluations if event["stage"].startswith("level-1/race/")]
    assert {event["examples"] for event in raced} == {race["eval_examples"]}
    assert all("examples" not in event for event in evaluations if "/race/" not in event["stage"])
