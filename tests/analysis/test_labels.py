"""What engines are called beside each other."""

from dataclasses import replace
from types import SimpleNamespace

from workbench.analysis.comparison import engine_labels
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.runs import FineTuning, RunSpec
from workbench.training import Distillation


def labels(*specs):
    return engine_labels([SimpleNamespace(spec=spec) for spec in specs])


def spec(engine, task="synth/rte", **values):
    return RunSpec(task=task, engine=engine, **values)


def test_settings_are_named_only_where_they_tell_runs_apart():
    assert labels(spec(IMP(levels=7)), spec(Magnitude(lr=1e-3))) == ["imp", "magnitude"]
    assert labels(spec(IMP(levels=7)), spec(IMP(levels=7, scope="global")), spec(Magnitude())) == [
        "imp",
        "imp, scope=global",
        "magnitude",
    ]


def test_seeds_sparsities_and_what_differs_between_tasks_tell_nothing_apart():
    first = IMP(sparsity=0.9, total_steps=100)
    assert (
        labels(
            spec(first),
            spec(first, seed=3),
            spec(replace(first, sparsity=0.8, total_steps=90)),
            spec(replace(first, total_steps=50), task="synth/cola", scale=0.5),
        )
        == ["imp"] * 4
    )


def test_nested_settings_and_those_of_the_spec_are_named_too():
    assert labels(
        spec(Magnitude(distillation=Distillation(mode="none"))),
        spec(Magnitude(), scale=0.5),
        spec(Magnitude(), selection="dev", dense=FineTuning(epochs=1.0)),
        spec(Magnitude()),
    ) == [
        "magnitude, distillation.mode=none",
        "magnitude, scale=0.5",
        "magnitude, selection=dev, dense.epochs=1.0",
        "magnitude",
    ]


def test_no_runs_have_no_labels():
    assert labels() == []
