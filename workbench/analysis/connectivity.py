"""Whether two trained models lie in one basin: loss along the line between them, and its curvature."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from workbench.analysis.basis import Basis
from workbench.errors import BadInput
from workbench.models import prunable
from workbench.randomness import torch_generator
from workbench.training.objective import label_loss

Weights = dict[str, Tensor]


def line(basis: Basis, first: Weights, second: Weights, points: int = 11) -> pd.DataFrame:
    """Loss and error at equal steps along the straight line between two models.

    Where the two have different masks the line runs through the union of their supports. BatchNorm's
    statistics, where there are any, are recomputed at every point.

    Args:
        basis: the model they are weights of, and the examples to look at.
        first, second: parameters and buffers by name.
        points: on the line, the ends included; at least 11, fewer miss a narrow barrier.

    Returns:
        one row a point and split ("train", a fixed sample, and "dev"): alpha (0 is `first`, 1 `second`),
        split, loss (cross-entropy in nats, or squared error), error (share misclassified; missing for a
        regression).

    Raises:
        BadInput: fewer than 11 points, or weights of different models.
    """
    if points < 11:
        raise BadInput(f"{points} points are too few to see a barrier; take 11 or more")
    _check_same_model(first, second)
    rows = []
    for alpha in np.linspace(0, 1, points):
        mixed = {name: torch.lerp(value, second[name], alpha) for name, value in _floating(first).items()}
        basis.load(first | mixed)
        for split, (loss, error) in basis.losses().items():
            rows.append((float(alpha), split, loss, error))
    return pd.DataFrame(rows, columns=["alpha", "split", "loss", "error"])


def barriers(table: pd.DataFrame) -> pd.DataFrame:
    """How far the line rises above what its ends foretell.

    Args:
        table: of `line`.

    Returns:
        one row a split: split; loss_barrier, the largest excess of the loss over the straight line between
        the ends' losses (0 where it never exceeds it); error_barrier, the largest error between the ends less
        their mean (Frankle et al. 2020), negative where the line is better than its ends; stable, whether
        that is below 0.02. Missing where there is no error.
    """
    rows = []
    for split, points in table.sort_values("alpha").groupby("split", sort=False):
        alpha, loss, error = (points[name].to_numpy() for name in ("alpha", "loss", "error"))
        excess = loss - ((1 - alpha) * loss[0] + alpha * loss[-1])
        rise = error[1:-1].max() - (error[0] + error[-1]) / 2
        stable = None if np.isnan(rise) else bool(rise < 0.02)
        rows.append((split, max(0.0, float(excess.max())), float(rise), stable))
    return pd.DataFrame(rows, columns=["split", "loss_barrier", "error_barrier", "stable"])


@dataclass(frozen=True)
class Trace:
    """An estimate of the trace of the Hessian of the mean training loss.

    Attributes:
        value: mean over the probes.
        standard_error: of that mean; None with one probe.
        weights: number of weights that the Hessian is taken over.
    """

    value: float
    standard_error: float | None
    weights: int


def hessian_trace(basis: Basis, weights: Weights, probes: int = 16, seed: int = 0) -> Trace:
    """Hutchinson's estimate over the prunable weights that are not zero.

    E[v^T H v] = tr H for v of independent signs (Hutchinson 1990). The loss is the mean over the basis's
    sample of train, in eval mode.

    Args:
        basis: the model and its examples.
        weights: where to look, by name.
        probes: sign vectors, at least 1.
        seed: of the signs.

    Raises:
        BadInput: no probe.
    """
    if probes < 1:
        raise BadInput(f"{probes} probes estimate nothing; take at least 1")
    model = basis.load(weights)
    matrices = prunable(model)
    alive = {name: (matrix != 0).float() for name, matrix in matrices.items()}
    values = []
    for probe in range(probes):
        signs = {name: _signs(matrix, seed, probe, name) * alive[name] for name, matrix in matrices.items()}
        values.append(_curvature(basis, model, matrices, signs))
    spread = float(np.std(values, ddof=1) / sqrt(probes)) if probes > 1 else None
    return Trace(float(np.mean(values)), spread, int(sum(map(torch.count_nonzero, alive.values()))))


def _curvature(basis: Basis, model: nn.Module, matrices: dict[str, nn.Parameter], v: Weights) -> float:
    """v^T H v, batch by batch."""
    total, examples = 0.0, len(basis.train)
    parameters = list(matrices.values())
    for batch in basis.train_batches():
        labels = batch.pop("labels")
        loss = label_loss(model(**batch).logits.float(), labels) * (len(labels) / examples)
        gradients = torch.autograd.grad(loss, parameters, create_graph=True)
        slope = sum((g * v[name]).sum() for name, g in zip(matrices, gradients, strict=True))
        bent = torch.autograd.grad(slope, parameters)
        total += sum(float((h * v[name]).sum()) for name, h in zip(matrices, bent, strict=True))
    return total


def _signs(matrix: Tensor, seed: int, probe: int, name: str) -> Tensor:
    rng = torch_generator(seed, "hutchinson", probe, name)
    return (torch.randint(0, 2, matrix.shape, generator=rng) * 2.0 - 1.0).to(matrix.device)


def _floating(weights: Weights) -> Weights:
    return {name: value for name, value in weights.items() if value.is_floating_point()}


def _check_same_model(first: Weights, second: Weights) -> None:
    for name in (*first, *second):
        shapes = [tuple(side[name].shape) if name in side else "missing" for side in (first, second)]
        if shapes[0] != shapes[1]:
            raise BadInput(
                f"weights of different models: {name} is {shapes[0]} in the first and {shapes[1]} in the "
                "second. Compare runs of one model and task."
            )
