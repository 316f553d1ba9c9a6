"""A metric of several runs on the same dev examples, as they are and resampled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.analysis.resampling import resampled_runs
from workbench.errors import BadInput
from workbench.runs import Run
from workbench.runs.predictions import Predictions, read_predictions
from workbench.tasks.metrics import score

RESAMPLES = 2000


@dataclass(frozen=True)
class Scores:
    """A metric of runs that differ in their seeds.

    Attributes:
        values: (seeds,), on the dev split.
        resampled: (seeds, resamples), on bootstrap samples of its examples, the same for all runs of a task;
            None where the outputs are not known.
    """

    values: np.ndarray
    resampled: np.ndarray | None = None


def scores_of(
    runs: Sequence[Run], metric: str = "", *, dense: bool = False, constant: bool = False
) -> Scores:
    """The scores of what runs left, on the first dev split.

    Args:
        runs: complete runs of one task, a seed each.
        metric: its name; empty for the primary one.
        dense: those of the dense models that the runs went on from, whose outputs are not kept.
        constant: those of the constant answer that scores best, the floor of every model.

    Raises:
        BadInput: the floor of a run that kept no outputs.
    """
    split = next(iter(runs[0].results["dev"]))
    metric = metric or next(iter(runs[0].results["dev"][split]))
    if dense:
        return Scores(np.array([run.results["dense"]["dev"][split][metric] for run in runs]))
    kept = [read_predictions(run.folder).get(split) for run in runs]
    if None in kept and constant:
        raise BadInput(
            f"run {runs[kept.index(None)].name} kept no outputs, which the floor needs. Delete its folder "
            "and run the same command again."
        )
    if None in kept:
        return Scores(np.array([run.results["dev"][split][metric] for run in runs]))
    if constant:
        kept = [_best_constant(outputs, metric) for outputs in kept]
    task = runs[0].spec.task
    return Scores(
        np.array([score([metric], outputs.logits, outputs.labels)[metric] for outputs in kept]),
        resampled_outputs(metric, kept, task),
    )


def resampled_outputs(metric: str, kept: Sequence[Predictions], task: str) -> np.ndarray:
    """The metric of what runs of one task kept, on every resample: float64 (runs, `RESAMPLES`)."""
    labels = kept[0].labels
    if all(outputs.labels is labels or np.array_equal(labels, outputs.labels) for outputs in kept):
        return resampled_runs(metric, labels, [outputs.logits for outputs in kept], task, RESAMPLES)
    return np.concatenate(
        [resampled_runs(metric, outputs.labels, [outputs.logits], task, RESAMPLES) for outputs in kept]
    )


def _best_constant(outputs: Predictions, metric: str) -> Predictions:
    """The same answer to every example that scores best: a class, or for a regression the labels' mean.

    To correlations all numbers are equal; they take the first, which float arithmetic keeps constant.
    """
    answers = np.eye(outputs.logits.shape[1], dtype=np.float32)
    if len(answers) == 1:
        answers = np.append(answers, [[outputs.labels.mean()]], axis=0)
    constants = [np.broadcast_to(answer, outputs.logits.shape) for answer in answers]
    best = max(constants, key=lambda logits: score([metric], logits, outputs.labels)[metric])
    return Predictions(best, outputs.labels)
