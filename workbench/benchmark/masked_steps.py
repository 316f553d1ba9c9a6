"""Benchmark rows for training steps under a fixed mask, and for what a teacher adds to a step."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from workbench.benchmark.measure import Row
from workbench.benchmark.models import classifier, magnitude_mask
from workbench.benchmark.scales import Scale
from workbench.compute import measured_break_even
from workbench.compute.sparsify import Choice
from workbench.masks import Mask
from workbench.models import prunable
from workbench.randomness import torch_generator
from workbench.training import (
    Distillation,
    MaskedTrainer,
    TrainingConfig,
    autocast,
    detect_precision,
    model_inputs,
    moved,
)
from workbench.training.objective import logit_loss

_SPARSITIES = (0.8, 0.95, 0.97)
_DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


def masked_step_rows(scale: Scale) -> Iterator[Row]:
    """Steps that compute with all weights, with the kept ones, and with the quicker for each matrix.

    Then dense steps from labels, from a teacher's stored logits, and from a teacher that is asked.
    """
    for sparsity in _SPARSITIES:
        yield masked_step_row(scale, sparsity)
    yield teacher_row(scale)


def masked_step_row(scale: Scale, sparsity: float) -> Row:
    """An optimizer step under a fixed mask, from a teacher's stored logits; dropout as runs have it."""
    model, precision = classifier(scale.layers, scale.hidden), detect_precision()
    mask, batch = magnitude_mask(model, sparsity), _batch(scale)
    costs, tokens = measured_break_even(_DTYPES[precision]), batch["input_ids"].numel()
    ways: dict[str, Choice | None] = {
        "dense": None,
        "sparse": lambda name, shape, kept: True,
        "auto": lambda name, shape, kept: costs.best(shape, kept, tokens) == "sparse",
    }
    trainers = {way: _trainer(scale, "logits", _logits(batch), mask, choose) for way, choose in ways.items()}

    def check(results: dict) -> None:
        losses = {way: _loss(trainers[way], batch) for way in results}
        for way, loss in losses.items():
            # The same weights but for one small step; bfloat16 rounds each layer's output.
            assert abs(loss - losses["dense"]) <= 0.05 * max(1, losses["dense"]), (way, loss)
            tensors = trainers[way].tensors()
            assert not any(tensors[f"model.{name}"][~mask[name]].any() for name in mask), way

    what = f"masked step, {_size(scale)} at {sparsity:g}, {_shape(batch)}, stored logits, {precision}"
    calls = {way: lambda trainer=trainer: trainer.advance(batch) for way, trainer in trainers.items()}
    return Row(what, calls, check, _weights(model), 2 + scale.rounds)


def teacher_row(scale: Scale) -> Row:
    """A dense step from labels alone, and what a teacher costs beside it."""
    batch, teacher = _batch(scale), classifier(scale.layers, scale.hidden).eval()
    trainers = {
        "labels alone": _trainer(scale, "none", None),
        "stored logits": _trainer(scale, "logits", _logits(batch)),
        "teacher asked for logits": _trainer(scale, "logits", teacher),
        "teacher asked for all of TinyBERT's targets": _trainer(scale, "tinybert", teacher),
    }

    def check(results: dict) -> None:
        assert all(torch.isfinite(torch.tensor(loss)) for loss in results.values()), results

    what = f"dense step, {_size(scale)}, {_shape(batch)}, {detect_precision()}"
    calls = {name: lambda trainer=trainer: trainer.advance(batch) for name, trainer in trainers.items()}
    return Row(what, calls, check, _weights(teacher), 2 + scale.rounds)


def _trainer(
    scale: Scale,
    mode: str,
    teacher: nn.Module | Tensor | None,
    mask: Mask | None = None,
    choose: Choice | None = None,
) -> MaskedTrainer:
    config = TrainingConfig(steps=10_000, lr=1e-5, distillation=Distillation(mode=mode))
    return MaskedTrainer(
        classifier(scale.layers, scale.hidden),
        config,
        key=("benchmark",),
        mask=mask,
        teacher=teacher,
        precision=detect_precision(),
        sparse=choose,
        quick_dropout=choose is not None,
        read_every=1,
    )


@torch.no_grad()
def _loss(trainer: MaskedTrainer, batch: Mapping[str, Tensor]) -> float:
    """The loss without dropout."""
    inputs = moved(model_inputs(batch), trainer.device)
    trainer.model.eval()
    with autocast(trainer.device, trainer.precision):
        logits = trainer.model(**inputs).logits.float()
    trainer.model.train()
    return logit_loss(logits, trainer.teacher, batch["labels"], trainer.config.distillation).item()


def _batch(scale: Scale) -> dict[str, Tensor]:
    examples, rng = scale.batch[0], torch_generator("benchmark", "masked steps")
    ids = torch.randint(1, 1000, scale.batch, generator=rng)
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": torch.randint(0, 2, (examples,), generator=rng),
        "indices": torch.arange(examples),
    }


def _logits(batch: Mapping[str, Tensor]) -> Tensor:
    rng = torch_generator("benchmark", "teacher")
    return torch.randn(len(batch["labels"]), 2, generator=rng)


def _weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight.detach() for name, weight in prunable(model).items()}


def _size(scale: Scale) -> str:
    return f"encoder {scale.layers} x {scale.hidden}"


def _shape(batch: Mapping[str, Tensor]) -> str:
    examples, tokens = batch["input_ids"].shape
    return f"batch {examples} x {tokens} tokens"
