"""Scores on the dev splits: they are read only here, once, after all selection.

A run with `selection: dev` also selects on one of them, as the papers do; its report says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from workbench.execution.models import RunModels
from workbench.runs.layout import RunFolder
from workbench.runs.predictions import Predictions
from workbench.runs.stage_folder import StageFolder
from workbench.stages import Stage
from workbench.tasks.metrics import score
from workbench.training import predict
from workbench.training.data import TaskData

Metrics = dict[str, dict[str, float]]


@dataclass(frozen=True)
class FinalScores:
    """Metrics on every dev split, by split name, the primary metric first.

    Attributes:
        levels: of each level's weights.
        dense: of the dense model.
        predictions: the last level's outputs, by split name.
    """

    levels: dict[Stage, Metrics]
    dense: Metrics
    predictions: dict[str, Predictions]


def score_on_dev(
    folder: RunFolder, data: TaskData, models: RunModels, levels: Sequence[Stage], precision: str
) -> FinalScores:
    """Evaluates the weights of every level, and the dense model.

    Args:
        folder: the run folder, with all stages complete.
        data: the task.
        models: of the run.
        levels: the run's levels, in order.
        precision: "fp32" or "bf16".
    """
    by_level: dict[Stage, Metrics] = {}
    for level in levels:
        model = models.load(models.state(StageFolder(folder, level)))
        predictions = _predict(model, data, precision)
        by_level[level] = _metrics(predictions, data)
    return FinalScores(by_level, _metrics(_predict(models.dense, data, precision), data), predictions)


def _predict(model: nn.Module, data: TaskData, precision: str) -> dict[str, Predictions]:
    return {
        name: Predictions(predict(model, split, precision), split.labels) for name, split in data.dev.items()
    }


def _metrics(predictions: dict[str, Predictions], data: TaskData) -> Metrics:
    return {name: score(data.task.metrics, p.logits, p.labels) for name, p in predictions.items()}
