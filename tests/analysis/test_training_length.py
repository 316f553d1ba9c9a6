from dataclasses import replace

import pytest

from workbench.analysis.training_length import comparable_runs, mean_by_length, training_length_table
from workbench.engines.magnitude import Magnitude
from workbench.errors import BadInput
from workbench.execution import prune
from workbench.reports.training_length import TrainingLengths
from workbench.training import Distillation


@pytest.fixture
def runs(spec_of, tmp_path):
    """Two sparsities in two lengths."""
    plain = {"epochs": 2.0, "lr": 1e-3, "eval_every": 3, "distillation": Distillation(mode="none")}
    return [
        prune(spec_of(Magnitude(sparsity=sparsity, **plain), scale=scale), tmp_path)
        for scale in (0.04, 0.02)
        for sparsity in (0.9, 0.5)
    ]


def test_lengths_are_sorted_and_have_diagnostics(runs):
    table = training_length_table(runs)
    assert table["sparsity"].tolist() == [0.5, 0.5, 0.9, 0.9]
    short, long = table["optimizer_steps"][:2]
    assert long > short
    assert table["epochs"][1] == pytest.approx(long / short * table["epochs"][0], rel=0.05)
    assert table["train_loss"].between(0, 3, inclusive="neither").all()
    by_name = {run.name: run.results["dev"]["validation"]["accuracy"] for run in runs}
    assert dict(zip(table["run"], table["metric"], strict=True)) == by_name
    assert mean_by_length(table)["best"].sum() == 2


def test_runs_of_different_engines_are_refused(runs, finished_run):
    with pytest.raises(BadInput, match="different values of engine"):
        training_length_table([*runs, finished_run])
    with pytest.raises(BadInput, match="differ in total_steps"):
        training_length_table([])


def test_runs_whose_other_settings_differ_are_not_mixed(runs, spec_of, tmp_path):
    spec = runs[0].spec
    other = prune(replace(spec, engine=replace(spec.engine, lr=1e-4), seed=1), tmp_path)
    assert comparable_runs([other, *runs]) == runs
    with pytest.raises(BadInput, match=r"different values of engine.lr \(0.0001, 0.001\)"):
        training_length_table([*runs, other])
    assert TrainingLengths.of([other, *runs]).others == 1


def test_the_largest_set_of_comparable_runs_is_chosen(runs, finished_run):
    assert comparable_runs([finished_run, *runs]) == runs
    assert comparable_runs([*runs, finished_run], engine="randomized") == [finished_run]
    assert comparable_runs([]) == []
    with pytest.raises(BadInput, match="no run of engine imp on any task"):
        comparable_runs(runs, engine="imp")
