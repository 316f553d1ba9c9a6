"""The counts of docs/results/costs.py."""

import runpy
from dataclasses import replace
from types import SimpleNamespace

import pytest

from workbench import IMP, Magnitude, Randomized
from workbench.engines import engine_class, engine_ids
from workbench.errors import BadInput
from workbench.execution.stage_training import StageTraining


@pytest.fixture
def costs(root, monkeypatch):
    for method in ("_advance", "_evaluate"):  # what its stopwatch replaces is put back
        monkeypatch.setattr(StageTraining, method, getattr(StageTraining, method))
    folder = root / "docs" / "results"
    monkeypatch.syspath_prepend(folder)
    return SimpleNamespace(**runpy.run_path(str(folder / "costs.py")))


def test_the_steps_of_every_stage_are_those_of_a_run(costs, spec_of):
    assert costs.whole_run(spec_of(Magnitude(total_steps=7))) == {"level-1": 7}
    levels = costs.whole_run(spec_of(IMP(levels=2, dense_epochs=0, total_steps=20)))
    assert levels == {"level-1": 10, "level-2": 10}
    race = Randomized(levels=1, dense_epochs=0, candidates=3, early_epochs=1, total_steps=300)
    assert sum(costs.whole_run(spec_of(race)).values()) == 300


def test_every_engine_has_a_row_unless_it_needs_the_mask_of_a_run(costs):
    assert {*engine_ids()} - {*costs.ALONE} == {"ticket"}
    for id in costs.ALONE:
        assert engine_class(id)().id == id
    with pytest.raises(BadInput):
        engine_class("ticket")()


def test_the_shortened_runs_of_obert_prune_three_times(costs):
    for shorter in (costs.FEW, costs.MORE):
        assert len(replace(engine_class("obert")(), **shorter).plan(60)) == 3
