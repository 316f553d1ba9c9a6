"""Whole runs of `set` and `rigl`."""

import pytest
from safetensors.torch import load_file

from tests.execution.resuming import stops_until_done
from workbench import runs_in
from workbench.engines.densities import kept_by_density
from workbench.engines.rigl import RigL
from workbench.engines.set import SET
from workbench.schedules import Linear, steps_at_peak
from workbench.training import Distillation

TINY = {
    "sparsity": 0.8,
    "total_steps": 10,
    "interval": 3,
    "lr": 1e-2,
    "eval_every": 4,
    "distillation": Distillation(mode="none"),
}


@pytest.mark.parametrize(
    ("engine", "compute", "last"),
    # `rigl` updates before steps 0, 3 and 6, which it does not train in; `set` before 3, 6 and 9.
    [(RigL(**TINY), "dense", 7), (SET(**TINY), "sparse", 9)],
    ids=lambda value: getattr(value, "id", value),
)
def test_a_run_that_is_interrupted_between_updates_ends_the_same(
    spec_of, tmp_path, monkeypatch, engine, compute, last
):
    assert stops_until_done(spec_of(engine), tmp_path, monkeypatch, every=8, compute=compute) > 0
    (run,) = runs_in(tmp_path / "broken")
    weights, mask = load_file(run.folder.model_weights), run.mask()
    shapes = {name: weights[name].shape for name in mask.names}
    assert mask.kept_per_matrix() == kept_by_density(shapes, 0.8, engine.densities)
    assert not any(weights[name][~mask[name]].any() for name in mask.names)
    recovery = {
        name: round(steps_at_peak(Linear(), 10, since), 3)
        for name, since in [("mask", last), ("sparsity", 0)]
    }
    assert run.recovery == recovery
    # The weights that were kept are those of an evaluation after the last update.
    (stage,) = [event["stage"] for event in run.events() if event["event"] == "end" and event["step"] == 10]
    evaluations = [
        event["metrics"]["accuracy"]
        for event in run.events()
        if (event["stage"], event["event"]) == (stage, "evaluation") and event["step"] >= last
    ]
    assert run.results["levels"][-1]["best_step"] > last
    assert run.results["levels"][-1]["validation"]["accuracy"] == max(evaluations)
