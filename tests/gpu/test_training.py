"""A training step on a GPU: what it waits for, what it repeats, and what it refuses."""

import subprocess
import sys
import warnings

import pytest
import torch

from workbench.engines.movement import HardScores, Movement
from workbench.engines.soft_movement import SoftMovement, SoftScores
from workbench.masks import topk_mask
from workbench.models import load_encoder, prunable
from workbench.randomness import torch_generator
from workbench.scores import magnitude
from workbench.training import (
    Distillation,
    MaskedTrainer,
    TrainingConfig,
    detect_precision,
    deterministic,
    device,
    moved,
)


def batch(number: int) -> dict[str, torch.Tensor]:
    """Eight sequences of twelve tokens, the second half of them with padding."""
    rng = torch_generator("gpu", "batch", number)
    present = torch.ones(8, 12, dtype=torch.int64)
    present[4:, 9:] = 0
    return {
        "input_ids": torch.randint(5, 60, (8, 12), generator=rng) * present,
        "attention_mask": present,
        "labels": torch.randint(0, 2, (8,), generator=rng),
        "indices": torch.arange(8),
    }


def sparsifier(kind: str, model: torch.nn.Module):
    if kind == "mask":
        return topk_mask(magnitude(prunable(model)), 0.7)
    scores = {"movement": (HardScores, Movement), "soft-movement": (SoftScores, SoftMovement)}
    if kind not in scores:
        return None
    scored, engine = scores[kind]
    return scored(engine(sparsity=0.7, ramp_from=0.0, ramp_until=0.2))


def training(model, kind: str, precision: str = "bf16") -> MaskedTrainer:
    config = TrainingConfig(
        steps=40, lr=1e-3, clip=1.0, distillation=Distillation(mode="logits", hardness=0.5)
    )
    logits = torch.randn(8, 2, generator=torch_generator("gpu", "teacher"))
    return MaskedTrainer(
        model, config, key=("gpu", kind), mask=sparsifier(kind, model), teacher=logits, precision=precision
    )


def test_models_train_here_in_bfloat16_where_the_gpu_multiplies_it(gpu, model):
    native = torch.cuda.get_device_capability(gpu) >= (8, 0)
    assert device().type == "cuda"
    assert detect_precision() == ("bf16" if native else "fp32")


def test_a_batch_is_copied_out_of_pinned_memory_and_stays_equal(gpu):
    first = batch(0)
    copied = moved(first, gpu)
    assert all(tensor.device == gpu for tensor in copied.values())
    assert all(torch.equal(copied[name].cpu(), tensor) for name, tensor in first.items())
    assert all(moved(copied, gpu)[name] is tensor for name, tensor in copied.items())


@pytest.mark.parametrize("kind", ["dense", "mask", "movement", "soft-movement"])
def test_a_step_waits_for_the_gpu_in_the_library_alone(gpu, model, kind):
    trainer = training(model, kind)
    with deterministic():
        for number in range(11):  # the loss is read at the tenth
            trainer.advance(batch(number))
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                values = [trainer.advance(batch(number)) for number in range(11, 15)]
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert values == [None] * 4
    waits = [warning for warning in caught if "synchroniz" in str(warning.message)]
    # The library looks whether there is padding, once a forward pass.
    places = {f"{wait.filename}:{wait.lineno}" for wait in waits if "transformers" not in wait.filename}
    assert places == set()
    trainer.losses.check()


@pytest.mark.parametrize("kind", ["dense", "mask", "movement"])
def test_trainings_repeat_bit_for_bit(gpu, tiny_model_dir, kind):
    def outcome() -> dict[str, torch.Tensor]:
        trainer = training(load_encoder(str(tiny_model_dir), outputs=2, seed=0), kind)
        with deterministic():
            for number in range(12):
                trainer.advance(batch(number))
            return {name: tensor.clone() for name, tensor in trainer.tensors().items()}

    first, second = outcome(), outcome()
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_outputs_are_near_those_of_the_cpu(gpu, model):
    model.eval()
    inputs = {name: tensor for name, tensor in batch(0).items() if name not in ("labels", "indices")}
    with torch.no_grad():
        here = model(**inputs).logits
        there = model.to(gpu)(**moved(inputs, gpu)).logits
    torch.testing.assert_close(there.cpu(), here, atol=1e-4, rtol=1e-4)


PROGRAM = """
import torch
from workbench.training import deterministic
with deterministic():
    a = torch.ones(64, 64, device="cuda")
    assert (a @ a).sum().item() == 64.0**3
"""


def test_a_process_needs_no_variable_of_its_own(gpu, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=120)
