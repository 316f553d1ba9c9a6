"""Whole runs of `set` and `rigl`."""

import pytest
import torch
from safetensors.torch import load_file

from tests.execution.resuming import stops_until_done
from workbench import prune
from workbench.engines.random import Random
from workbench.engines.rigl import RigL
from workbench.engines.set import SET
from workbench.training import Distillation

TINY = {
    "sparsity": 0.8,
    "total_steps": 10,
    "interval": 3,
    "lr": 1e-2,
    "eval_every": 5,
    "distillation": Distillation(mode="none"),
}


@pytest.mark.parametrize(
    ("engine", "compute"),
    [(RigL(**TINY), "dense"), (SET(**TINY), "sparse")],
    ids=lambda value: getattr(value, "id", value),
)
def test_a_run_that_is_interrupted_between_updates_ends_the_same(
    spec_of, tmp_path, monkeypatch, engine, compute
):
    assert stops_until_done(spec_of(engine), tmp_path, monkeypatch, every=8, compute=compute) > 0


def test_a_run_has_the_counts_of_its_first_mask_and_without_drops_is_that_of_random(spec_of, tmp_path):
    static = {name: value for name, value in TINY.items() if name != "interval"}
    engines = RigL(**TINY), Random(**static), RigL(**TINY, drop=0)
    moving, fixed, still = (prune(spec_of(engine), store=tmp_path) for engine in engines)
    assert still.mask() == fixed.mask() != moving.mask()
    assert moving.mask().kept_per_matrix() == fixed.mask().kept_per_matrix()
    weights, left, right = (load_file(run.folder.model_weights) for run in (moving, still, fixed))
    assert all(torch.equal(left[name], right[name]) for name in right)
    for name in moving.mask().names:
        assert not weights[name][~moving.mask()[name]].any()
    assert still.recovery["mask"] == fixed.recovery["mask"] > moving.recovery["mask"]
