"""Benchmark row for training steps."""

import torch

from workbench.benchmark.measure import Row
from workbench.benchmark.models import classifier
from workbench.benchmark.scales import Scale
from workbench.engines.gmp import ReturningPruning
from workbench.masks import Mask, TopKTracker, kept_count, topk_mask
from workbench.models import prunable
from workbench.randomness import torch_generator
from workbench.scores import magnitude
from workbench.training import (
    Distillation,
    MaskedTrainer,
    Sparsifier,
    Training,
    TrainingConfig,
    detect_precision,
)

_SPARSITY = 0.9
_BATCH, _TOKENS = 32, 32


class PerStepTopK(Sparsifier):
    """After every step, keeps the weights with the highest accumulated scores.

    A weight's score is the sum of -w dL/dw over the steps, as in movement pruning (Sanh et al. 2020,
    arXiv 2005.07683, equation 5).
    """

    def attach(self, training: Training) -> None:
        """Starts from scores of zero."""
        super().attach(training)
        self.scores = {name: torch.zeros_like(weight) for name, weight in self.weights.items()}
        self.kept = {name: kept_count(weight.numel(), _SPARSITY) for name, weight in self.weights.items()}
        self._tracker = TopKTracker()

    @torch.no_grad()
    def before_step(self) -> None:
        """Updates the scores."""
        for name, weight in self.weights.items():
            self.scores[name].addcmul_(weight, weight.grad, value=-1)

    @torch.no_grad()
    def after_step(self) -> None:
        """Sets all weights to zero except those with the highest scores."""
        for name, keep in self._tracker.select(self.scores, self.kept).items():
            self.weights[name].mul_(keep)


def step_row(scale: Scale) -> Row:
    """A dense optimizer step, and steps under three kinds of masks."""
    dense = _trainer(scale)
    weights = {name: weight.detach() for name, weight in prunable(dense.model).items()}
    mask, top_k = topk_mask(magnitude(weights), _SPARSITY), PerStepTopK()
    returning = ReturningPruning({0: _SPARSITY}, "matrix", "magnitude", seed=0)
    fixed, tracked, behind = _trainer(scale, mask), _trainer(scale, top_k), _trainer(scale, returning)
    rng = torch_generator("benchmark", "batch")
    batch = {
        "input_ids": torch.randint(1, 1000, (_BATCH, _TOKENS), generator=rng),
        "attention_mask": torch.ones(_BATCH, _TOKENS, dtype=torch.int64),
        "labels": torch.randint(0, 2, (_BATCH,), generator=rng),
    }

    def check(results: dict) -> None:
        for name, weight in prunable(fixed.model).items():
            assert not weight.detach()[~mask[name]].any(), name
        for name, weight in prunable(tracked.model).items():
            assert weight.count_nonzero() <= top_k.kept[name], name
        returning.check()

    contestants = {
        "dense": lambda: dense.advance(batch),
        "fixed mask": lambda: fixed.advance(batch),
        "weights behind the mask": lambda: behind.advance(batch),
        "top-k at every step": lambda: tracked.advance(batch),
    }
    size = f"{scale.step_layers} x {scale.step_hidden}"
    what = f"training step, encoder {size}, batch {_BATCH} x {_TOKENS} tokens, {dense.precision}"
    return Row(what, contestants, check, weights, 6 * scale.rounds)


def _trainer(scale: Scale, mask: Mask | Sparsifier | None = None) -> MaskedTrainer:
    model = classifier(scale.step_layers, scale.step_hidden)
    config = TrainingConfig(steps=10_000, lr=1e-5, distillation=Distillation(mode="none"))
    return MaskedTrainer(
        model, config, key=("benchmark",), mask=mask, precision=detect_precision(), read_every=1
    )
