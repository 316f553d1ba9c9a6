"""Paired differences: both engines get the same resamples, and the intervals are correct."""

from dataclasses import replace

import numpy as np
import pytest

from tests.fabricated import EXAMPLES, fabricate, predict
from workbench.analysis.comparison import comparison_table
from workbench.analysis.differences import baseline_of, paired_differences
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.runs.predictions import Predictions, read_predictions, write_predictions

MAGNITUDE, IMP_ = Magnitude(sparsity=0.9), IMP(sparsity=0.9)


@pytest.fixture
def make(finished_run, tmp_path):
    """Makes runs, one a seed, that got so many dev examples right; with predictions if asked for."""

    def call(engine, right, predictions=False, **more):
        runs = [
            fabricate(tmp_path, finished_run, engine, seed=s, right=r, **more) for s, r in enumerate(right)
        ]
        return [predict(run, r) for run, r in zip(runs, right, strict=True)] if predictions else runs

    return call


def compare(runs, baseline="magnitude"):
    pairs = paired_differences(runs, comparison_table(runs), baseline)
    return pairs.iloc[0] if len(pairs) == 1 else pairs


def test_one_pair_without_predictions_has_no_interval(make):
    row = compare([*make(MAGNITUDE, [100]), *make(IMP_, [120])])
    assert row["difference"] == pytest.approx(0.1)
    assert (row["seeds"], row["resampled"]) == (1, "nothing")
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])
    assert np.isnan(row["detectable"])


def test_seeds_alone_reach_from_the_smallest_difference_to_the_largest(make):
    row = compare([*make(MAGNITUDE, [100, 100, 100]), *make(IMP_, [120, 110, 90])])
    assert row["resampled"] == "seeds"
    assert (row["difference"], row["low"], row["high"]) == pytest.approx((1 / 30, -0.05, 0.1))


def test_examples_of_one_seed_vary_as_paired_counts_do(make):
    row = compare([*make(MAGNITUDE, [100], True), *make(IMP_, [120], True)])
    assert row["resampled"] == "examples"
    # Of 200 examples 20 differ, all one way: a binomial count, with standard deviation 4.24.
    deviation = np.sqrt(0.1 * 0.9 / EXAMPLES)
    assert (row["low"], row["high"]) == pytest.approx(
        (0.1 - 1.96 * deviation, 0.1 + 1.96 * deviation), abs=0.006
    )


def test_seeds_and_examples_are_drawn_together(make):
    right, more = [100, 90, 110], [120, 115, 130]
    row = compare([*make(MAGNITUDE, right, True), *make(IMP_, more, True)])
    assert row["resampled"] == "seeds and examples"
    assert row["difference"] == pytest.approx((20 + 25 + 20) / 3 / EXAMPLES)
    assert row["low"] < row["difference"] < row["high"]
    assert 0 < row["detectable"] < 0.2
    equal = compare([*make(MAGNITUDE, right, True), *make(IMP_, right, True)])
    assert (equal["difference"], equal["low"], equal["high"]) == (0, 0, 0), "both have the same resamples"


def test_swapping_the_engines_changes_the_sign(make):
    runs = [*make(MAGNITUDE, [100, 105], True), *make(IMP_, [120, 100], True)]
    forward, backward = compare(runs), compare(runs, "imp")
    assert forward["difference"] == -backward["difference"]
    assert (forward["low"], forward["high"]) == pytest.approx((-backward["high"], -backward["low"]))


@pytest.mark.parametrize(("steps", "equal"), [(300, True), (303, True), (304, False), (600, False)])
def test_steps_are_equal_within_one_per_cent(make, steps, equal):
    engines = (replace(engine, start="pretrained") for engine in (MAGNITUDE, IMP_))
    row = compare([*make(next(engines), [100]), *make(next(engines), [120], steps=steps)])
    assert (row["steps"], row["baseline_steps"], row["equal_steps"]) == (steps, 300, equal)


def test_the_dense_models_steps_count_for_those_that_begin_there(make, finished_run):
    dense = finished_run.results["dense"]["cost"]["optimizer_steps"]
    ahead, behind = make(MAGNITUDE, [100]), replace(IMP_, start="pretrained")
    row = compare([*ahead, *make(behind, [120])])
    assert (row["steps"], row["baseline_steps"], row["equal_steps"]) == (300, 300 + dense, False)
    assert compare([*ahead, *make(behind, [120], steps=300 + dense)])["equal_steps"]


def test_only_seeds_that_both_have_are_paired(make):
    row = compare([*make(MAGNITUDE, [100, 200]), *make(IMP_, [120])])
    assert (row["seeds"], row["difference"]) == (1, pytest.approx(0.1))
    assert compare(make(IMP_, [120])).empty


def test_different_dev_examples_cannot_be_paired(make):
    runs = [*make(MAGNITUDE, [100], True), *make(IMP_, [120], True)]
    kept = read_predictions(runs[1].folder)["validation"]
    write_predictions(runs[1].folder, {"validation": Predictions(kept.logits[:-1], kept.labels[:-1])})
    with pytest.raises(BadInput, match="different dev examples"):
        compare(runs)


def test_the_baseline_is_magnitude_unless_another_is_named(make):
    table = comparison_table([*make(MAGNITUDE, [1]), *make(IMP_, [1])])
    assert baseline_of(table) == "magnitude"
    assert baseline_of(table, "imp") == "imp"
    assert baseline_of(table[table["engine"] == "imp"]) == "imp"
    with pytest.raises(BadInput, match="Did you mean imp"):
        baseline_of(table, "impp")
