"""Characteristic behaviour of the methods in short trainings on real data; docs/results has long ones."""

import pytest

import workbench as wb
from workbench.engines.magnitude import Magnitude
from workbench.engines.movement import Movement
from workbench.training import Distillation


@pytest.fixture(scope="module")
def accuracy(small_encoder, glue_dir, tmp_path_factory):
    """Validation accuracy on sst2 after 200 steps with one seed, starting from one dense model."""
    store = tmp_path_factory.mktemp("signatures")

    def measure(engine: type, sparsity: float, **changes) -> float:
        common = {"total_steps": 200, "batch_size": 16, "lr": 3e-4, "clip": 1.0, "eval_every": 200}
        common |= {"freeze_embeddings": True, "distillation": Distillation(mode="none")} | changes
        spec = wb.RunSpec(
            task="glue/sst2",
            model=str(small_encoder),
            engine=engine(sparsity=sparsity, **common),
            examples=4000,
            dense=wb.FineTuning(epochs=1, lr=2e-4, eval_every=400),
        )
        return wb.prune(spec, store).results["validation"]["accuracy"]

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("WORKBENCH_GLUE_DIR", str(glue_dir))
        yield measure


def test_movement_beats_magnitude_at_high_sparsity(accuracy):
    assert accuracy(Movement, 0.97, start="dense") > accuracy(Magnitude, 0.97) + 0.01
