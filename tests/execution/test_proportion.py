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
    at_ends = config.eval_examples or len(validation)
    before = config.interim_examples or at_ends
    examples = rounds * at_ends + (count(config, rounds) - rounds) * before
    return examples * validation.mean() / 3 / (config.steps * config.batch_size * TRAIN.mean())


def test_few_evaluations_stay_as_they_are():
    config = TrainingConfig(steps=200, lr=1.0, batch_size=32, eval_every=50)
    assert in_proportion(config, 1, TRAIN, VALIDATION) == config


@pytest.mark.parametrize("rounds", [1, 2, 3])
@pytest.mark.parametrize("steps", [8, 20, 40, 52, 72, 104, 1000])
@pytest.mark.parametrize("eval_every", [1, 6, 25, 50])
def test_evaluations_take_at_most_a_seventh(steps, eval_every, rounds):
    config = planned(steps, eval_every, rounds)
    assert config.eval_every >= eval_every
    assert share(config, rounds) <= 1 / 7
    assert (config.interim_examples or 0) <= (config.eval_examples or 400)


def test_evaluations_become_fewer_before_they_become_smaller():
    config = planned(104, 6)
    assert (count(config), config.eval_examples, config.interim_examples) == (3, None, None)


def test_a_short_race_keeps_a_curve_of_small_evaluations_before_a_large_one():
    longer, shorter = planned(52, 13), planned(40, 6)
    assert (count(longer), longer.eval_examples) == (4, 52 * 32 * 3 // 7 // 2)
    assert longer.interim_examples == 52 * 32 * 3 // 7 // 2 // 3
    assert (count(shorter), shorter.eval_examples) == (7, 40 * 32 * 3 // 7 // 2)
    assert planned(72, 24).eval_examples is None


def test_a_race_without_room_for_a_curve_evaluates_its_end_alone():
    config = planned(4, 1)
    assert (count(config), config.eval_examples, config.interim_examples) == (1, 4 * 32 * 3 // 7, None)


def test_each_round_ends_with_an_evaluation_however_short_it_is():
    config = planned(52, 6, rounds=3)
    assert count(config, 3) == 3
    assert config.eval_examples == 52 * 32 * 3 // 7 // 3


def test_tokens_are_counted_and_not_examples():
    assert planned(104, 6, validation=VALIDATION * 3).interim_examples < 400
    assert planned(104, 6, validation=VALIDATION * 30).eval_examples < 400


def test_no_evaluation_sees_fewer_than_32_examples():
    assert planned(1, 1).eval_examples == 32
    assert planned(1, 1, validation=np.full(20, 10)).eval_examples is None


def test_a_race_records_what_it_did_and_levels_see_the_whole_split(spec_of, tmp_path):
    from workbench import prune

    run = prune(spec_of(), store=tmp_path)
    race = read_json(run.path / "stages" / "level-1" / "race" / "race.json")
    assert race["interim_examples"] <= race["eval_examples"] < run.results["examples"]["validation"]
    evaluations = [event for event in run.events() if event["event"] == "evaluation"]
    raced = [event for event in evaluations if event["stage"].startswith("level-1/race/")]
    assert {event["examples"] for event in raced} == {race["interim_examples"], race["eval_examples"]}
    assert all("examples" not in event for event in evaluations if "/race/" not in event["stage"])


def test_scores_are_those_of_the_large_evaluations(spec_of, tmp_path):
    from workbench import prune

    for candidate in prune(spec_of(), store=tmp_path).candidates(1):
        assert candidate.interim
        ranked = [value for step, value in candidate.curve if step not in candidate.interim]
        assert candidate.score == sum(ranked) / len(ranked)


def test_a_run_of_a_version_without_interim_evaluations_is_resumed_without_them():
    config = TrainingConfig(steps=52, lr=1.0, batch_size=32, eval_every=13)
    planned = in_proportion(config, 1, TRAIN, VALIDATION, interim=False)
    assert (count(planned), planned.eval_examples, planned.interim_examples) == (1, None, None)
