"""Gradual engines on the real bench: interruption, cost, regression."""

import pytest

from tests.execution.resuming import outcome
from workbench.engines.gmp import GMP
from workbench.engines.magnitude import Magnitude
from workbench.engines.obert import OBERT
from workbench.errors import BadInput, Stopped
from workbench.execution import prune, stage_training
from workbench.resources import recipe_path
from workbench.runs import RunSpec
from workbench.training import MaskedTrainer

SHORT = {"sparsity": 0.8, "total_steps": 12, "eval_every": 4, "lr": 1e-3}
ENGINES = {
    "gmp": GMP(**SHORT, start_epoch=2.0),
    "gmp by gradients": GMP(**SHORT, start_epoch=2.0, returning=False, criterion="first_order"),
    "obert": OBERT(**SHORT, gradients=2, prunings_per_epoch=0.5),
}


@pytest.mark.parametrize("name", ENGINES)
def test_a_run_that_is_interrupted_between_prunings_ends_the_same(name, spec_of, tmp_path, monkeypatch):
    spec = spec_of(ENGINES[name])
    whole = outcome(prune(spec, store=tmp_path / "whole"))
    advance = MaskedTrainer.advance

    def trip(trainer, batch):
        if trainer.config.steps == 12 and trainer.step == 5:
            raise KeyboardInterrupt
        return advance(trainer, batch)

    with monkeypatch.context() as patched:
        patched.setattr(stage_training, "CHECKPOINT_SECONDS", 0.0)
        patched.setattr(MaskedTrainer, "advance", trip)
        with pytest.raises(Stopped):
            prune(spec, store=tmp_path / "broken")
    assert outcome(prune(spec, store=tmp_path / "broken")) == whole


def test_the_gradients_of_the_fisher_matrix_are_in_the_cost(spec_of, tmp_path):
    engine = ENGINES["obert"]
    results = prune(spec_of(engine), store=tmp_path).results
    assert len(engine.plan(12)) == 4
    assert results["cost"]["total"]["examples"] == 12 * 32 + 4 * 2 * 16
    assert results["cost"]["total"]["optimizer_steps"] == 12


def test_the_last_weights_are_kept_where_the_recipe_says_so(spec_of, tmp_path):
    last = prune(spec_of(ENGINES["obert"]), store=tmp_path).results["levels"][0]
    assert last["best_step"] == 12


@pytest.mark.parametrize("task", ["synth/stsb", "synth/mnli"])
def test_the_recipe_runs_on_scores_and_on_three_classes(task, spec_of, tmp_path):
    plain = RunSpec.read_plain(recipe_path("sparse-fine-tuning"))["engine"]
    engine = GMP(**{name: value for name, value in plain.items() if name != "id"} | {"total_steps": 8})
    run = prune(spec_of(engine, task=task), store=tmp_path)
    assert run.mask().sparsity == pytest.approx(0.9, abs=1e-3)


def test_one_shot_by_every_criterion(spec_of, tmp_path):
    masks = {}
    for criterion in ("magnitude", "random", "wanda", "first_order"):
        engine = Magnitude(**SHORT | {"total_steps": 1}, criterion=criterion)
        masks[criterion] = prune(spec_of(engine), store=tmp_path).mask()
    assert len(set(masks.values())) == 4
    assert len({mask.kept for mask in masks.values()}) == 1
    for name in masks["wanda"]:
        rows = masks["wanda"][name].sum(dim=1)
        assert rows.max() - rows.min() <= 1
    with pytest.raises(BadInput, match="unknown criterion"):
        Magnitude(criterion="wand")


def test_a_fisher_matrix_that_does_not_fit_starts_nothing(spec_of, tmp_path):
    with pytest.raises(BadInput, match="max_memory_gb"):
        prune(spec_of(OBERT(max_memory_gb=1e-3)), store=tmp_path / "store")
    assert not (tmp_path / "store").exists()
