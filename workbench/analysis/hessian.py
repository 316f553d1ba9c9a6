"""The curvature of the training loss: the trace of its Hessian at a model's weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from torch import Tensor, nn

from workbench.analysis.loss import LossEvaluator
from workbench.errors import BadInput
from workbench.models import prunable
from workbench.randomness import torch_generator
from workbench.training.objective import label_loss


@dataclass(frozen=True)
class TraceEstimate:
    """An estimate of the trace of the Hessian of the mean training loss.

    Attributes:
        value: mean over the probes.
        standard_error: of that mean; None with one probe.
        weights: number of weights that the Hessian is taken over.
    """

    value: float
    standard_error: float | None
    weights: int


def hessian_trace(
    evaluator: LossEvaluator, weights: Mapping[str, Tensor], probes: int = 16, seed: int = 0
) -> TraceEstimate:
    """Hutchinson's estimate over the prunable weights that are not zero.

    E[v^T H v] = tr H for v of independent signs (Hutchinson 1990). The loss is the mean over the evaluator's
    training sample, in eval mode.

    Args:
        evaluator: the model and its examples.
        weights: the point at which to estimate, by name.
        probes: number of sign vectors, at least 1.
        seed: of the signs.

    Raises:
        BadInput: fewer than one probe.
    """
    if probes < 1:
        raise BadInput(f"{probes} probes cannot estimate a trace; use at least 1.")
    model = evaluator.load(weights)
    matrices = prunable(model)
    nonzero = {name: (matrix != 0).float() for name, matrix in matrices.items()}
    values = []
    for probe in range(probes):
        signs = {name: _signs(matrix, seed, probe, name) * nonzero[name] for name, matrix in matrices.items()}
        values.append(_curvature(evaluator, model, matrices, signs))
    error = float(np.std(values, ddof=1) / sqrt(probes)) if probes > 1 else None
    count = int(sum(map(torch.count_nonzero, nonzero.values())))
    return TraceEstimate(float(np.mean(values)), error, count)


def _curvature(
    evaluator: LossEvaluator, model: nn.Module, matrices: dict[str, nn.Parameter], v: dict[str, Tensor]
) -> float:
    """v^T H v, batch by batch."""
    total, examples = 0.0, len(evaluator.train)
    parameters = list(matrices.values())
    for batch in evaluator.train_batches():
        labels = batch.pop("labels")
        loss = label_loss(model(**batch).logits.float(), labels) * (len(labels) / examples)
        gradients = torch.autograd.grad(loss, parameters, create_graph=True)
        slope = sum((g * v[name]).sum() for name, g in zip(matrices, gradients, strict=True))
        products = torch.autograd.grad(slope, parameters)
        total += sum(float((h * v[name]).sum()) for name, h in zip(matrices, products, strict=True))
    return total


def _signs(matrix: Tensor, seed: int, probe: int, name: str) -> Tensor:
    rng = torch_generator(seed, "hutchinson", probe, name)
    return (torch.randint(0, 2, matrix.shape, generator=rng) * 2.0 - 1.0).to(matrix.device)
