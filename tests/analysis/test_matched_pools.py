"""Pools and their controls, found in a store and put into a table for each question."""

import pandas as pd
import pytest

from tests.fabricated import fabricate, fabricate_race
from tests.pools import COPIES, SEEDS, STUDIED, scores
from workbench.analysis.matched_pools import (
    CONTROL,
    ORDERS,
    correlation_table,
    gain_table,
    matched_pools,
    predicts_from,
    share_table,
)
from workbench.engines.randomized import Randomized


@pytest.fixture(scope="module")
def pools(study):
    return matched_pools(study)


def test_pools_are_found_with_their_controls_by_sparsity_and_distance(pools):
    assert [(pool.sparsity, pool.distance) for pool in pools] == [
        (0.6, pytest.approx(0.01)),
        (0.6, pytest.approx(0.3)),
        (0.8, pytest.approx(0.01)),
        (0.8, pytest.approx(0.3)),
    ]
    assert pools[1].engine == "randomized, distance=0.3, full_orders=2"
    assert [run.spec.seed for run in pools[0].runs] == list(range(SEEDS))
    for pool in pools:
        assert {run.spec.engine.sampler for run in pool.control} == {"magnitude"}
        assert {run.spec.engine.sparsity for run in pool.control} == {pool.sparsity}


def test_a_control_of_another_training_does_not_match(pools, finished_run, tmp_path):
    pool, others = pools[2].runs, []
    for changes, steps in (({"lr": 1e-2}, 300), ({}, 400)):
        engine = Randomized(sparsity=0.8, **STUDIED, **COPIES, **changes)
        run = fabricate(tmp_path / str(steps), finished_run, engine)
        others.append(fabricate_race(run, *scores(engine, 0.8, 0), full_steps=steps))
    (alone,) = matched_pools([*pool, *others])
    assert alone.control == []
    shares = share_table([alone])
    assert "full_orders=2" in shares["missing"].iloc[0]
    assert pd.isna(shares["share"].iloc[0])
    assert set(gain_table([alone])["over"]) == {"pool"}


def test_masks_explain_the_variance_where_they_differ(pools):
    shares = share_table(pools).set_index(["sparsity", "distance", "design"])
    assert len(shares) == 6
    for sparsity in (0.6, 0.8):
        for design in (ORDERS, CONTROL):
            assert shares.loc[(sparsity, 0.3, design), "low"] > 0.8
        assert shares.loc[(sparsity, 0.01, CONTROL), "low"] == 0
    assert shares.loc[(0.8, 0.3, ORDERS), "deviation"] == pytest.approx(0.05, rel=0.5)


def test_losses_predict_from_the_first_evaluation_on_and_metrics_from_the_last(pools):
    found = predicts_from(correlation_table(pools)).set_index(["sparsity", "distance", "kind"])
    for sparsity in (0.6, 0.8):
        assert found.loc[(sparsity, 0.3, "loss"), "step"] == 10
        assert found.loc[(sparsity, 0.3, "metric"), ["step", "longest"]].tolist() == [40, 40]
    assert found.loc[(0.8, 0.01, "loss"), ["rho", "high"]].notna().all()


def test_what_choices_gain_is_counted_from_the_control(pools):
    gains = gain_table(pools).set_index(["sparsity", "distance", "rule"])["gain"]
    for sparsity in (0.6, 0.8):
        assert gains[sparsity, 0.3, "random"] == pytest.approx(-0.02, abs=0.004)
        assert gains[sparsity, 0.3, "oracle in another order"] > 0.02
        assert gains[sparsity, 0.3, "oracle"] > 0.02 > gains[sparsity, 0.01, "oracle of the control"] > 0
        # That pool has two data orders, and the control one.
        assert (sparsity, 0.3, "oracle of the control") not in gains
        assert gains[sparsity, 0.01, "oracle"] == pytest.approx(0.007, abs=0.007)


def test_a_control_that_shares_its_order_has_no_oracle(finished_run, tmp_path):
    runs = []
    for changes in ({"distance": 0.01}, {**COPIES, "shared_order": True}):
        engine = Randomized(sparsity=0.8, **STUDIED, **changes)
        run = fabricate(tmp_path, finished_run, engine)
        runs.append(fabricate_race(run, *scores(engine, 0.8, 0)))
    found = gain_table(matched_pools(runs))
    assert set(found["over"]) == {"control"}
    assert "oracle" in set(found["rule"])
    assert "oracle of the control" not in set(found["rule"])


def test_only_seeds_of_both_count_in_gains(study):
    some = [run for run in study if run.spec.engine.id == "randomized"]
    fewer = [run for run in some if run.spec.engine.sampler != "magnitude" or run.spec.seed < 2]
    assert set(gain_table(matched_pools(fewer))["pools"]) == {2}


def test_runs_without_full_scores_have_no_pools(study):
    assert matched_pools([run for run in study if run.spec.engine.id == "imp"]) == []
