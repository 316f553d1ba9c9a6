"""Candidates and particles side by side in processes: the same bits, also after kills and interrupts."""

import json
import os
import signal
import sys
import time
from dataclasses import replace
from subprocess import PIPE, Popen

import psutil
import pytest

from tests.execution.resuming import outcome
from tests.tiny_runs import tiny_randomized
from workbench.engines.magnitude import Magnitude
from workbench.engines.swamp import Swamp
from workbench.errors import BadInput
from workbench.execution import capacity, prune
from workbench.runs import Run
from workbench.training import Distillation

SWAMP = Swamp(
    sparsity=0.5,
    prune_share=0.5,
    epochs=8.0,
    lr=1e-3,
    eval_every=3,
    particles=3,
    distillation=Distillation(mode="logits"),
)


def parallel_outcome(run: Run) -> dict:
    """What must repeat bit for bit; the order of events is fixed within a stage alone."""
    found = outcome(run)
    by_stage = {}
    for event in found.pop("events"):
        by_stage.setdefault(event["stage"], []).append(event)
    races = {str(path.relative_to(run.path)): path.read_text() for path in run.path.rglob("race.json")}
    return found | {"events": by_stage, "races": races}


@pytest.mark.parametrize(
    "engine",
    [tiny_randomized(levels=1, candidates=4, halving=True, keep_winner=True), SWAMP],
    ids=["halving", "particles"],
)
def test_two_processes_give_the_bits_of_one(spec_of, tmp_path, engine, capfd):
    spec = spec_of(engine)
    serial = parallel_outcome(prune(spec, store=tmp_path / "serial"))
    assert serial["results"]["environment"]["threads"] == 1
    capfd.readouterr()
    run = prune(spec, store=tmp_path / "parallel", jobs=2)
    assert parallel_outcome(run) == serial
    assert not list(run.path.glob(".worker*"))
