"""Characteristic behaviour of the methods in short trainings on real data; docs/results has long ones."""

import pytest

import workbench as wb
from workbench.engines.gmp import GMP
from workbench.training import Distillation


@pytest.fixture
def accuracy(small_encoder, glue_dir, tmp_path, monkeypatch):
    """Validation accuracy of GMP at 0.97 on sst2 after 200 steps with one seed, from one dense model."""
    monkeypatch.setenv("WORKBENCH_GLUE_DIR", str(glue_dir))

    def measure(**changes) -> float:
        common = {"total_steps": 200, "batch_size": 16, "lr": 3e-4, "clip": 1.0, "eval_every": 100}
        common |= {"freeze_embeddings": True, "distillation": Distillation(mode="none")} | changes
        spec = wb.RunSpec(
            task="glue/sst2",
            model=str(small_encoder),
            engine=GMP(sparsity=0.97, **common),
            examples=4000,
            dense=wb.FineTuning(epochs=1, lr=2e-4, eval_every=400),
        )
        return wb.prune(spec, tmp_path).results["validation"]["accuracy"]

    return measure


def test_the_recipe_beats_plain_gmp(accuracy):
    recipe = {"lr": 4e-4, "warmup": 0.0, "clip": None, "first_sparsity": 0.7, "start_epoch": 2.0}
    recipe |= {"cycle_epochs": 2.0, "returning": False, "keep": "last"}
    recipe |= {"distillation": Distillation(mode="logits", temperature=5.5, hardness=1.0)}
    assert accuracy(**recipe) > accuracy(lr=1.2e-4) + 0.05
