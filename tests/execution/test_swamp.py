"""Whole runs of `swamp`: what an average is, and what it is without averaging."""

import pytest
import torch
from safetensors.torch import load_file

from tests.execution.resuming import outcome, stops_until_done
from workbench import prune
from workbench.analysis.levels import particle_table
from workbench.engines.imp import IMP
from workbench.engines.swamp import Swamp
from workbench.errors import BadInput, Stopped
from workbench.execution import launch
from workbench.runs.stage_folder import StageFolder
from workbench.training import Distillation, MaskedTrainer

TINY = {
    "sparsity": 0.8,
    "prune_share": 0.5,
    "epochs": 8.0,
    "lr": 1e-3,
    "eval_every": 3,
    "distillation": Distillation(mode="logits"),
}


@pytest.mark.parametrize(
    "shared",
    [
        {"rewind": "all", "dense_epochs": 0.0},
        {"rewind": "all", "dense_epochs": 3.0, "rewind_epochs": 2.0},
        {"rewind": "encoder", "dense_epochs": 3.0},
    ],
    ids=["pretrained", "rewind point", "encoder"],
)
def test_one_particle_without_averaging_is_exactly_imp(spec_of, tmp_path, shared):
    shared = TINY | shared | {"sparsity": 0.7, "scope": "global", "hold_from": 0.75}
    swamp = prune(spec_of(Swamp(**shared, particles=1, averaging=False)), store=tmp_path)
    imp = prune(spec_of(IMP(**shared)), store=tmp_path)
    left, right = outcome(swamp), outcome(imp)
    assert left["files"] == right["files"], "masks and final model, bit for bit"
    assert len(left["files"]) == 3
    for mine, its in zip(left["results"]["levels"], right["results"]["levels"], strict=True):
        same = ("stage", "kept", "sparsity", "validation", "dev", "cost")
        assert {name: mine[name] for name in same} == {name: its[name] for name in same}
    assert left["results"]["cost"] == right["results"]["cost"]


def test_the_average_is_the_mean_of_particles_that_differ(spec_of, tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "remove_scaffolding", lambda *_: None)
    run = prune(spec_of(Swamp(**TINY | {"sparsity": 0.7}, particles=3)), store=tmp_path)
    stages = run.path / "stages"
    for level in (1, 2):
        mask = run.mask(level)
        mean = load_file(stages / f"level-{level}" / "state.safetensors")
        each = [
            load_file(stages / f"level-{level}" / f"particle-{i}" / "state.safetensors") for i in range(3)
        ]
        for name in mask.names:
            weights = [particle[f"model.{name}"] for particle in each]
            assert not torch.equal(weights[0], weights[1])
            torch.testing.assert_close(mean[f"model.{name}"], sum(weights) / 3)
            assert torch.equal(mean[f"model.{name}"] != 0, mask[name]), "its zeros are exactly the mask's"
    assert mask.kept == mask.numel - round(0.7 * mask.numel)

    table = particle_table(run)
    assert list(table["particle"]) == [0, 1, 2] * 2
    assert list(table["stage"].unique()) == ["level-1", "level-2"]
    assert table.groupby("stage")["average"].nunique().eq(1).all()
    steps = run.results["levels"][0]["cost"]["optimizer_steps"]
    assert steps == 3 * max(e["step"] for e in run.events() if e["stage"] == "level-1/particle-0")
    assert run.results["cost"]["total"]["optimizer_steps"] == 2 * steps
    one_level = IMP(**TINY | {"levels": 1, "prune_share": None})
    assert particle_table(prune(spec_of(one_level), store=tmp_path)).empty


def test_averaging_and_particles_each_change_the_masks(spec_of, tmp_path):
    def masks(**changes):
        run = prune(spec_of(Swamp(**TINY | {"sparsity": 0.7} | changes)), store=tmp_path)
        return run.mask(1), run.mask(2)

    arms = [masks(particles=n, averaging=average) for n in (1, 2) for average in (False, True)]
    assert len({first for first, _ in arms}) == 1, "the first mask is that of the dense model"
    assert len({second for _, second in arms}) == 4


def test_a_run_that_is_interrupted_within_particles_ends_the_same(spec_of, tmp_path, monkeypatch):
    engine = Swamp(**TINY | {"sparsity": 0.5}, particles=2)
    stops = stops_until_done(spec_of(engine), tmp_path, monkeypatch, every=5)
    assert stops > 2, "in both particles"


def test_recalibrating_an_encoder_is_refused_before_any_training(spec_of, tmp_path, monkeypatch):
    monkeypatch.setattr(MaskedTrainer, "advance", lambda *_: pytest.fail("it trained"))
    with pytest.raises(BadInput, match="BertForSequenceClassification has no BatchNorm"):
        prune(spec_of(Swamp(**TINY, recalibrate=True)), store=tmp_path)


def test_an_average_that_is_made_again_is_logged_once(spec_of, tmp_path, monkeypatch):
    spec = spec_of(Swamp(**TINY | {"sparsity": 0.5}, particles=2))
    whole = outcome(prune(spec, store=tmp_path / "whole"))
    finish = StageFolder.finish

    def killed(folder, *given):
        if folder.stage == "level-1":
            raise KeyboardInterrupt
        finish(folder, *given)

    with monkeypatch.context() as patched:
        patched.setattr(StageFolder, "finish", killed)
        with pytest.raises(Stopped):
            prune(spec, store=tmp_path / "broken")
    assert outcome(prune(spec, store=tmp_path / "broken")) == whole
