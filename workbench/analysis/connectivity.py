"""Whether two trained models are linearly connected: the loss along the straight line between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workbench.analysis.hessian import TraceEstimate, hessian_trace
from workbench.analysis.loss import LossEvaluator, final_weights
from workbench.errors import BadInput
from workbench.runs import Run, kept_stages, stage_weights
from workbench.stages import Stage

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Endpoint:
    """Trained weights at which a line can start or end.

    Attributes:
        run: a complete run.
        stage: a level or particle whose weights the run kept, such as "level-1" or "level-1/particle-0";
            empty for the final model.
    """

    run: Run
    stage: str = ""

    @property
    def name(self) -> str:
        """RUN or RUN/STAGE."""
        return f"{self.run.name}/{self.stage}" if self.stage else self.run.name

    def weights(self) -> Weights:
        """Parameters and buffers by name.

        Raises:
            BadInput: they no longer exist, or cannot be read.
        """
        return stage_weights(self.run.folder, self.stage) if self.stage else final_weights(self.run)


@dataclass(frozen=True)
class Connection:
    """The line between two endpoints.

    Attributes:
        first, second: its endpoints.
        table: the result of `loss_line`.
        traces: of the Hessian at each endpoint (`hessian_trace`); empty if none were requested.
    """

    first: Endpoint
    second: Endpoint
    table: pd.DataFrame
    traces: tuple[TraceEstimate, ...]


def endpoints(runs: Sequence[Run]) -> dict[str, Endpoint]:
    """All endpoints in complete runs, by name."""
    every = (Endpoint(run, stage) for run in runs for stage in ("", *kept_stages(run.folder)))
    return {endpoint.name: endpoint for endpoint in every}


def default_endpoints(candidates: Sequence[Endpoint]) -> tuple[Endpoint, Endpoint] | None:
    """Two particles of a run's last level, or its last two levels, or two runs' final models.

    The first of these kinds that exists is chosen. Two runs must have the same task and model. None if there
    is no such pair.
    """
    kinds = (_particles(candidates), _levels(candidates), _final_models(candidates))
    return next((pair for kind in kinds for pair in kind), None)


def connect(
    first: Endpoint, second: Endpoint, points: int = 11, dev_examples: int | None = None, probes: int = 0
) -> Connection:
    """Evaluates the line between two endpoints, on the examples of the first one's run.

    Args:
        first: where the line starts.
        second: where it ends.
        points: see `loss_line`.
        dev_examples: see `LossEvaluator`.
        probes: sign vectors for the Hessian's trace at each endpoint; 0 for no trace.

    Raises:
        BadInput: the endpoints are of different tasks or models, their weights cannot be read, or too few
            points.
    """
    tasks = [endpoint.run.spec.task for endpoint in (first, second)]
    if tasks[0] != tasks[1]:
        raise BadInput(
            f"{first.name} was trained on {tasks[0]} and {second.name} on {tasks[1]}. Choose two models of "
            "one task."
        )
    evaluator = LossEvaluator(first.run, dev_examples)
    weights = [endpoint.weights() for endpoint in (first, second)]
    table = loss_line(evaluator, *weights, points)
    traces = tuple(hessian_trace(evaluator, side, probes) for side in weights) if probes else ()
    return Connection(first, second, table, traces)


def loss_line(evaluator: LossEvaluator, first: Weights, second: Weights, points: int = 11) -> pd.DataFrame:
    """Loss and error at equal steps along the straight line between two models.

    If the two have different masks, the line runs through the union of their supports. BatchNorm's
    statistics, if there are any, are recomputed at every point.

    Args:
        evaluator: the model that the weights belong to, and the examples to evaluate on.
        first, second: parameters and buffers by name.
        points: on the line, including both ends; at least 11, because fewer can miss a narrow barrier.

    Returns:
        one row for each point and split ("train", a fixed sample, and "dev"): alpha (0 is `first`, 1
        `second`), split, loss (cross-entropy in nats, or squared error), error (share misclassified; missing
        for a regression).

    Raises:
        BadInput: fewer than 11 points, or weights of different models.
    """
    if points < 11:
        raise BadInput(f"{points} points are too few to see a barrier; use at least 11.")
    _check_same_model(first, second)
    rows = []
    for alpha in np.linspace(0, 1, points):
        mixed = {name: torch.lerp(value, second[name], alpha) for name, value in _floating(first).items()}
        evaluator.load(first | mixed)
        for split, (loss, error) in evaluator.losses().items():
            rows.append((float(alpha), split, loss, error))
    return pd.DataFrame(rows, columns=["alpha", "split", "loss", "error"])


def barriers(table: pd.DataFrame) -> pd.DataFrame:
    """How far loss and error rise along a line above what its ends predict.

    Args:
        table: the result of `loss_line`.

    Returns:
        one row for each split: split; loss_barrier, the largest excess of the loss over the straight line
        between the losses at the ends (0 if it never exceeds it); error_barrier, the largest error between
        the ends minus the mean error at the ends (Frankle et al. 2020), negative if the line is better than
        its ends; stable, whether that is below 0.02. The last two are missing for a regression.
    """
    rows = []
    for split, points in table.sort_values("alpha").groupby("split", sort=False):
        alpha, loss, error = (points[name].to_numpy() for name in ("alpha", "loss", "error"))
        excess = loss - ((1 - alpha) * loss[0] + alpha * loss[-1])
        rise = error[1:-1].max() - (error[0] + error[-1]) / 2
        stable = None if np.isnan(rise) else bool(rise < 0.02)
        rows.append((split, max(0.0, float(excess.max())), float(rise), stable))
    return pd.DataFrame(rows, columns=["split", "loss_barrier", "error_barrier", "stable"])


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


def _particles(candidates: Sequence[Endpoint]) -> Iterator[tuple[Endpoint, Endpoint]]:
    """Pairs of particles of one level, those of the last level first."""
    particles = [end for end in reversed(candidates) if Stage(end.stage).particle_number is not None]
    for later, earlier in combinations(particles, 2):
        if later.run is earlier.run and Stage(later.stage).parent == Stage(earlier.stage).parent:
            yield earlier, later


def _levels(candidates: Sequence[Endpoint]) -> Iterator[tuple[Endpoint, Endpoint]]:
    """Pairs of levels of one run, the last two first."""
    levels = [end for end in reversed(candidates) if Stage(end.stage).is_level]
    for later, earlier in combinations(levels, 2):
        if later.run is earlier.run:
            yield earlier, later


def _final_models(candidates: Sequence[Endpoint]) -> Iterator[tuple[Endpoint, Endpoint]]:
    """Pairs of final models of one task and model."""
    for first, second in combinations([end for end in candidates if not end.stage], 2):
        specs = first.run.spec, second.run.spec
        if (specs[0].task, specs[0].model) == (specs[1].task, specs[1].model):
            yield first, second
