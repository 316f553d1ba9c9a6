import shlex
from types import SimpleNamespace

import pytest

from workbench.cli import parser
from workbench.cli.run_spec import spec_of
from workbench.engines.imp import IMP
from workbench.engines.magnitude import Magnitude
from workbench.engines.randomized import Randomized
from workbench.reports import prose
from workbench.runs import FineTuning, RunSpec
from workbench.training import Distillation

SPECS = [
    RunSpec(task="rte", engine=Magnitude()),
    RunSpec(task="glue/cola", engine=Randomized(ratios=(1e-5, 2e-4), clip=1.0, halving=True), seed=3),
    RunSpec(
        task="synth/mnli",
        engine=IMP(sparsity=0.9, ladder=(0.5, 0.9), distillation=Distillation(mode="logits", hardness=0.5)),
        model="a folder/it's",
        scale=1e-05,
        selection="dev",
        precision="fp32",
        dense=FineTuning(lr=3e-5, epochs=1.0),
    ),
]


@pytest.mark.parametrize("spec", SPECS)
def test_the_command_that_makes_a_run_again_has_its_spec(spec):
    command = prose.reproduction(SimpleNamespace(spec=spec, environment={"threads": 2}))
    threads, program, *arguments = shlex.split(command)
    assert (threads, program) == ("OMP_NUM_THREADS=2", "workbench")
    assert spec_of(parser().parse_args(arguments)) == spec


@pytest.mark.parametrize(
    ("broken_by", "sentence"), [("loss", "lower validation loss"), ("order", "not tell")]
)
def test_races_that_a_tie_decided_are_reported(finished_run, monkeypatch, broken_by, sentence):
    results = finished_run.results | {"ties": {"level-1/race": broken_by, "level-2/race": broken_by}}
    monkeypatch.setattr(type(finished_run), "results", results)
    (caution,) = prose.cautions(finished_run)
    assert caution.startswith("Equal early scores in level-1/race, level-2/race: ")
    assert sentence in caution
