import dataclasses

import pytest

from workbench.cli.spec_options import SPEC_OPTIONS
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.engines.randomized import Randomized
from workbench.errors import BadInput
from workbench.runs import FineTuning, RunSpec
from workbench.training import Distillation


def spec(**changes):
    return RunSpec(**{"task": "glue/rte", "engine": Randomized(sparsity=0.9)} | changes)


def test_names_of_old_runs_never_change():
    assert spec().name == "glue-rte-randomized-5ba4dd32e390"
    assert spec(seed=1, engine=IMP()).name.startswith("glue-rte-imp-")
    assert spec().changed == {
        "task": "glue/rte",
        "engine": {"id": "randomized", "sparsity": 0.9},
    }


def test_every_value_that_differs_makes_another_run():
    variants = [
        spec(),
        spec(seed=1),
        spec(scale=0.5),
        spec(selection="dev"),
        spec(precision="fp32"),
        spec(task="glue/mrpc"),
        spec(dense=FineTuning(epochs=1)),
        spec(engine=Randomized(sparsity=0.9, candidates=4)),
        spec(engine=Randomized(sparsity=0.9, distillation=Distillation(mode="none"))),
        spec(engine=Magnitude(sparsity=0.9)),
    ]
    assert len({variant.name for variant in variants}) == len(variants)


def test_a_default_that_is_spelled_out_changes_nothing():
    assert spec(seed=0, engine=Randomized(sparsity=0.9, candidates=8)).name == spec().name
    assert spec(task="rte").name == spec().name


def test_yaml_there_and_back(tmp_path):
    there = spec(
        seed=3,
        engine=Randomized(
            sparsity=0.9, ladder=(0.5, 0.9), distillation=Distillation(mode="logits", hardness=0.5)
        ),
        dense=FineTuning(lr=1e-4),
    )
    path = tmp_path / "spec.yaml"
    path.write_text(there.to_yaml())
    assert RunSpec.from_yaml(path) == there


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: spec(task="glue/mrcp"), "glue/mrpc"),
        (lambda: spec(sede=1), "seed"),
        (lambda: spec(seed=-1), "seed is -1"),
        (lambda: spec(scale=0), "scale is 0"),
        (lambda: spec(engine="randomized"), "engine object"),
        (lambda: Randomized(sparsity=1.0), "sparsity is 1.0"),
        (lambda: Randomized(sparsity=-0.1), "sparsity is -0.1"),
        (lambda: Randomized(sparsity=float("nan")), "sparsity is nan"),
        (lambda: Randomized(candidate=4), "candidates"),
        (lambda: Randomized(sampler="magnitud"), "magnitude"),
        (lambda: Randomized(ratios=()), "ratios"),
        (lambda: Randomized(ratios=(1e-4, 0)), "ratios"),
        (lambda: Randomized(sparsity=0.9, ladder=(0.5, 0.5, 0.9)), "does not increase"),
        (lambda: Randomized(sparsity=0.9, ladder=(0.5, 0.8)), "ends at 0.8, but sparsity is 0.9"),
        (lambda: Randomized(sparsity=0.9, ladder=()), "the ladder is empty"),
        (lambda: FineTuning(warmup=1.0), "dense: warmup is 1.0"),
        (lambda: RunSpec.from_plain({"task": "rte", "engine": {"id": "randomised"}}), "randomized"),
        (lambda: RunSpec.from_plain({"task": "rte"}), "names no engine"),
        (lambda: RunSpec.from_plain({"task": "rte", "engine": {"id": "imp", "sparcity": 0.5}}), "sparsity"),
    ],
)
def test_bad_values_are_refused_with_a_way_out(make, message):
    with pytest.raises(BadInput, match=message):
        make()


def test_a_spec_file_that_is_no_spec(tmp_path):
    path = tmp_path / "spec.yaml"
    with pytest.raises(BadInput, match="does not exist"):
        RunSpec.from_yaml(path)
    for text, message in [
        ("[1, 2]", "is not a mapping"),
        ("1: 2", "is not a mapping"),
        ("a: [", "not readable"),
        ("task: rte", f"{path}: the spec names no engine"),
        ("{task: rte, engine: {id: imp, sparsity: 2}}", f"{path}: imp: sparsity is 2"),
    ]:
        path.write_text(text)
        with pytest.raises(BadInput, match=message):
            RunSpec.from_yaml(path)


def test_specs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec().seed = 2


def test_the_shell_has_an_option_for_every_plain_field():
    fields = {field.name for field in dataclasses.fields(RunSpec)}
    assert set(SPEC_OPTIONS) == fields - {"task", "engine", "dense", "data"}


def test_a_classifier_of_ones_own_is_part_of_the_name_and_the_usual_model():
    given = spec(dense="mine")
    assert given == spec(dense=FineTuning(model="mine")) == RunSpec.from_plain(given.changed)
    assert given.model == "mine"
    assert given.changed["dense"] == {"model": "mine"}
    assert "model" not in given.changed
    assert (
        len({spec().name, given.name, spec(dense="other").name, spec(dense="mine", model="base").name}) == 4
    )
    assert given.name != spec(dense=FineTuning(model="mine", start_mask="zeros")).name
    assert spec(prunable="query").name != spec().name


def test_settings_that_do_not_fit_a_given_classifier_are_refused():
    with pytest.raises(BadInput, match=r"dense\.epochs is set, but the dense model mine is given"):
        FineTuning(model="mine", epochs=1)
    with pytest.raises(BadInput, match="no classifier is given whose zeros could stay"):
        spec(dense={"start_mask": "zeros"})
    with pytest.raises(BadInput, match=r"dense: epochs is 'many'"):
        spec(dense={"epochs": "many"})
    with pytest.raises(BadInput, match=r"prunable is '\(', which is not a regular expression"):
        spec(prunable="(")
