"""The scripts' stopwatch: every step and every evaluation of a run, by stage."""

import runpy

from workbench.execution import prune
from workbench.execution.stage_training import StageTraining


def test_it_notes_every_step_and_evaluation_of_races_and_levels(root, spec_of, tmp_path, monkeypatch):
    for method in ("_advance", "_evaluate"):  # what it replaces is put back
        monkeypatch.setattr(StageTraining, method, getattr(StageTraining, method))
    script = runpy.run_path(str(root / "docs" / "results" / "stopwatch.py"))
    watch = script["Stopwatch"]()
    run = prune(spec_of(), store=tmp_path)
    cost = run.results["cost"]
    races = [stage for stage in watch.steps if stage.endswith("/race")]
    assert races == ["level-1/race", "level-2/race"]
    assert sum(len(watch.steps[stage]) for stage in races) == cost["racing"]["optimizer_steps"]
    assert sum(map(len, watch.steps.values())) == cost["from_pretrained"]["optimizer_steps"]
    assert {*map(len, watch.evaluations.values())} > {1}
    assert watch.evaluations.keys() == watch.steps.keys() == watch.choices.keys()
    watch.forget()
    assert not watch.steps
