"""A metric on bootstrap resamples of the dev examples, the same resamples for every run of a task."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import scipy

from workbench.errors import unknown
from workbench.randomness import numpy_generator
from workbench.tasks.metrics import METRICS

# Number of examples, over all resamples, that are processed at once.
_AT_ONCE = 2_000_000
# With more, the product in `_drawn_confusions` takes longer than counting.
_FEW_CLASSES = 4


def resampled(metric: str, labels: np.ndarray, logits: np.ndarray, task: str, resamples: int) -> np.ndarray:
    """The metric on resamples of the examples, drawn with replacement.

    Args:
        metric: as in `tasks.metrics.score`.
        labels: (n,) class numbers or targets.
        logits: (n, outputs); the prediction is the largest, or the value itself if there is only one output.
        task: determines the draws together with n, so that runs of one task share their resamples.
        resamples: how many, at least 1.

    Returns:
        float64 of shape (resamples,), each equal to `score` on that resample.
    """
    predictions = logits[:, 0] if logits.shape[1] == 1 else logits.argmax(axis=1)
    drawn = _draws(task, len(labels), resamples)
    if metric in _CORRELATIONS:
        first, second = labels.astype(np.float64), predictions.astype(np.float64)
        parts = [_CORRELATIONS[metric](first[draw], second[draw]) for draw in drawn]
    elif metric in _COUNTED:
        classes = max(1, int(labels.max()), int(predictions.max())) + 1
        cells = (labels * classes + predictions).astype(np.int64)
        if len(cells) * resamples <= _AT_ONCE and classes <= _FEW_CLASSES:
            tables = [_drawn_confusions(cells, classes, _times_drawn(task, len(cells), resamples))]
        else:
            tables = (_confusions(cells[draw], classes) for draw in drawn)
        parts = [_COUNTED[metric](table) for table in tables]
    elif metric in METRICS:
        compute = METRICS[metric].compute
        parts = [[compute(labels[row], predictions[row]) for row in draw] for draw in drawn]
    else:
        raise unknown("metric", metric, METRICS)
    return np.concatenate(parts)


def _draws(task: str, examples: int, resamples: int) -> Iterator[np.ndarray]:
    """Blocks of indices of shape (rows, examples), in total as many rows as resamples."""
    generator = numpy_generator("bootstrap", task, examples)
    rows = max(1, _AT_ONCE // examples)
    for start in range(0, resamples, rows):
        yield generator.integers(examples, size=(min(rows, resamples - start), examples))


def _confusions(cells: np.ndarray, classes: int) -> np.ndarray:
    """(resamples, classes, classes) counts, true class by predicted one."""
    rows, size = len(cells), classes**2
    places = cells + size * np.arange(rows)[:, None]
    counts = np.bincount(places.ravel(), minlength=rows * size)
    return counts.reshape(rows, classes, classes).astype(np.float64)


@lru_cache(maxsize=8)
def _times_drawn(task: str, examples: int, resamples: int) -> np.ndarray:
    """(resamples, examples) counts: how often each example is in each resample."""
    draws = np.concatenate(list(_draws(task, examples, resamples)))
    places = draws + examples * np.arange(resamples)[:, None]
    counts = np.bincount(places.ravel(), minlength=resamples * examples)
    return counts.reshape(resamples, examples).astype(np.float64)


def _drawn_confusions(cells: np.ndarray, classes: int, times: np.ndarray) -> np.ndarray:
    """`_confusions` of all resamples, as a product of whole numbers, which float64 holds exactly."""
    return (times @ np.eye(classes**2)[cells]).reshape(-1, classes, classes)


def _accuracy(table: np.ndarray) -> np.ndarray:
    return np.trace(table, axis1=1, axis2=2) / table.sum(axis=(1, 2))


def _f1(table: np.ndarray) -> np.ndarray:
    hits = table[:, 1, 1]
    return _ratio(2 * hits, table[:, 1].sum(axis=1) + table[:, :, 1].sum(axis=1))


def _matthews(table: np.ndarray) -> np.ndarray:
    """For any number of classes (Gorodkin 2004, R_K); 0 if labels or predictions are constant."""
    true, predicted, total = table.sum(axis=2), table.sum(axis=1), table.sum(axis=(1, 2))
    covariance = np.trace(table, axis1=1, axis2=2) * total - (true * predicted).sum(axis=1)
    variances = (total**2 - (true**2).sum(axis=1)) * (total**2 - (predicted**2).sum(axis=1))
    return _ratio(covariance, np.sqrt(variances))


def _pearson(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    return _ratio((first * second).sum(axis=1), np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1)))


def _spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return _pearson(scipy.stats.rankdata(first, axis=1), scipy.stats.rankdata(second, axis=1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)


_CORRELATIONS = {"pearson": _pearson, "spearman": _spearman}
_COUNTED = {"accuracy": _accuracy, "f1": _f1, "matthews": _matthews}
